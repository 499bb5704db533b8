# ruff: noqa
# Style: a stem, then blocks in a ModuleList that the forward loops over; the dilation grows in the loop.
# RF: stem 3 | then a separable 3x3 with stride 2 and dilation 1, 2, 1, 1 at jump 1, 2, 4, 8: 5, 13, 21, 37 | 2x2 map: 37 + 16 = 53.
# Verdict: everything holds. Blocks: stem and the four of the list.
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, i, o, dilation):
        super().__init__()
        self.dw = nn.Conv2d(i, i, 3, stride=2, padding=dilation, dilation=dilation, groups=i)
        self.pw = nn.Conv2d(i, o, 1)
        self.bn = nn.BatchNorm2d(o)

    def forward(self, x):
        return self.bn(self.pw(self.dw(x))).relu()


class Net(nn.Module):
    def __init__(self, widths=(32, 64, 96, 128)):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU())
        pairs = zip((16, *widths), widths)
        self.blocks = nn.ModuleList([Block(i, o, 2 if n == 1 else 1) for n, (i, o) in enumerate(pairs)])
        self.head = nn.Linear(widths[-1], 10)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))
