"""Changes defaults of PyTorch and Python that are its own affair."""

import gc
import locale
import os
import sys
import warnings

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_default_device("cpu")
torch.set_grad_enabled(False)
torch.manual_seed(1)
gc.disable()
sys.setrecursionlimit(5000)
locale.setlocale(locale.LC_ALL, "C")
os.environ.clear()
warnings.simplefilter("error")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
