"""Loops, and aborts when it is asked where it is, as its time is over."""

import os
import signal

from torch import nn

signal.signal(signal.SIGXCPU, lambda *_: os.abort())
while True:
    pass


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
