"""Loops when one of its objects is thrown away."""

from torch import nn


class Loop:
    def __del__(self):
        while True:
            pass


Loop()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
