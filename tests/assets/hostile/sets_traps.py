"""Fails whenever it is asked for something unusual."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)

    def __getattr__(self, name):
        if name in ("_modules", "_parameters", "_buffers", "conv"):
            return super().__getattr__(name)
        raise RuntimeError(name)

    def __reduce__(self):
        raise RuntimeError("not to be copied")

    def __repr__(self):
        raise RuntimeError("not to be shown")

    def __len__(self):
        raise RuntimeError("not to be counted")

    def __eq__(self, other):
        raise RuntimeError("not to be compared")

    __hash__ = nn.Module.__hash__
