# Style: a class for each layer, a class for each block, a class around all of them; everything hangs from one child.
# RF: 3, 5, 7 | 11, 15, 19 (jump 2) | 27, 35, 43 (jump 4) | depthwise 59, dilated 91 (jump 8) | mean of 4x4: 91 + 3*8 = 115.
# Verdict: everything holds. Blocks: body.c1 .. body.c4 (the only child is looked through).
import torch.nn as nn


class ConvBN(nn.Module):
    def __init__(self, i, o, **kw):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, bias=False, **kw)
        self.norm = nn.BatchNorm2d(o)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Stage(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.a = ConvBN(i, o, padding=1)
        self.b = ConvBN(o, o, padding=1)
        self.down = ConvBN(o, o, padding=1, stride=2)

    def forward(self, x):
        return self.down(self.b(self.a(x)))


class Separable(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.depth = ConvBN(i, i, padding=1, groups=i)
        self.point = nn.Conv2d(i, o, 1)

    def forward(self, x):
        return self.point(self.depth(x))


class Last(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.separable = Separable(i, o)
        self.wide = ConvBN(o, o, padding=2, dilation=2)

    def forward(self, x):
        return self.wide(self.separable(x))


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = Stage(3, 16)
        self.c2 = Stage(16, 24)
        self.c3 = Stage(24, 32)
        self.c4 = Last(32, 48)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(48, 10)

    def forward(self, x):
        x = self.c4(self.c3(self.c2(self.c1(x))))
        return self.fc(self.pool(x).flatten(1))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Body()

    def forward(self, x):
        return self.body(x)
