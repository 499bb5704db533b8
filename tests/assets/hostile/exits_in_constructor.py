"""Ends like a script when it is built."""

import sys

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        sys.exit("no data here")

    def forward(self, x):
        return self.conv(x)
