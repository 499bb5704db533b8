# ruff: noqa
# Style: attention over channels and positions (CBAM), average and maximum pooled together inside the gates.
# RF: 3, 5 (s2) | depthwise 9, 13 (s2, jump 2) | 29 (d2), 37 (s2, jump 4) | 53 (jump 8) | gate of 3x3 at jump 8: 69 | 4x4: 69 + 24 = 93.
# Verdict: a max pooling is used inside the channel gate (RF202); the rest holds.
import torch
import torch.nn as nn


class CBAM(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(c, c // 4), nn.ReLU(), nn.Linear(c // 4, c))
        self.spatial = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x):
        gate = torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))
        x = x * gate[:, :, None, None]
        both = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.spatial(both))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1, stride=2))
        self.c2 = nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.Conv2d(16, 32, 1), nn.Conv2d(32, 32, 3, 2, 1))
        self.c3 = nn.Sequential(nn.Conv2d(32, 32, 3, padding=2, dilation=2), nn.Conv2d(32, 32, 3, padding=1, stride=2))
        self.c4 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), CBAM(64))
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.gap(self.c4(self.c3(self.c2(self.c1(x))))).flatten(1))
