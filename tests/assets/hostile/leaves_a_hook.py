"""Leaves a hook on every module."""

from torch import nn
from torch.nn.modules.module import register_module_forward_hook


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


register_module_forward_hook(lambda module, inputs, output: None)
