"""Computes a number for hours, without a line of Python in between."""

from torch import nn

ANSWER = pow(7, 10**9)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
