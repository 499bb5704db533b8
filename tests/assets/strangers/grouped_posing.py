# Style: the layer is called depthwise and is followed by a 1x1 convolution, but has 4 groups of 32 channels.
# RF: 3, 7 (d2), 9 (s2) | 13 grouped, 17 (s2, jump 2) | 25, 33 (s2, jump 4) | 49 (jump 8) | 4x4 map: 49 + 3*8 = 73.
# Verdict: no depthwise separable convolution (RF201); the rest holds.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=2, dilation=2),
                                   nn.Conv2d(32, 32, 3, padding=1, stride=2), nn.ReLU())  # fmt: skip
        self.conv2 = nn.Sequential()
        self.conv2.add_module("depthwise", nn.Conv2d(32, 32, 3, padding=1, groups=4))
        self.conv2.add_module("pointwise", nn.Conv2d(32, 32, 1))
        self.conv2.add_module("strided", nn.Conv2d(32, 32, 3, padding=1, stride=2))
        self.conv3 = nn.Sequential(
            nn.Conv2d(32, 48, 3, padding=1), nn.Conv2d(48, 48, 3, padding=1, stride=2), nn.ReLU()
        )
        self.conv4 = nn.Sequential(nn.Conv2d(48, 64, 3, padding=1), nn.ReLU())
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.conv4(self.conv3(self.conv2(self.conv1(x))))
        return self.fc(self.gap(x).flatten(1))
