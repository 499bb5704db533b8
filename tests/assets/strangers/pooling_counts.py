# Style: a field that clears the limit only because the final pooling counts.
# RF: 3, 5 (s2) | depthwise 9 (jump 2), 13 (s2) | 29 (d2, jump 4) | 29 | 8x8 map: 29 + 7*4 = 57. Before pooling it is 29.
# Verdict: everything holds (the documents count the pooling). Blocks: c1 .. c4; c4 is pointwise, but makes 64 channels, not scores.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, 2, 1))
        self.c2 = nn.Sequential(nn.Conv2d(32, 32, 3, 1, 1, groups=32), nn.Conv2d(32, 32, 1), nn.Conv2d(32, 32, 3, 2, 1))
        self.c3 = nn.Sequential(nn.Conv2d(32, 48, 3, padding=2, dilation=2), nn.ReLU())
        self.c4 = nn.Sequential(nn.Conv2d(48, 64, 1), nn.ReLU())
        self.gap = nn.AvgPool2d(8)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.gap(self.c4(self.c3(self.c2(self.c1(x))))).flatten(1))
