"""Has attributes and weights that are not numbers."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.scale = float("nan")
        self.bound = float("inf")
        nn.init.constant_(self.conv.weight, float("nan"))

    def forward(self, x):
        return self.conv(x)
