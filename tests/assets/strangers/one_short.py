# Style: a field of exactly 44, which is not more than 44.
# RF: kernel 2: 2, 3x3 s2: 4 | depthwise 8 (jump 2) | d2 16 (jump 2) | 3x3 20 | 13x13 map, jump 2: 20 + 12*2 = 44.
# Maps: 32, 31 (kernel 2 unpadded), 15 (3x3 s2 unpadded), 15, 15, 13 (3x3 unpadded).
# Verdict: receptive field 44 is not more than 44 (RF101); the rest holds.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU())
        self.c2 = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.Conv2d(32, 48, 1), nn.ReLU())
        self.c3 = nn.Sequential(nn.Conv2d(48, 48, 3, padding=2, dilation=2), nn.ReLU())
        self.c4 = nn.Sequential(nn.Conv2d(48, 64, 3), nn.ReLU())
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.gap(self.c4(self.c3(self.c2(self.c1(x))))).flatten(1))
