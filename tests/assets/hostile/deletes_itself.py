"""Deletes its own file."""

from pathlib import Path

from torch import nn

Path(__file__).unlink()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
