"""Reads what is piped into it."""

import sys

from torch import nn

LINES = sys.stdin.read().splitlines()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
