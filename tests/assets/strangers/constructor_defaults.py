# Style: a configurable constructor, all of it with defaults; the norm is chosen by a word.
# RF: each of three blocks of 3x3, 3x3 d2, 3x3 s2 adds (2 + 4 + 2)*j: 9, 25, 57 (jump 1, 2, 4), then 3x3 at jump 8: 73; 4x4: 97.
# Verdict: everything holds; the depthwise one is the second of each block's three (dilated and depthwise at once).
import torch.nn as nn


def norm_of(kind, channels, groups):
    if kind == "bn":
        return nn.BatchNorm2d(channels)
    if kind == "gn":
        return nn.GroupNorm(groups, channels)
    return nn.GroupNorm(1, channels)


class Net(nn.Module):
    def __init__(self, in_channels=3, base=16, num_classes=10, norm="bn", groups=4, drop=0.05):
        super().__init__()
        self.c1 = self._block(in_channels, base, norm, groups, drop)
        self.c2 = self._block(base, 2 * base, norm, groups, drop)
        self.c3 = self._block(2 * base, 2 * base, norm, groups, drop)
        self.c4 = nn.Sequential(nn.Conv2d(2 * base, 4 * base, 3, padding=1, bias=False), nn.ReLU())
        self.out = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(4 * base, num_classes))

    @staticmethod
    def _block(i, o, norm, groups, drop):
        return nn.Sequential(
            nn.Conv2d(i, o, 3, padding=1, bias=False), nn.ReLU(), norm_of(norm, o, groups), nn.Dropout(drop),
            nn.Conv2d(o, o, 3, padding=2, dilation=2, groups=o, bias=False),
            nn.Conv2d(o, o, 1, bias=False), nn.ReLU(), norm_of(norm, o, groups), nn.Dropout(drop),
            nn.Conv2d(o, o, 3, padding=1, stride=2, bias=False), nn.ReLU(), norm_of(norm, o, groups),
        )  # fmt: skip

    def forward(self, x):
        return self.out(self.c4(self.c3(self.c2(self.c1(x)))))
