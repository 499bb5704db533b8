# Style: padding="same" for the dilated convolutions, depthwise too.
# RF: 3, 7 (d2), 9 (s2) | 25 (d4, jump 2), 29 (s2) | 37 (jump 4), 45 (s2) | depthwise d2 77 (jump 8) | 4x4 map: 77 + 3*8 = 101.
# Verdict: everything holds.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding="same"), nn.Conv2d(16, 16, 3, padding="same", dilation=2),
                                nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU())  # fmt: skip
        self.c2 = nn.Sequential(
            nn.Conv2d(24, 24, 3, padding="same", dilation=4), nn.Conv2d(24, 32, 3, stride=2, padding=1)
        )
        self.c3 = nn.Sequential(nn.Conv2d(32, 32, 3, padding="same"), nn.Conv2d(32, 48, 3, stride=2, padding=1))
        self.c4 = nn.Sequential(
            nn.Conv2d(48, 48, 3, padding="same", dilation=2, groups=48), nn.Conv2d(48, 64, 1), nn.ReLU()
        )
        self.gap = nn.AvgPool2d(4)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.gap(self.c4(self.c3(self.c2(self.c1(x))))).flatten(1))
