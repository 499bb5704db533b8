"""Puts a module of its own in the place of one of PyTorch's."""

import sys
import types

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


sys.modules["torch.nn.functional"] = types.ModuleType("torch.nn.functional")
