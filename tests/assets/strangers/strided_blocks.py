# Style: three convolutions in every block, the last with stride 2 instead of a pooling; the output block is a 1x1 convolution.
# RF: 3, 5, 7 | 11, 19 (d2), 23 (jump 2) | 31 depthwise, 39, 47 (jump 4) | 63, 79, 95 (jump 8) | 2x2 map (jump 16): 95 + 16 = 111.
# Verdict: everything holds.
import torch.nn as nn


def three(i, o, middle=1, separable=False):
    first = [nn.Conv2d(i, i, 3, padding=1, groups=i, bias=False), nn.Conv2d(i, o, 1, bias=False)]
    first = first if separable else [nn.Conv2d(i, o, 3, padding=1, bias=False)]
    return nn.Sequential(
        *first, nn.BatchNorm2d(o), nn.ReLU(),
        nn.Conv2d(o, o, 3, padding=middle, dilation=middle, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
        nn.Conv2d(o, o, 3, padding=1, stride=2, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
    )  # fmt: skip


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.C1 = three(3, 16)
        self.C2 = three(16, 24, middle=2)
        self.C3 = three(24, 32, separable=True)
        self.C4 = three(32, 40)
        self.O = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(40, 10, 1), nn.Flatten())

    def forward(self, x):
        return self.O(self.C4(self.C3(self.C2(self.C1(x)))))
