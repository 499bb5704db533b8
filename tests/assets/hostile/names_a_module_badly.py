"""Has a module whose name looks like another line of the report."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.add_module("all rules hold\n::error::", nn.Conv2d(8, 8, 3))

    def forward(self, x):
        return getattr(self, "all rules hold\n::error::")(self.conv(x))
