"""Which layers are measured, where their centre unit is, and what it sees by the theory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import torch

from rfkit.errors import UsageError
from rfkit.forward import Subject, record
from rfkit.input_axes import Grid, input_grid
from rfkit.measure import followed_dim
from rfkit.propagate import Fields, propagate
from rfkit.report import Layer, PerAxis, Report
from rfkit.rows import build_rows
from rfkit.tracing import Trace, Value

MOST = 12
"""Layers that are chosen at most: as many as a page shows side by side."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The centre unit of a layer.

    Attributes:
        layer: of the report.
        value: the layer's output in the record.
        unit: its index along each axis; None on an axis where the layer has no positions.
        index: what picks it from the layer's output: its whole channel column.
        centre: of its field, per axis, in pixels (0.5 is the centre of the first).
        box: first and last pixel that it sees, per axis; None where that is not known.
    """

    layer: Layer
    value: Value
    unit: tuple[int | None, ...]
    index: tuple[slice | int, ...]
    centre: tuple[float, ...]
    box: tuple[tuple[int, int], ...] | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record of a forward, and its layers by label."""

    trace: Trace
    fields: Fields
    grid: Grid
    outputs: dict[str, Value]

    @classmethod
    def of(cls, model: torch.nn.Module, report: Report) -> Recorded:
        """Record the forward that a report is on once more, and find its layers.

        Raises:
            ForwardError: from whatever the forward raises.
        """
        subject = Subject.of(model, None)
        given = torch.empty(report.input_shape, device="meta")
        fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # its operators have no gradient
        try:
            trace = record(subject.model, given, subject.dtype, report.device)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
        grid = input_grid(subject.ranks, trace)
        fields = propagate(trace, grid.roots, local=not report.strict)
        return cls(trace, fields, grid, {row.label: row.output for row in build_rows(trace, fields).rows})

    def spot(self, layer: Layer, report: Report) -> Spot | str:
        """The centre unit of a layer, or why it has none."""
        value = self.outputs.get(layer.label)
        if value is None:
            return "it is not found again when the forward is recorded a second time"
        if value.index not in self.fields.known and value.index not in self.fields.unknown:
            return "it does not depend on the input"
        if not value.dtype.is_floating_point:
            return f"its output is of type {str(value.dtype).removeprefix('torch.')}, which has no gradient"
        dims = self._dims(value)
        if all(dim is None for dim in dims):
            return "it has no positions left: one unit sees everything"
        if self._scattered(value, dims):
            return "its positions lie in several dimensions, as windows do: name a layer whose output is a map"
        shared = dims[0] if len(dims) > 1 and len(set(dims)) == 1 else None
        token = None if shared is None else _central_token(report, layer, value.shape[shared])
        if shared is not None and token is None:
            return "its positions lie in one dimension, and where each of them is is not known"
        unit = tuple(None if dim is None else token.index if token else value.shape[dim] // 2 for dim in dims)
        index: list[slice | int] = [slice(None)] * len(value.shape)
        for dim, i in zip(dims, unit, strict=True):
            if dim is not None and i is not None:
                index[dim] = i
        box = _box(layer, unit)
        centre = token.centre if token else _centre(layer, unit, dims, box, value, report)
        return Spot(layer, value, unit, tuple(index), centre, box)

    def _dims(self, value: Value) -> tuple[int | None, ...]:
        """Per axis the dimension of a value that follows it; where its field is not known, that of the input."""
        footprint = self.fields.known.get(value.index)
        dims: list[int | None] = []
        for axis in self.grid.axes:
            if footprint is None:
                dims.append(axis.dim if len(value.shape) == axis.rank else None)
            else:
                field = footprint.axes[axis.number]
                dims.append(None if field is None else followed_dim(footprint, field, axis))
        return tuple(dims)

    def _scattered(self, value: Value, dims: Sequence[int | None]) -> bool:
        """Whether other dimensions than these count positions too."""
        footprint = self.fields.known.get(value.index)
        if footprint is None:
            return False
        counting = {d for axis in self.grid.axes for d in footprint.position_dims(axis.number)}
        return any(value.shape[d] > 1 for d in counting - set(dims))


@dataclass(frozen=True, slots=True)
class _Token:
    """A unit of a row of tokens: its index, and the centre of the patch that it was made of."""

    index: int
    centre: tuple[float, ...]


def _central_token(report: Report, layer: Layer, count: int) -> _Token | None:
    """The token nearest to the middle of the image, by the last layer before with as many units that see patches.

    That layer has a row of tokens too, or a map whose positions are as many, which come in the order of reading.
    """
    patches: list[tuple[tuple[int, int], ...]] = []
    for each in report.layers:
        found = _patches(each, count) if each.units and each.output_shape[0] == report.input_shape[0] else []
        patches = found if len({edges for edges in found if edges[0][0] >= 0}) > 1 else patches
        if each is layer:
            break
    tokens = [
        _Token(i, tuple((low + high + 1) / 2 for low, high in edges))
        for i, edges in enumerate(patches)
        if all(low >= 0 for low, _ in edges)
    ]
    middle = [n / 2 for n in report.spatial]
    return min(
        tokens, key=lambda token: sum((c - m) ** 2 for c, m in zip(token.centre, middle, strict=True)), default=None
    )


def _patches(layer: Layer, count: int) -> list[tuple[tuple[int, int], ...]]:
    """First and last pixel that each unit sees, per axis, where there are so many units; else nothing."""
    axes = [list(zip(lo, hi, strict=True)) for lo, hi in layer.units or ()]
    if len(layer.output_shape) == len(axes) + 2 and prod(map(len, axes)) == count:
        return list(product(*axes))
    if len(layer.output_shape) == len(axes) + 1 and all(len(axis) == count for axis in axes):
        return list(zip(*axes, strict=True))
    return []


def _box(layer: Layer, unit: Sequence[int | None]) -> tuple[tuple[int, int], ...] | None:
    if layer.units is None or len(layer.units) != len(unit):
        return None
    found = []
    for (lo, hi), i in zip(layer.units, unit, strict=True):
        at = len(lo) // 2 if i is None or i >= len(lo) else i
        if lo[at] < 0:
            return None
        found.append((lo[at], hi[at]))
    return tuple(found)


def own_size(spot: Spot, spatial: Sequence[int]) -> PerAxis:
    """What the unit sees along each axis; where the border may cut it off, what any unit of its layer sees."""
    sizes = spot.layer.receptive_field
    if spot.box is None:
        return sizes
    return tuple(
        hi - lo + 1 if size is not None and lo > 0 and hi < length - 1 else size
        for size, (lo, hi), length in zip(sizes, spot.box, spatial, strict=True)
    )


def _centre(
    layer: Layer,
    unit: Sequence[int | None],
    dims: Sequence[int | None],
    box: Sequence[tuple[int, int]] | None,
    value: Value,
    report: Report,
) -> tuple[float, ...]:
    """Start plus index times jump; without these the middle of the box; where no field is local, the unit's place in the row."""
    centre = []
    for axis, length in enumerate(report.spatial):
        i, dim, start, jump = unit[axis], dims[axis], layer.start[axis], layer.jump[axis]
        if i is None or dim is None:
            centre.append(length / 2)
        elif start is not None and jump is not None and not layer.global_[axis]:
            centre.append(float(start + i * jump))
        elif box is not None and not layer.global_[axis]:
            centre.append((box[axis][0] + box[axis][1] + 1) / 2)
        else:
            centre.append((i + 0.5) * length / value.shape[dim])
    return tuple(centre)


def named(report: Report, labels: Sequence[str]) -> list[Layer]:
    """The layers of these labels.

    Raises:
        UsageError: there is no such layer; the message names the nearest.
    """
    try:
        return [report[label] for label in labels]
    except KeyError as error:
        raise UsageError(f"{report.target} has {error.args[0]}") from error


def last_map(report: Report) -> Layer:
    """The last feature map on the way to the output, else what the output comes from.

    Raises:
        UsageError: there is neither.
    """
    label = report.totals.features or next((label for label in report.totals.outputs if label), None)
    found = next((layer for layer in report.layers if layer.label == label), None)
    if found is None:
        raise UsageError(f"{report.target} has no last feature map; name a layer: rfkit report lists them")
    return found


def growing(report: Report) -> list[Layer]:
    """Layers that show how the field grows: the last one of every size, the last feature map among them."""
    end = last_map(report)
    found: dict[tuple[object, ...], Layer] = {}
    before: object = None
    for layer in _until(report.layers, end):
        size = layer.receptive_field
        if (
            prod(layer.output_shape[2:]) > 1
            and any(r not in (None, 0) for r in size)
            and (size == before or size not in found)
        ):
            found[size] = layer
        before = size
    return [*(layer for layer in found.values() if layer is not end), end]


def _until(layers: Sequence[Layer], end: Layer) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        if layer is end:
            return


def thinned(spots: Sequence[Spot], most: int = MOST) -> list[Spot]:
    """So many of them, evenly, the first and the last among them."""
    if len(spots) <= most:
        return list(spots)
    return [spots[round(i * (len(spots) - 1) / (most - 1))] for i in range(most)]
