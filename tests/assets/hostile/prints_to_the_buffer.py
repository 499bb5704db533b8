"""Prints an image, as one would into a pipe."""

import sys

from torch import nn

sys.__stdout__.buffer.write(b"\x89PNG\r\n\x1a\n\0\0")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
