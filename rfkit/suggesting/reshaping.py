"""Shapes of the weights of a module that keeps its operators: another width, kernel, stride, padding or dilation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import nn

from rfkit.suggesting.edits import Change, Channels, Geometry, Window
from rfkit.suggesting.rebuild import NORMS
from rfkit.tracing.record import Inventory


@dataclass(frozen=True, slots=True)
class Reshaped:
    """What changes of a module that runs the same operators as before.

    Attributes:
        shapes: of its weights and buffers, by their number of dimensions.
        sliding: stride, padding, dilation and groups of a convolution; None of any other module.
        inventory: what it holds.
    """

    shapes: Mapping[int, tuple[int, ...]]
    sliding: tuple[list[int], list[int], list[int], int] | None
    inventory: Inventory


def keeps_operators(changes: Sequence[Change]) -> bool:
    """Whether a module runs the same operators with these changes made."""
    return all(isinstance(change, (Channels, Geometry)) for change in changes)


def reshaped(module: Any, changes: Sequence[Change]) -> Reshaped:
    """What becomes of a convolution, a linear layer or a norm, as ``rebuild.rebuilt`` makes it."""
    if isinstance(module, NORMS):
        made = next((c.made for c in changes if isinstance(c, Channels) and c.made), module.num_features)
        shapes: dict[int, tuple[int, ...]] = {1: (made,)}
        return Reshaped(shapes, None, _inventory(module, shapes))
    if isinstance(module, nn.Linear):
        given, made = _channels(changes, module.in_features, module.out_features)
        shapes = {1: (made,), 2: (made, given)}
        return Reshaped(shapes, None, _inventory(module, shapes))
    given, made = _channels(changes, module.in_channels, module.out_channels)
    groups = module.groups if given == module.in_channels else given if module.groups > 1 else 1
    window = next((c.after for c in changes if isinstance(c, Geometry)), module)
    kernel = window.kernel if isinstance(window, Window) else window.kernel_size
    shapes = {1: (made,), 2 + len(kernel): (made, given // groups, *kernel)}
    sliding = [*window.stride], [*window.padding], [*window.dilation], groups
    return Reshaped(shapes, sliding, _inventory(module, shapes))


def _channels(changes: Sequence[Change], given: int, made: int) -> tuple[int, int]:
    for change in changes:
        if isinstance(change, Channels):
            given, made = change.given or given, change.made or made
    return given, made


def _inventory(module: nn.Module, shapes: Mapping[int, tuple[int, ...]]) -> Inventory:
    """Weights of other shapes are new ones, which are trained."""
    weights = [p for p in module._parameters.values() if p is not None]
    new = any(shapes[p.dim()] != tuple(p.shape) for p in weights)
    counts = [prod(shapes[p.dim()]) for p in weights]
    trained = sum(count for p, count in zip(weights, counts, strict=True) if new or p.requires_grad)
    buffers = (prod(shapes.get(b.dim(), b.shape)) for b in module._buffers.values() if b is not None)
    return Inventory(sum(counts), trained, sum(buffers))
