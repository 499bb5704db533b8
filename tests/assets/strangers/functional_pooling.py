# ruff: noqa
# Style: activations and pooling as functions, the pooling's window taken from the map.
# RF: 3, 7 (d2), 9 (s2) | 13, 21 (d2, jump 2), 25 (s2) | depthwise 33 (jump 4), 41, 49 (s2) | 65 (jump 8) | 4x4: 65 + 3*8 = 89.
# Verdict: everything holds.
import torch.nn as nn
import torch.nn.functional as F


def block(i, o, **first):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1, **first), nn.BatchNorm2d(o),
        nn.Conv2d(o, o, 3, padding=2, dilation=2), nn.BatchNorm2d(o),
        nn.Conv2d(o, o, 3, padding=1, stride=2), nn.BatchNorm2d(o),
    )  # fmt: skip


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.block1 = block(3, 16)
        self.block2 = block(16, 24)
        self.block3 = nn.Sequential(
            nn.Conv2d(24, 24, 3, padding=1, groups=24),
            nn.Conv2d(24, 32, 1),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.Conv2d(32, 32, 3, padding=1, stride=2),
        )
        self.block4 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.block1(x))
        x = F.dropout(F.relu(self.block2(x)), 0.1, self.training)
        x = F.relu(self.block4(F.relu(self.block3(x))))
        x = F.avg_pool2d(x, kernel_size=x.size()[2:])
        x = x.view(x.size(0), -1)
        return self.fc(x)
