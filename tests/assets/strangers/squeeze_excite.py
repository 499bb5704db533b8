# ruff: noqa
# Style: squeeze-and-excitation gates, which pool by average, and a flattened map at the end: the gates are no pooling of the output.
# RF: 3, 5 (s2) | depthwise 9, 13 (s2, jump 2) | 29 (d2), 37 (s2, jump 4) | 53 (jump 8) | all of the 4x4 map: 53 + 3*8 = 77.
# Verdict: no global average pooling, no linear layer after one (RF201 twice); the rest holds.
import torch
import torch.nn as nn


class SE(nn.Module):
    def __init__(self, c, r=4):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Linear(c, c // r), nn.ReLU(), nn.Linear(c // r, c), nn.Sigmoid())

    def forward(self, x):
        n, c = x.shape[:2]
        return x * self.fc(self.pool(x).view(n, c)).view(n, c, 1, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1, stride=2), SE(16))
        self.c2 = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1, groups=16), SE(16), nn.Conv2d(16, 32, 1), nn.Conv2d(32, 32, 3, 2, 1)
        )
        self.c3 = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=2, dilation=2), nn.Conv2d(32, 32, 3, padding=1, stride=2), SE(32)
        )
        self.c4 = nn.Sequential(nn.Conv2d(32, 16, 3, padding=1), nn.ReLU())
        self.fc = nn.Linear(16 * 16, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.c4(self.c3(self.c2(self.c1(x)))), 1))
