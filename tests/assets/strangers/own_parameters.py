# Style: no layers at all: F.conv2d with parameters of its own.
# RF: 3, 5 (s2) | depthwise 9, 13 (s2, jump 2) | 29 (d2), 37 (s2, jump 4) | 53 (jump 8) | 4x4 map: 53 + 3*8 = 77.
# Verdict: everything holds. There are no children, so stages count: maps of jump 1, 2, 4, 8 are four.
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(16, 3, 3, 3))
        self.w2 = nn.Parameter(torch.randn(16, 16, 3, 3))
        self.w3 = nn.Parameter(torch.randn(16, 1, 3, 3))
        self.w4 = nn.Parameter(torch.randn(32, 16, 1, 1))
        self.w5 = nn.Parameter(torch.randn(32, 32, 3, 3))
        self.w6 = nn.Parameter(torch.randn(32, 32, 3, 3))
        self.w7 = nn.Parameter(torch.randn(32, 32, 3, 3))
        self.w8 = nn.Parameter(torch.randn(64, 32, 3, 3))
        self.out = nn.Parameter(torch.randn(10, 64))

    def forward(self, x):
        x = F.relu(F.conv2d(x, self.w1, padding=1))
        x = F.relu(F.conv2d(x, self.w2, padding=1, stride=2))
        x = F.conv2d(F.conv2d(x, self.w3, padding=1, groups=16), self.w4)
        x = F.relu(F.conv2d(x, self.w5, padding=1, stride=2))
        x = F.relu(F.conv2d(x, self.w6, padding=2, dilation=2))
        x = F.relu(F.conv2d(x, self.w7, padding=1, stride=2))
        x = F.relu(F.conv2d(x, self.w8, padding=1))
        return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), self.out)
