"""Never comes to the end of its forward."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        while True:
            x = x + 1
        return self.conv(x)
