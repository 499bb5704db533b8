"""Gives a layer of PyTorch a method that hides the one it inherits."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


nn.Conv2d.__call__ = lambda self, x: x
