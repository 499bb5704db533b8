# Style: a function builds the network from a table of (channels, stride, dilation) and a loop.
# RF: rows add 2*d*j: 3 | 5, then s2 | 9 (jump 2), 17 (d2), s2 | 25 (jump 4), 33, s2 | 49 (jump 8) | 4x4 map: 49 + 3*8 = 73.
# Verdict: everything holds. Blocks: the four numbered children that hold convolutions.
import torch.nn as nn

CONFIG = (
    ((16, 1, 1), (16, 2, 1)),
    ((32, 1, 1), (32, 2, 2)),
    ((48, 1, 1), (48, 2, 1)),
    ((64, 1, 1),),
)


def _conv(i, o, stride, dilation, separable):
    if separable:
        return [nn.Conv2d(i, i, 3, stride, dilation, dilation, groups=i), nn.Conv2d(i, o, 1), nn.ReLU()]
    return [nn.Conv2d(i, o, 3, stride, dilation, dilation), nn.ReLU()]


def build(num_classes=10):
    blocks, channels = [], 3
    for number, rows in enumerate(CONFIG):
        layers = []
        for out, stride, dilation in rows:
            layers += _conv(channels, out, stride, dilation, separable=number >= 2)
            channels = out
        blocks.append(nn.Sequential(*layers))
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
