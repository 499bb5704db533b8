"""Never comes to the end of its constructor."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        while True:
            pass

    def forward(self, x):
        return self.conv(x)
