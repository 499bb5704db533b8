# Style: one block called three times (shared weights), a stride in front of every call.
# RF: 3 (s2) | depthwise d2 11 (jump 2) | s2 15, 31 (jump 4) | s2 39, 71 (jump 8) | 4x4 map: 71 + 3*8 = 95.
# Verdict: everything holds. Children that hold convolutions: stem, down1, down2, shared.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 48, 3, 2, 1), nn.ReLU())
        self.down1 = nn.Sequential(nn.Conv2d(48, 48, 3, 2, 1), nn.ReLU())
        self.down2 = nn.Sequential(nn.Conv2d(48, 48, 3, 2, 1), nn.ReLU())
        self.shared = nn.Sequential(nn.Conv2d(48, 48, 3, 1, 2, 2, groups=48), nn.Conv2d(48, 48, 1), nn.ReLU())
        self.fc = nn.Linear(48, 10)

    def forward(self, x):
        x = self.shared(self.stem(x))
        x = self.shared(self.down1(x))
        x = self.shared(self.down2(x))
        return self.fc(x.mean((2, 3)))
