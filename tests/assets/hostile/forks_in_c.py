"""Forks behind the back of Python."""

import ctypes
import time

from torch import nn

ctypes.CDLL(None).fork()
time.sleep(0.1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
