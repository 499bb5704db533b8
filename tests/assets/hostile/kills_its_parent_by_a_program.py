"""Has another program kill the process that started it."""

import os
import subprocess
import time

from torch import nn

subprocess.run(["kill", "-9", str(os.getppid())], check=True)
time.sleep(60)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
