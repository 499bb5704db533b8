# ruff: noqa
# Style: a 1x1 convolution instead of a linear layer behind the pooling, view(-1, 10), log_softmax.
# RF: 3, 5 (s2) | 9, 17 (d2, jump 2), s2 21 | depthwise 29, 37 (jump 4) | 45 (no stride) | 8x8 map: 45 + 7*4 = 73.
# Verdict: everything holds. Blocks: convblock1 .. convblock4; output_block holds its convolution behind the pooling.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.convblock1 = nn.Sequential(nn.Conv2d(3, 16, (3, 3), padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(16),
                                        nn.Conv2d(16, 32, (3, 3), padding=1, stride=2, bias=False), nn.ReLU())  # fmt: skip
        self.convblock2 = nn.Sequential(nn.Conv2d(32, 32, (3, 3), padding=1, bias=False), nn.ReLU(),
                                        nn.Conv2d(32, 32, (3, 3), padding=2, dilation=2, bias=False), nn.ReLU(),
                                        nn.Conv2d(32, 32, (3, 3), padding=1, stride=2, bias=False), nn.ReLU())  # fmt: skip
        self.convblock3 = nn.Sequential(nn.Conv2d(32, 32, (3, 3), padding=1, groups=32, bias=False),
                                        nn.Conv2d(32, 64, (1, 1), bias=False), nn.ReLU(),
                                        nn.Conv2d(64, 32, (3, 3), padding=1, bias=False), nn.ReLU())  # fmt: skip
        self.convblock4 = nn.Sequential(nn.Conv2d(32, 64, (3, 3), padding=1, bias=False), nn.ReLU())
        self.output_block = nn.Sequential(nn.AvgPool2d(kernel_size=8), nn.Conv2d(64, 10, (1, 1), bias=False))

    def forward(self, x):
        x = self.convblock1(x)
        x = self.convblock2(x)
        x = self.convblock3(x)
        x = self.convblock4(x)
        x = self.output_block(x)
        x = x.view(-1, 10)
        return F.log_softmax(x, dim=-1)
