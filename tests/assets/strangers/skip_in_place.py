# Style: residuals added in place with +=, no activation in between.
# RF: 3 (s2) | 7 and 11 (jump 2, the second dilated by 2: 15) | s2 19 | depthwise 27 (jump 4), 35 | s2 43 | 59 (jump 8) | 4x4: 83.
# Verdict: everything holds, and the additions are skip connections. Blocks: c1 .. c4.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.BatchNorm2d(32))
        self.c2 = nn.Sequential(nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, 1, 2, dilation=2))
        self.down2 = nn.Conv2d(32, 48, 3, 2, 1)
        self.c3 = nn.Sequential(nn.Conv2d(48, 48, 3, 1, 1, groups=48), nn.Conv2d(48, 48, 1), nn.ReLU(),
                                nn.Conv2d(48, 48, 3, 1, 1))  # fmt: skip
        self.down3 = nn.Conv2d(48, 48, 3, 2, 1)
        self.c4 = nn.Sequential(nn.Conv2d(48, 48, 3, 1, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(48, 10)

    def forward(self, x):
        x = self.c1(x)
        y = self.c2(x)
        y += x
        x = self.down2(y)
        y = self.c3(x)
        y += x
        x = self.down3(y)
        y = self.c4(x)
        y += x
        return self.classifier(self.pool(y).view(y.size(0), -1))
