"""Has an object that fails when it is thrown away."""

from torch import nn


class Fails:
    def __del__(self):
        raise ValueError("gone")


Fails()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
