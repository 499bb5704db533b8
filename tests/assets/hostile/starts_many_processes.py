"""Starts a hundred programs."""

import subprocess
import time

from torch import nn

started = [subprocess.Popen(["sleep", "1000"]) for _ in range(100)]
time.sleep(1000)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
