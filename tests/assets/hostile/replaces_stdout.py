"""Sends what is printed to nowhere, for good."""

import os
import sys

from torch import nn

sys.stdout = open(os.devnull, "w")  # noqa: SIM115


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
