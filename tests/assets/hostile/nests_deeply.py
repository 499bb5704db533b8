"""Nests ten thousand containers."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        for _ in range(10_000):
            self.conv = nn.Sequential(self.conv)

    def forward(self, x):
        return self.conv(x)
