# Style: a helper whose argument n makes the groups; norms and activations between the depthwise and the pointwise half.
# RF: 3 | 5 (s2) | 9, 13 (s2, jump 2) | 29 (d2, jump 4), 37 (s2) | 53 (jump 8) | 4x4 map: 53 + 3*8 = 77.
# Verdict: everything holds.
import torch.nn as nn


def conv(i, o, k=3, s=1, d=1, n=1):
    return nn.Sequential(
        nn.Conv2d(i, o, k, s, padding=d * (k - 1) // 2, dilation=d, groups=n, bias=False),
        nn.BatchNorm2d(o),
        nn.Hardswish(),
    )


def dw(i, o, s=1, d=1):
    return nn.Sequential(conv(i, i, 3, s, d, n=i), nn.Dropout2d(0.05), conv(i, o, 1))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.b1 = nn.Sequential(conv(3, 16), conv(16, 24, s=2))
        self.b2 = nn.Sequential(dw(24, 32), dw(32, 48, s=2))
        self.b3 = nn.Sequential(dw(48, 64, d=2), dw(64, 96, s=2))
        self.b4 = nn.Sequential(dw(96, 128))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(128, 10))

    def forward(self, x):
        return self.fc(self.pool(self.b4(self.b3(self.b2(self.b1(x))))))
