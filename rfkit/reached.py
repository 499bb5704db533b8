"""Which input positions the centre unit of a tensor reaches along each axis: the exact set, holes included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint import Footprint
from rfkit.footprint.axis import AxisField
from rfkit.footprint.reach import WORD, Reach, positions
from rfkit.input_axes import Grid
from rfkit.measure import Axis, centre, followed_dim
from rfkit.propagate import Fields, propagate
from rfkit.report import Runs
from rfkit.tracing import Trace, Value

_MEMORY = 1 << 27
"""Bytes that the sets of one propagation may take; more positions are looked at in several."""


@dataclass(frozen=True, slots=True)
class _Centre:
    """The centre unit of a value along one axis: its dimension (None: all units as one), and the extent it has there."""

    value: int
    axis: Axis
    dim: int | None
    first: int
    last: int


def reached(
    trace: Trace, grid: Grid, fields: Fields, values: Sequence[Value], *, local: bool
) -> list[tuple[Runs, ...] | None]:
    """Per value and axis, the runs of positions that its centre unit reaches; None for an unknown value.

    The centre unit is number ``n // 2`` of the ``n`` along the dimension that follows the axis; what units at that place
    reach in all channels, and at all places along the other dimensions, counts. Sets are propagated as extents are, a
    window of positions at a time.
    """
    wanted = dict.fromkeys(v.index for v in values if v.index not in fields.unknown)
    centres = [c for index in wanted for axis in grid.axes if (c := _centre(fields, index, axis)) is not None]
    begins = {a.number: min((c.first for c in centres if c.axis is a), default=0) for a in grid.axes}
    ends = {a.number: max((c.last for c in centres if c.axis is a), default=-1) for a in grid.axes}
    words = {number: -(-(ends[number] - begins[number] + 1) // WORD) for number in begins}
    at_once = max(1, _MEMORY // max(1, _bytes_per_word(fields)))
    parts: dict[_Centre, list[NDArray[np.bool_]]] = {c: [] for c in centres}
    for start in range(0, max(words.values(), default=0), at_once):
        windows = {
            number: (begins[number] + start * WORD, min(max(count - start, 0), at_once))
            for number, count in words.items()
        }
        sets = propagate(trace, {i: _told_apart(root, windows) for i, root in grid.roots.items()}, local=local)
        for c in centres:
            parts[c].append(positions(_at_centre(sets.known[c.value], c.axis, c.dim)))
    found = {(c.value, c.axis.number): _runs(np.concatenate(bits), begins[c.axis.number]) for c, bits in parts.items()}
    return [tuple(found.get((v.index, a.number), ()) for a in grid.axes) if v.index in wanted else None for v in values]


def _centre(fields: Fields, index: int, axis: Axis) -> _Centre | None:
    """None where nothing is seen along the axis."""
    footprint = fields.known.get(index)
    field = None if footprint is None else footprint.axes[axis.number]
    if footprint is None or field is None:
        return None
    dim = followed_dim(footprint, field, axis)
    first, minus_last = _at_centre(footprint, axis, dim).tolist()
    return _Centre(index, axis, dim, first, -minus_last) if first <= -minus_last else None


def _at_centre(footprint: Footprint, axis: Axis, dim: int | None) -> NDArray[Any]:
    field = footprint.axes[axis.number]
    assert field is not None
    return centre(footprint, field, dim)


def _told_apart(root: Footprint, windows: Mapping[int, tuple[int, int]]) -> Footprint:
    """An input whose units hold sets of positions, those of a window (first position, words) per axis."""
    sizes = root.shape
    axes: list[AxisField | None] = []
    for number, field in enumerate(root.axes):
        if field is None:
            axes.append(None)
            continue
        factor = field.positions.index(True)
        axes.append(replace(field, extent=Reach.of_window(len(sizes), factor, sizes[factor], *windows[number])))
    return replace(root, axes=tuple(axes))


def _bytes_per_word(fields: Fields) -> int:
    """What one more word costs in all footprints together: as much as the extents, of two halves of a word, take."""
    extents = {id(f.extent): f.extent for p in fields.known.values() for f in p.axes if f is not None}
    return sum(term.nbytes for extent in extents.values() for term in extent.terms)


def _runs(bits: Sequence[bool] | NDArray[np.bool_], begin: int) -> Runs:
    """Runs of true values, as first and last position; the first value is that of position ``begin``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bits, [False]]).astype(np.int8))).tolist()
    return tuple((begin + first, begin + after - 1) for first, after in zip(edges[::2], edges[1::2], strict=True))
