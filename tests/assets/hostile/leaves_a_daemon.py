"""Starts a program in a session of its own, whose parent ends."""

import subprocess

from torch import nn

subprocess.run(["sh", "-c", "setsid sleep 1000 & exit 0"], check=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
