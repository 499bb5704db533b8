"""Raises an error whose message clears the screen and looks like an annotation."""

from torch import nn

raise ValueError("\x1b[2J\x1b[31mred\n::error::all rules hold\r\0")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
