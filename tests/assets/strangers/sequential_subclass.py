# Style: the network is an nn.Sequential with named children and no forward of its own.
# RF: 3, 5 (s2) | 13 (d2, jump 2), 17 (s2) | depthwise 25, 33 (s2, jump 4) | 49 (jump 8) | 4x4 map: 49 + 3*8 = 73.
# Verdict: everything holds. Blocks: c1 .. c4.
from collections import OrderedDict

import torch.nn as nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            OrderedDict(
                c1=nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU()),
                c2=nn.Sequential(
                    nn.Conv2d(24, 24, 3, padding=2, dilation=2), nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU()
                ),
                c3=nn.Sequential(
                    nn.Conv2d(32, 32, 3, padding=1, groups=32),
                    nn.Conv2d(32, 48, 1),
                    nn.Conv2d(48, 48, 3, stride=2, padding=1),
                    nn.ReLU(),
                ),
                c4=nn.Sequential(nn.Conv2d(48, 64, 3, padding=1), nn.ReLU()),
                gap=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                fc=nn.Linear(64, 10),
            )
        )
