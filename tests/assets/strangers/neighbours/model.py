# ruff: noqa
# Style: several files in one folder, imported by their plain names.
# RF: 3 (s2) | separable 7, 15 (d2, jump 2) | 19 (s2), 27 (jump 4) | 35 (s2), 51 (jump 8) | 4x4 map: 51 + 3*8 = 75.
# Verdict: everything holds. Blocks: c1 .. c4.
import torch.nn as nn

from layers import DepthwiseSeparableConv
from settings import CLASSES, WIDTHS


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        a, b, c, d = WIDTHS
        self.c1 = nn.Sequential(nn.Conv2d(3, a, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.c2 = nn.Sequential(DepthwiseSeparableConv(a, b), DepthwiseSeparableConv(b, b, dilation=2))
        self.c3 = nn.Sequential(DepthwiseSeparableConv(b, c, stride=2), DepthwiseSeparableConv(c, c))
        self.c4 = nn.Sequential(DepthwiseSeparableConv(c, d, stride=2), DepthwiseSeparableConv(d, d))
        self.fc = nn.Linear(d, CLASSES)

    def forward(self, x):
        x = self.c4(self.c3(self.c2(self.c1(x))))
        return self.fc(x.mean([2, 3]))
