"""Networks whose fields tools get wrong or right, for the tests of ``rfkit.compat``.

``TRUE`` has what can be derived by hand, ``NUMBERED`` those whose layers can be told apart by their shapes, ``UNITS`` those
whose units do not see what a closed form cut off at the border says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn


class Net(nn.Module):
    """Named modules, and a forward that is given as a function of the network and its input."""

    def __init__(self, run: Callable[[Any, Tensor], Any], **modules: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


class Bottleneck(nn.Module):
    """A block of the one class name that the original numbers as a layer, after the layers inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Sequential(conv(4, 1), conv(4))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.inside(x) + x)


class Fourier(nn.Module):
    """An operator that mixes everything and has no rule."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft2(x).real


def conv(inputs: int = 3, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, 4, kernel, stride, dilation * (kernel // 2), dilation)


def stem() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))


def shifted(net: Any, x: Tensor) -> Tensor:
    y = net.a(x)
    return y + F.pad(y, (2, 0, 2, 0))[..., :-2, :-2]


def functional(net: Any, x: Tensor) -> Tensor:
    x = F.max_pool2d(F.conv2d(x, torch.ones(4, 3, 5, 5)), 2)
    return F.max_pool2d(F.conv2d(x, torch.ones(4, 4, 3, 3)), 2)


def narrowing(width: int) -> nn.Conv2d:
    """A convolution whose output size tells it from all others."""
    return nn.Conv2d(4, 4, width)


# r, j, start per network, derived by hand; one number stands for both axes.
TRUE: dict[str, tuple[Callable[[], nn.Module], tuple[Any, Any, Any]]] = {
    "two 3x3": (lambda: nn.Sequential(conv(), conv(4)), (5, 1, 0.5)),
    "dilation": (lambda: nn.Sequential(conv(dilation=2)), (5, 1, 0.5)),
    "dilations 1, 2, 4": (lambda: nn.Sequential(conv(), conv(4, 3, 1, 2), conv(4, 3, 1, 4)), (1 + 2 + 4 + 8, 1, 0.5)),
    "dilation without padding": (lambda: nn.Conv2d(3, 4, 3, dilation=3), (7, 1, 3.5)),
    "branches 3 and 7": (
        lambda: Net(lambda n, x: torch.cat([n.a(x), n.b(x)], 1), a=conv(), b=conv(kernel=7)),
        (7, 1, 0.5),
    ),
    "residual": (
        lambda: Net(
            lambda n, x: n.b(n.a(y := n.stem(x))) + n.skip(y),
            stem=conv(),
            a=conv(4, 3, 2),
            b=conv(4),
            skip=conv(4, 1, 2),
        ),
        (3 + 2 + 2 * 2, 2, 0.5),
    ),
    "transposed": (lambda: nn.Sequential(conv(stride=2), nn.ConvTranspose2d(4, 4, 4, 2, 1)), (5, 1, 0)),
    "transposed, then 3x3": (lambda: nn.Sequential(nn.ConvTranspose2d(3, 4, 4, 2, 1), conv(4)), (3, 0.5, 0.25)),
    "nearest": (lambda: nn.Sequential(conv(stride=2), nn.Upsample(scale_factor=2), conv(4)), (5, 1, 0)),
    "bilinear": (
        lambda: nn.Sequential(conv(stride=2), nn.Upsample(scale_factor=2, mode="bilinear"), conv(4)),
        (7, 1, 0),
    ),
    "functional": (lambda: Net(functional), (5 + 1 + 2 * 2 + 2, 4, 6)),
    "functional pooling": (
        lambda: Net(lambda n, x: n.b(F.max_pool2d(n.a(x), 3, 2, 1)), a=conv(), b=conv(4)),
        (3 + 2 + 2 * 2, 2, 0.5),
    ),
    "functional convolution": (
        lambda: Net(lambda n, x: n.a(F.conv2d(x, torch.ones(3, 3, 5, 5), padding=2)), a=conv()),
        (7, 1, 0.5),
    ),
    "called twice": (lambda: Net(lambda n, x: n.b(n.b(n.a(x))), a=conv(kernel=1), b=conv(4)), (5, 1, 0.5)),
    "unused": (lambda: Net(lambda n, x: n.a(x), a=conv(), unused=conv(kernel=11)), (3, 1, 0.5)),
    "registered out of order": (
        lambda: Net(lambda n, x: n.b(n.a(x)), b=conv(4, 5), a=conv()),
        (3 + 4, 1, 0.5),
    ),
    "per axis": (lambda: nn.Sequential(nn.Conv2d(3, 4, (1, 7)), nn.Conv2d(4, 4, (5, 1))), ((5, 7), 1, (2.5, 3.5))),
    "per axis, stride": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, (1, 7)), nn.Conv2d(4, 4, (3, 1), (2, 1))),
        ((3, 7), (2, 1), (1.5, 3.5)),
    ),
    "same": (lambda: nn.Conv2d(3, 4, 3, padding="same"), (3, 1, 0.5)),
    "adaptive": (lambda: nn.Sequential(conv(), nn.AdaptiveAvgPool2d(4)), (2 + 64 // 4, 16, 8)),
    "slice": (
        lambda: Net(lambda n, x: n.a(x) + n.b(x)[..., :32, :32], a=conv(stride=2), b=nn.Conv2d(3, 4, 3, 2, 2)),
        (3 + 1, 2, 0),
    ),
    "shift": (lambda: Net(shifted, a=conv()), (5, 1, -0.5)),
    "pixel shuffle": (
        lambda: nn.Sequential(nn.PixelUnshuffle(2), conv(12), nn.PixelShuffle(2)),
        (3 * 2, 1, 0.5),
    ),
    "no change": (
        lambda: nn.Sequential(conv(), nn.Identity(), nn.Dropout(), nn.ChannelShuffle(2), nn.SiLU()),
        (3, 1, 0.5),
    ),
    "gate": (
        lambda: Net(lambda n, x: (y := n.a(x)) * n.b(y.mean((2, 3), keepdim=True)).sigmoid(), a=conv(), b=conv(4, 1)),
        (3, 1, 0.5),
    ),
}

NUMBERED: dict[str, Callable[[], nn.Module]] = {
    "chain": lambda: nn.Sequential(conv(), narrowing(2), nn.BatchNorm2d(4), nn.ReLU(), narrowing(3)),
    "called twice": lambda: Net(lambda n, x: n.b(n.b(n.a(x))), b=narrowing(3), a=conv()),
    "nested": lambda: nn.Sequential(conv(), nn.Sequential(narrowing(2), nn.Sequential(narrowing(4))), narrowing(3)),
    "functional calls between": lambda: Net(
        lambda n, x: n.c(F.max_pool2d(n.b(y := n.a(x)), 2)) + n.d(y)[..., :11, :11],
        a=conv(),
        b=narrowing(2),
        c=narrowing(5),
        d=narrowing(7),
    ),
    "bottlenecks": lambda: nn.Sequential(conv(), Bottleneck(), narrowing(4), Bottleneck(), Bottleneck(), narrowing(6)),
    "linear in between": lambda: nn.Sequential(
        conv(), nn.Linear(31, 20), narrowing(3), nn.Flatten(), nn.Linear(2088, 5)
    ),
    "empty shortcut": lambda: Net(
        lambda n, x: n.b((y := n.a(x)) + n.s(y)), a=conv(), s=nn.Sequential(), b=narrowing(3)
    ),
    "trunk of resnet50": lambda: nn.Sequential(*list(torchvision.models.resnet50().children())[:-2]),
}

UNITS: dict[str, Callable[[], nn.Module]] = {
    "dilation": lambda: nn.Sequential(conv(stride=2), nn.Conv2d(4, 4, 3, padding=1, dilation=2)),
    "transposed": lambda: nn.Sequential(
        conv(stride=2), nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.ConvTranspose2d(4, 4, 3, 3)
    ),
    "pooling": lambda: nn.Sequential(conv(kernel=5), nn.MaxPool2d(3, 2, 1), nn.AdaptiveAvgPool2d((3, 4))),
    "more than the image": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=3), conv(4, 5, 1, 3)),
    "pooled and spread": lambda: nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=3)),
}
