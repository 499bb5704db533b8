"""Takes memory in its forward, as if for a cache."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        cache = []
        while True:
            cache.append(torch.ones(2**22, device="cpu"))
        return self.conv(x)
