# Style: no pooling layer is defined; the forward calls F.max_pool2d.
# RF: 3, 5, pooled 6 | 14 (d2, jump 2), pooled 16 | depthwise 24 (jump 4), pooled 28 | 44 (jump 8) | 4x4 map: 44 + 3*8 = 68.
# Verdict: max pooling used (RF202); the rest holds.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1))
        self.c2 = nn.Sequential(nn.Conv2d(32, 32, 3, padding=2, dilation=2), nn.ReLU())
        self.c3 = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.Conv2d(32, 48, 1))
        self.c4 = nn.Sequential(nn.Conv2d(48, 64, 3, padding=1), nn.ReLU())
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        x = F.max_pool2d(F.relu(self.c3(x)), 2)
        x = F.relu(self.c4(x))
        x = F.adaptive_avg_pool2d(x, (1, 1))
        return F.log_softmax(self.fc(x.flatten(1)), dim=1)
