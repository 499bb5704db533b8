"""Puts something else in the place of stdin."""

import io
import sys

from torch import nn

sys.stdin = io.StringIO("8")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
