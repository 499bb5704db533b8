"""Replaces a function of rfkit."""

from torch import nn

from rfkit import analyze


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


analyze.trace = lambda *_, **__: None
