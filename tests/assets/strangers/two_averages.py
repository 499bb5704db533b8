# Style: two average poolings, one after the other, which cover the map only together.
# RF: 3 | depthwise 5, 7 (s2) | 15 (d2, jump 2) | 19 | 4x4 average: 19 + 3*2 = 25 | 4x4 average at jump 8: 25 + 3*8 = 49.
# Verdict: everything holds.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU())
        self.c2 = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 32, 1), nn.Conv2d(32, 32, 3, 2, 1)
        )
        self.c3 = nn.Sequential(nn.Conv2d(32, 32, 3, padding=2, dilation=2), nn.ReLU())
        self.c4 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU())
        self.shrink = nn.AvgPool2d(4)
        self.gap = nn.AvgPool2d(4)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.gap(self.shrink(self.c4(self.c3(self.c2(self.c1(x)))))).flatten(1))
