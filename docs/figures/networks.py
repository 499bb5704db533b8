"""The small networks that the figures show, and what ``rfkit.trace`` says of them along one axis."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

import rfkit
from rfkit.report import Layer, Report


class Skip(nn.Module):
    """Three convolutions, and a connection from the first one past the other two."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = conv(3, padding=1), conv(3, padding=1), conv(5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """Add the output of the first convolution to that of the third."""
        near = self.conv1(x)
        return torch.add(near, self.conv3(self.conv2(near)))


def conv(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> nn.Conv1d:
    """A convolution of one channel."""
    return nn.Conv1d(1, 1, kernel, stride, padding, dilation)


def chain(convolutions: Iterable[nn.Conv1d], pixels: int) -> Report:
    """The report of convolutions, one behind the other; its layers are called 0, 1, ..."""
    return rfkit.trace(nn.Sequential(*convolutions), (1, 1, pixels), units=True, holes=True)


def numbers(layer: Layer) -> tuple[int, int, float]:
    """Size, jump and start of a layer, in pixels."""
    size, jump, start = layer.receptive_field[0], layer.jump[0], layer.start[0]
    if size is None or jump is None or start is None:
        raise ValueError(f"{layer.label} has no closed form")
    return int(size), int(jump), float(start)


def field(layer: Layer, unit: int, axis: int = 0) -> tuple[int, int]:
    """Left and right edge of what a unit sees on this input: its first pixel, and one past its last."""
    if layer.units is None:
        raise ValueError(f"{layer.label} was traced without units")
    first, last = layer.units[axis]
    return first[unit], last[unit] + 1


def unclipped(layer: Layer, unit: int) -> tuple[float, float]:
    """The same edges as if padding were image: ``start + u*j - r/2`` and ``start + u*j + r/2``."""
    size, jump, start = numbers(layer)
    return start + unit * jump - size / 2, start + unit * jump + size / 2


def taps(layer: Layer, unit: int, count: int) -> list[int]:
    """Units of its input, of which there are ``count``, that a unit reads: ``u*s - p + d*t``."""
    if not (layer.kernel_size and layer.stride and layer.padding and layer.dilation):
        raise ValueError(f"{layer.label} has no window")
    reached = (unit * layer.stride[0] - layer.padding[0] + layer.dilation[0] * t for t in range(layer.kernel_size[0]))
    return [tap for tap in reached if 0 <= tap < count]


def reached(layer: Layer) -> list[int]:
    """The pixels that the centre unit reads."""
    if layer.reached is None:
        raise ValueError(f"{layer.label} was traced without holes")
    return [pixel for first, last in layer.reached[0] for pixel in range(first, last + 1)]
