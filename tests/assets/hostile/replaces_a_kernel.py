"""Replaces the kernel of an operator."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


library = torch.library.Library("aten", "IMPL")
library.impl("convolution", lambda x, *_: x, "Meta")
