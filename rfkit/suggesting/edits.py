"""The vocabulary of changes: what can be done to a module, and what a person would call one edit.

Plain frozen data. Every change is of one module, by its dotted name; ``rebuild`` makes the module that takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rfkit.render.text import sizes


class Kind(StrEnum):
    """What is changed; the values of ``--only``."""

    DILATION = "dilation"
    KERNEL = "kernel"
    STRIDE = "stride"
    PADDING = "padding"
    SEPARABLE = "separable"
    WIDTH = "width"
    LAYER = "layer"
    POOLING = "pooling"


@dataclass(frozen=True, slots=True)
class Window:
    """Geometry of a convolution, per spatial dimension."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Another kernel, stride, padding or dilation of a convolution."""

    layer: str
    before: Window
    after: Window

    @property
    def text(self) -> str:
        """``dilation 1 -> 2, padding 1 -> 2``."""
        names = ("dilation", "kernel", "stride", "padding")
        pairs = ((name, getattr(self.before, name), getattr(self.after, name)) for name in names)
        return ", ".join(f"{name} {sizes(old)} -> {sizes(new)}" for name, old, new in pairs if old != new)


@dataclass(frozen=True, slots=True)
class Channels:
    """Other numbers of channels that a convolution, a linear layer or a norm is given and makes; None: as they are."""

    layer: str
    given: int | None
    made: int | None


@dataclass(frozen=True, slots=True)
class Separable:
    """A standard convolution becomes a depthwise one and a pointwise one behind it."""

    layer: str


class Into(StrEnum):
    """What a module can become as a whole."""

    AVERAGE = "average"
    """A pooling of the same window, by average."""
    GLOBAL_AVERAGE = "global average"
    """An average over all positions, whatever their number."""
    CONVOLUTION = "convolution"
    """A convolution of the pooling's own window and stride, as many channels out as in."""
    PADDED_CONVOLUTION = "padded convolution"
    """A 3x3 convolution of the pooling's stride, with a padding of 1."""
    NOTHING = "nothing"
    """Its input is handed on."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Another module in the place of a pooling or of a layer that can be left out; ``channels`` are those of its input."""

    layer: str
    into: Into
    channels: int


class Added(StrEnum):
    """What can be put behind a layer."""

    CONVOLUTION = "convolution"
    """A 3x3 convolution that keeps channels and size, a batch norm and a ReLU."""
    POINTWISE = "pointwise"
    """A 1x1 convolution that keeps the channels."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A layer more, straight behind a module without children, of the channels and the spatial dimensions found there."""

    layer: str
    added: Added
    channels: int
    rank: int


Change = Channels | Geometry | Swap | Separable | Behind

_ORDER: tuple[type, ...] = (Channels, Geometry, Swap, Separable, Behind)


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person would call one change to a network.

    Attributes:
        kind: what is changed.
        text: the change as one would write it: ``conv3.0: dilation 1 -> 2, padding 1 -> 2``.
        changes: the change itself and those that it entails, one or more for each module.
    """

    kind: Kind
    text: str
    changes: tuple[Change, ...]

    @property
    def layers(self) -> frozenset[str]:
        """Names of the modules that it changes."""
        return frozenset(change.layer for change in self.changes)


def by_layer(changes: tuple[Change, ...]) -> dict[str, tuple[Change, ...]]:
    """All changes of each module, in the order in which they can be made one after the other."""
    ordered = sorted(changes, key=lambda change: _ORDER.index(type(change)))
    return {name: tuple(c for c in ordered if c.layer == name) for name in dict.fromkeys(c.layer for c in changes)}
