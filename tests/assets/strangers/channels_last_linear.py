# ruff: noqa
# Style: ConvNeXt: a depthwise 7x7, then a linear layer for every position, on permuted tensors.
# RF: 2 (kernel 2, s2), 14 (7x7, jump 2) | 16 (2x2 s2), d2 on 3x3 at jump 4: 32 | 36 (2x2 s2), 84 (7x7, jump 8) | 4x4 map: 84 + 24 = 108.
# Verdict: everything holds: the linear layer is the pointwise half. Blocks: stage1 .. stage4.
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dwconv = nn.Conv2d(c, c, 7, padding=3, groups=c)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.pwconv1 = nn.Linear(c, 2 * c)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(2 * c, c)

    def forward(self, x):
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.pwconv2(self.act(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 24, 2, stride=2), Block(24))
        self.stage2 = nn.Sequential(nn.Conv2d(24, 32, 2, stride=2), nn.Conv2d(32, 32, 3, padding=2, dilation=2))
        self.stage3 = nn.Sequential(nn.Conv2d(32, 64, 2, stride=2), Block(64))
        self.stage4 = nn.Sequential(nn.Conv2d(64, 64, 1), nn.GELU())
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = self.stage4(self.stage3(self.stage2(self.stage1(x))))
        return self.head(x.mean([-2, -1]))
