# Style: blocks in a ModuleDict, called by key in an order that the forward decides; a wrapper with one child.
# RF: a: 3, 5 (s2) | b: depthwise 9, 13 (s2, jump 2) | c: 29 (d2), 37 (s2, jump 4) | d: 53 (jump 8) | 4x4 map: 53 + 3*8 = 77.
# Verdict: everything holds. Blocks: parts.a .. parts.d.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict(
            {
                "d": nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU()),
                "c": nn.Sequential(nn.Conv2d(32, 32, 3, padding=2, dilation=2), nn.Conv2d(32, 32, 3, 2, 1), nn.ReLU()),
                "b": nn.Sequential(
                    nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 32, 1), nn.Conv2d(32, 32, 3, 2, 1)
                ),
                "a": nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU()),
                "pool": nn.AdaptiveAvgPool2d(1),
                "out": nn.Linear(64, 10),
            }
        )

    def forward(self, x):
        for key in sorted("abcd"):
            x = self.parts[key](x)
        return self.parts["out"](self.parts["pool"](x).flatten(1))
