# Style: dilation=2 is there, but only on 1x1 kernels, which it does not widen.
# RF: 3, 5 (s2) | depthwise 9, 13 (s2, jump 2) | 21, 29 (s2, jump 4) | 45 (jump 8) | 4x4 map: 45 + 3*8 = 69.
# Verdict: no dilated convolution (RF201); the rest holds.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1, stride=2))
        self.c2 = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1, groups=16),
            nn.Conv2d(16, 32, 1, dilation=2),
            nn.Conv2d(32, 32, 3, padding=1, stride=2),
        )
        self.c3 = nn.Sequential(
            nn.Conv2d(32, 32, 1, dilation=4), nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1, stride=2)
        )
        self.c4 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU())
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.c4(self.c3(self.c2(self.c1(x)))).mean(dim=(-1, -2)))
