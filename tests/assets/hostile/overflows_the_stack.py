"""Calls itself in C until the stack is used up."""

import sys

from torch import nn

sys.setrecursionlimit(10**9)
one, other = [], []
for _ in range(300_000):
    one, other = [one], [other]
one == other  # noqa: B015


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
