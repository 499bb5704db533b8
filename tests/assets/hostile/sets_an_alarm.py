"""Has an alarm go off that nobody catches, and waits for it."""

import signal
import time

from torch import nn

signal.alarm(1)
time.sleep(60)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
