"""Replaces the forward of PyTorch's convolution."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


nn.Conv2d.forward = lambda self, x: x
