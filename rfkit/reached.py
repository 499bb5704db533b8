"""Which input positions units of a tensor reach along each axis: the exact sets, holes included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint import Footprint
from rfkit.footprint.axis import AxisField
from rfkit.footprint.layout import factors, spans
from rfkit.footprint.reach import WORD, Reach, positions
from rfkit.input_axes import Grid
from rfkit.measure import Axis, centre, followed_dim, kept
from rfkit.propagate import Fields, propagate
from rfkit.report import PerUnit, Runs
from rfkit.tracing import Trace, Value

_MEMORY = 1 << 27
"""Bytes that the sets of one propagation may take; more positions are looked at in several."""
_MANY = 1 << 22
"""Units times positions up to which every unit's set is looked at."""


class Reached(NamedTuple):
    """Per axis, the runs of positions that the centre unit reaches; and those of each unit, if any of them skips some.

    Each unit's are only there where they were asked for, where there are not too many, and where a unit has one place on an
    axis: not where windows of it lie in the batch.
    """

    centre: tuple[Runs, ...]
    units: PerUnit | None


@dataclass(frozen=True, slots=True)
class _Sought:
    """Units of a value along one axis, the centre or every one.

    Attributes:
        dim: the value's dimension that they lie along; None: all units as one.
        first, last: what they reach, holes aside.
    """

    value: int
    axis: Axis
    dim: int | None
    every: bool
    first: int
    last: int


def reached(
    trace: Trace, grid: Grid, fields: Fields, values: Sequence[Value], *, local: bool, every: bool = False
) -> list[Reached | None]:
    """Per value, the positions that its centre unit reaches, and on demand ``every`` unit; None for an unknown value.

    The centre unit is number ``n // 2`` of the ``n`` along the dimension that follows the axis; what units at that place
    reach in all channels, and at all places along the other dimensions, counts. Sets are propagated as extents are, a
    window of positions at a time.
    """
    wanted = {v.index: v for v in values if v.index not in fields.unknown}
    told = {index for index in wanted if every and all(_can_be_told(fields, index, axis) for axis in grid.axes)}
    sought = [
        s
        for index in wanted
        for axis in grid.axes
        for of_all in ((False, True) if index in told else (False,))
        if (s := _sought(fields, index, axis, of_all)) is not None
    ]
    sets = _sets(trace, grid, fields, sought, local)
    found: dict[int, Reached] = {}
    for index, value in wanted.items():
        centres = (sets.get((index, axis.number, False), ((),)) for axis in grid.axes)
        units = None
        if index in told:
            every_set = tuple(sets.get((index, axis.number, True)) or _blank(value, axis) for axis in grid.axes)
            units = every_set if any(len(runs) > 1 for axis in every_set for runs in axis) else None
        found[index] = Reached(tuple(runs for (runs,) in centres), units)
    return [found.get(v.index) for v in values]


def _sets(
    trace: Trace, grid: Grid, fields: Fields, sought: Sequence[_Sought], local: bool
) -> dict[tuple[int, int, bool], tuple[Runs, ...]]:
    """By value, axis and whether it is every unit, the runs of positions that each of the units sought reaches."""
    begins = {a.number: min((s.first for s in sought if s.axis is a), default=0) for a in grid.axes}
    ends = {a.number: max((s.last for s in sought if s.axis is a), default=-1) for a in grid.axes}
    words = {number: -(-(ends[number] - begins[number] + 1) // WORD) for number in begins}
    at_once = max(1, _MEMORY // max(1, _bytes_per_word(fields)))
    parts: dict[_Sought, list[NDArray[np.uint64]]] = {s: [] for s in sought}
    for start in range(0, max(words.values(), default=0), at_once):
        windows = {
            number: (begins[number] + start * WORD, min(max(count - start, 0), at_once))
            for number, count in words.items()
        }
        known = propagate(trace, {i: _told_apart(root, windows) for i, root in grid.roots.items()}, local=local).known
        for s in sought:
            parts[s].append(_seen(known[s.value], s.axis, s.dim, s.every)[1:].copy())
    return {
        (s.value, s.axis.number, s.every): _runs(np.concatenate(windows_of_s), begins[s.axis.number])
        for s, windows_of_s in parts.items()
    }


def _sought(fields: Fields, index: int, axis: Axis, every: bool) -> _Sought | None:
    """None where nothing is seen along the axis."""
    footprint = fields.known.get(index)
    field = None if footprint is None else footprint.axes[axis.number]
    if footprint is None or field is None:
        return None
    dim = followed_dim(footprint, field, axis)
    extents = _seen(footprint, axis, dim, every)
    first, last = int(extents[0].min()), -int(extents[1].min())
    if first > last:
        return None
    return _Sought(index, axis, dim, every, first, last)


def _can_be_told(fields: Fields, index: int, axis: Axis) -> bool:
    """Whether each unit along an axis has one place on it, and there are not too many of them."""
    footprint = fields.known.get(index)
    field = None if footprint is None else footprint.axes[axis.number]
    if footprint is None or field is None:
        return True
    dim = followed_dim(footprint, field, axis)
    own = () if dim is None else spans(footprint.layout)[dim]
    sizes = factors(footprint.layout)
    if any(position and sizes[f] > 1 for f, position in enumerate(field.positions) if f not in own):
        return False
    return prod(sizes[f] for f in own) * axis.length <= _MANY


def _blank(value: Value, axis: Axis) -> tuple[Runs, ...]:
    """Of each unit along an axis of which a value sees nothing."""
    return ((),) * (value.shape[axis.dim] if len(value.shape) == axis.rank else 1)


def _seen(footprint: Footprint, axis: Axis, dim: int | None, every: bool) -> NDArray[Any]:
    """What the centre unit along a dimension sees, or every one: ``(stack, units)``."""
    field = footprint.axes[axis.number]
    assert field is not None
    if not every:
        return centre(footprint, field, dim)[:, None]
    whole = kept(footprint, field, () if dim is None else spans(footprint.layout)[dim])
    return whole.reshape(len(whole), -1)


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


def _runs(words: NDArray[np.uint64], begin: int) -> tuple[Runs, ...]:
    """The runs that each unit's words, ``(words, units)``, hold; the first bit is that of position ``begin``."""
    bits = np.pad(positions(words).astype(np.int8), ((1, 1), (0, 0)))
    edges = np.diff(bits, axis=0).T
    units, firsts = np.nonzero(edges == 1)
    _, afters = np.nonzero(edges == -1)
    runs = list(zip((begin + firsts).tolist(), (begin - 1 + afters).tolist(), strict=True))
    ends = np.cumsum(np.bincount(units, minlength=len(edges))).tolist()
    return tuple(tuple(runs[start:end]) for start, end in zip([0, *ends], ends, strict=False))
