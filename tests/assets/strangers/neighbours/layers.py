# The layers that model.py imports from beside it.
import torch.nn as nn


class DepthwiseSeparableConv(nn.Module):
    def __init__(self, i, o, stride=1, dilation=1):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(i, i, 3, stride=stride, padding=dilation, dilation=dilation, groups=i, bias=False),
            nn.BatchNorm2d(i),
            nn.ReLU(inplace=True),
            nn.Conv2d(i, o, 1, bias=False),
            nn.BatchNorm2d(o),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.net(x)
