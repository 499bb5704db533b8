"""Ends the process when it runs."""

import os

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        os._exit(3)
        return self.conv(x)
