"""Networks drawn by hand that differ by one thing each, for tests of what compares two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rfkit.gate.history.changes import Changes, Side, compare
from rfkit.report import Report
from tests.rfkit.reports import Drawing

Block = tuple[str, int]
"""A layer: ``conv3``, ``conv5``, ``down3`` (stride 2), ``wide3`` (dilation 2), ``relu``, ``norm``; and its channels."""


def network(*blocks: Block, names: Sequence[str] | None = None, target: str = "net.py:Net", size: int = 32) -> Report:
    """A chain of layers, named as in a ``Sequential`` called ``features`` unless names are given; a linear head."""
    net = Drawing(1, 3, size, size)
    x = net.image
    for i, (kind, channels) in enumerate(blocks):
        name = f"features.{i}" if names is None else names[i]
        if kind == "relu":
            x = net.same(name, "ReLU", x)
        elif kind == "norm":
            x = net.same(name, "BatchNorm2d", x, params=2 * x.output_shape[1])
        else:
            kernel = int(kind[-1])
            stride, dilation = 2 if kind.startswith("down") else 1, 2 if kind.startswith("wide") else 1
            groups = channels if kind.startswith("depth") else 1
            padding = (kernel - 1) * dilation // 2
            source = x.output_shape[1]
            x = net.conv(name, x, channels, kernel, stride, padding, dilation, groups=groups)
            x = net.put(x, channels=(source, channels))
    features = x
    whole = features.output_shape[2:]
    x = net.pool_all("pool", "AdaptiveAvgPool2d", x, kernel_size=whole, stride=whole)
    net.linear("head", x, 10)
    net.layers = [layer if layer.type == "Conv2d" else replace(layer, channels=None) for layer in net.layers]
    return replace(net.report(target, features), seconds=0.0)


BASE: tuple[Block, ...] = (
    ("down3", 16), ("norm", 16), ("relu", 16), ("conv3", 32), ("norm", 32), ("relu", 32), ("conv3", 64), ("relu", 64)
)  # fmt: skip


def base() -> Report:
    return network(*BASE)


def inserted() -> Report:
    """With a 5x5 convolution and its ReLU behind the first block."""
    return network(*BASE[:3], ("conv5", 16), ("relu", 16), *BASE[3:])


def wider() -> Report:
    """With another number of channels in every layer."""
    return network(*((kind, 2 * channels) for kind, channels in BASE))


def diff(old: Report | None, new: Report | None) -> Changes:
    return compare(Side("before", old), Side("after", new))
