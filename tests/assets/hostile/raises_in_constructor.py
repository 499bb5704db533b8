"""Fails when it is built."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        raise KeyError("width")

    def forward(self, x):
        return self.conv(x)
