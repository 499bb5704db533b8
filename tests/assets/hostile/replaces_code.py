"""Replaces the code inside one of PyTorch's functions."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


nn.Conv2d.forward.__code__ = (lambda self, x: x).__code__
