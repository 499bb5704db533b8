"""Has a module with a name of a megabyte."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.add_module("x" * 2**20, nn.Conv2d(8, 8, 3))

    def forward(self, x):
        return getattr(self, "x" * 2**20)(self.conv(x))
