# Style: all layers hang from the network itself, numbered, without blocks.
# RF: 3, 5 (s2) | depthwise 9 (jump 2), 13 (s2) | 29 (d2, jump 4), 37 (s2) | 53 (jump 8) | 4x4 map: 53 + 3*8 = 77.
# Verdict: everything holds; there are no blocks, so stages count: maps of jump 1, 2, 4, 8 are four.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, stride=2)
        self.bn2 = nn.BatchNorm2d(16)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.conv4 = nn.Conv2d(16, 32, 1)
        self.conv5 = nn.Conv2d(32, 32, 3, padding=1, stride=2)
        self.bn5 = nn.BatchNorm2d(32)
        self.conv6 = nn.Conv2d(32, 32, 3, padding=2, dilation=2)
        self.conv7 = nn.Conv2d(32, 48, 3, padding=1, stride=2)
        self.bn7 = nn.BatchNorm2d(48)
        self.conv8 = nn.Conv2d(48, 64, 3, padding=1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn5(self.conv5(self.conv4(self.conv3(x)))))
        x = F.relu(self.bn7(self.conv7(self.conv6(x))))
        x = F.relu(self.conv8(x))
        x = F.adaptive_avg_pool2d(x, 1)
        return self.fc(x[:, :, 0, 0])
