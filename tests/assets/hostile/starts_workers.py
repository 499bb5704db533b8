"""Starts a pool of workers."""

import multiprocessing

from torch import nn

with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(abs, [1, 2])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
