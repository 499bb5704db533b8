"""Gridding: positions of the input that the units of the last feature map skip, and the layers at which that begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import ceil, floor, inf
from typing import NamedTuple

from rfkit.report import Layer, Number, PerUnit, Runs


class _Blocks(NamedTuple):
    """What every unit away from the border sees: blocks at least so wide, holes at most so long, a hull at least so wide."""

    block: Number
    hole: Number | float
    hull: Number


_POSITION = _Blocks(1, 0, 1)
_ANYTHING = _Blocks(1, inf, 1)


def possible(layers: Iterable[Layer], features: str | None) -> bool:
    """Whether the last feature map may have holes: a bound from closed forms, which spares most networks the exact sets.

    Holes begin where a window steps further than the units it reads see, and shrink where one does not.
    """
    by_label: dict[str, Layer] = {}
    bounds: dict[str, tuple[_Blocks, ...]] = {}
    for layer in layers:
        read = [by_label.get(label) for label in layer.inputs]
        first = read[0] if len(read) == 1 and layer.kernel_size is None else None
        if first is not None and first.receptive_field == layer.receptive_field:
            bounds[layer.label] = bounds[first.label]
        else:
            widths = [(x, bounds[x.label] if x is not None else ()) for x in read]
            bounds[layer.label] = tuple(
                _bound(layer, axis, [_source(x, blocks, axis) for x, blocks in widths])
                for axis in range(len(layer.jump))
            )
        by_label[layer.label] = layer
    return any(blocks.hole for blocks in bounds.get(features or "", ()))


class _Source(NamedTuple):
    """What a layer reads, along one axis: size of its field, distance of its units (0: no two are left), and its bound."""

    size: Number
    jump: Number
    blocks: _Blocks


def _source(layer: Layer | None, bounds: tuple[_Blocks, ...], axis: int) -> _Source:
    if layer is None:
        return _Source(1, 1, _POSITION)
    return _Source(layer.receptive_field[axis] or 0, layer.jump[axis] or 0, bounds[axis])


def _bound(layer: Layer, axis: int, sources: Sequence[_Source]) -> _Blocks:
    size = layer.receptive_field[axis]
    if not size or not sources:
        return _POSITION
    if _along(layer.kernel_size, axis, layer) > 1:
        return _through_window(layer, axis, sources[0]) if len(sources) == 1 else _ANYTHING
    if "misaligned" in layer.flags and size > max(s.size for s in sources):
        if size > sum(s.blocks.hull for s in sources):
            return _ANYTHING
        return _Blocks(min(s.blocks.block for s in sources), max(s.blocks.hole for s in sources), size)
    whole = [s.blocks for s in sources if s.size == size]
    if whole:
        return _Blocks(min(s.blocks.block for s in sources), min(b.hole for b in whole), max(b.hull for b in whole))
    grown = all(s.size < size for s in sources)
    solid = all(not s.blocks.hole and (not grown or s.jump <= s.blocks.block) for s in sources)
    return _Blocks(size, 0, size) if solid else _ANYTHING


def _through_window(layer: Layer, axis: int, source: _Source) -> _Blocks:
    """Copies of what one unit sees, a step apart: where it is no wider than a block, each grows at the cost of the holes."""
    taps = _along(layer.kernel_size, axis, layer)
    step = _along(layer.dilation, axis, layer) * source.jump
    block, hole, hull = source.blocks
    if layer.transposed:
        return source.blocks if not hole and ceil(step) <= block else _ANYTHING
    reach = (taps - 1) * floor(step)
    if ceil(step) > block:
        return _Blocks(block, max(hole, ceil(step) - hull), hull + reach)
    clipped = layer.extent[axis] != layer.receptive_field[axis]
    return _Blocks(block + reach, hole if clipped else max(0, hole - reach), hull + reach)


def _along(window: tuple[int, ...] | None, axis: int, layer: Layer) -> int:
    """A window's value on an axis; the largest where its dimensions are not the input's axes."""
    if not window:
        return 1
    return window[axis] if len(window) == len(layer.jump) else max(window)


def origins(layers: Iterable[Layer], features: str | None, beyond: Callable[[Layer], bool]) -> tuple[str, ...]:
    """Labels of the layers at which something begins that lasts up to the last feature map, in execution order.

    Args:
        layers: all layers.
        features: label of the layer that made the last feature map.
        beyond: whether a layer has it, e.g. holes that are too large.
    """
    by_label = {layer.label: layer for layer in layers}
    has = {label for label, layer in by_label.items() if beyond(layer)}
    met: set[str] = set()
    pending = [features] if features in has else []
    while pending:
        label = pending.pop()
        if label is not None and label not in met:
            met.add(label)
            pending.extend(source for source in by_label[label].inputs if source in has)
    return tuple(label for label in by_label if label in met and has.isdisjoint(by_label[label].inputs))


def marked(
    layers: Sequence[Layer],
    reached: Sequence[tuple[tuple[Runs, ...], PerUnit | None] | None],
    features: str | None,
    *,
    keep: bool,
) -> tuple[Layer, ...]:
    """The layers with the flag ``gridding`` on those at which holes begin that last up to the last feature map.

    Args:
        layers: all layers.
        reached: what the centre unit of each reaches, and every unit where that is known.
        features: label of the layer that made the last feature map.
        keep: whether the layers are to say what they reach.
    """
    whole = [
        layer if found is None else replace(layer, reached=found[0], runs=found[1])
        for layer, found in zip(layers, reached, strict=True)
    ]
    guilty = origins(whole, features, lambda layer: any(layer.max_hole or ()))
    return tuple(
        replace(layer, flags=(*layer.flags, "gridding")) if layer.label in guilty else layer
        for layer in (whole if keep else layers)
    )
