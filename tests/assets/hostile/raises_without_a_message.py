"""Raises an error whose message cannot be had."""

from torch import nn


class MuteError(Exception):
    def __str__(self):
        raise self


raise MuteError


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
