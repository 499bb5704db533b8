"""Where paths meet, along one input axis: closed forms and extents of several tensors joined, or put side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint.axis import NO_LINE, AxisField, reach, replaced
from rfkit.footprint.extent import concatenate as extents_side_by_side
from rfkit.footprint.extent import stack


def join(fields: Sequence[AxisField], sizes: Sequence[int]) -> tuple[AxisField, bool]:
    """The union of the fields of several tensors of one layout; also whether their grids disagree in jump or centre."""
    grid = _common_grid(fields, sizes)
    extent, line = fields[0].extent, grid.lines[0]
    for field, other in zip(fields[1:], grid.lines[1:], strict=True):
        extent, line = extent.join(field.extent), np.minimum(line, other)
    return AxisField(extent, line, grid.den, grid.jump, grid.positions, grid.regular, grid.pooled), grid.skewed


def concatenate(
    fields: Sequence[AxisField | None], factor: int, counts: Sequence[int], sizes: Sequence[int]
) -> tuple[AxisField, bool]:
    """Tensors of one layout side by side along a factor, of ``counts`` units each; None sees nothing.

    ``sizes`` are the factors of the result. Returns the field, and whether the grids of the parts disagree.
    """
    present = [f for f in fields if f is not None]
    moving = any(f.positions[factor] for f in present)
    if len(present) == len(fields) and not moving and all(_same(f, present[0], factor) for f in present):
        return present[0], False
    grid = _common_grid(present, [1 if f == factor else n for f, n in enumerate(sizes)])
    lines = iter(grid.lines)
    extent = extents_side_by_side([None if f is None else f.extent for f in fields], factor, counts)
    if moving:
        line, jump, regular = _end_to_end(fields, grid, [f.jump[factor] * (grid.den // f.den) for f in present], counts)
        jumps, positions = replaced(grid.jump, factor, jump), replaced(grid.positions, factor, True)
        return AxisField(extent, line, grid.den, jumps, positions, grid.regular and regular, grid.pooled), False
    line = stack([None if f is None else next(lines) for f in fields], factor + 1, counts, NO_LINE)
    field = AxisField(extent, line, grid.den, grid.jump, grid.positions, grid.regular, grid.pooled)
    if set(counts) == {1} and not any(p and n > 1 for p, n in zip(grid.positions, sizes, strict=True)):
        field = _recounted(field, factor)
    return field, grid.skewed


def _recounted(field: AxisField, factor: int) -> AxisField:
    """Single units put side by side again (``unbind``, then ``stack``) count positions where their fields are evenly spaced."""
    edges = field.line.reshape(3, -1)
    if edges.shape[1] != field.line.shape[factor + 1]:
        return field
    steps = np.diff(edges[:2], axis=1)
    if not len(steps[0]) or not steps[0, 0] or (steps[0] != steps[0, 0]).any() or (steps[1] != -steps[0, 0]).any():
        return field
    first = field.line.take([0], axis=factor + 1)
    jump, positions = replaced(field.jump, factor, int(steps[0, 0])), replaced(field.positions, factor, True)
    return replace(field, line=first, jump=jump, positions=positions)


class _Grid(NamedTuple):
    lines: list[NDArray[np.int64]]
    den: int
    jump: tuple[int, ...]
    positions: tuple[bool, ...]
    regular: bool
    skewed: bool
    pooled: bool


def _common_grid(fields: Sequence[AxisField], sizes: Sequence[int]) -> _Grid:
    """Express several closed forms with one jump per factor.

    Where the jumps along a factor differ, edges are widened to contain each field at either end. Where only some count it
    as positions (attention's queries and keys, or a gate in the strict sense), the others already see every unit there,
    and so does the join.
    """
    first = fields[0]
    if all([f.jump == first.jump and f.positions == first.positions and f.den == first.den for f in fields]):
        return _one_grid(fields, sizes)
    den = lcm(*(f.den for f in fields))
    fields = [f.scaled(den) for f in fields]
    lines, jump, positions = [f.line for f in fields], list[int](), list[bool]()
    mixed = uneven = False
    for i, n in enumerate(sizes):
        here = [f.positions[i] for f in fields]
        slopes = [f.jump[i] for f in fields]
        slope = slopes[0] if all(here) or not any(here) else 0
        if n > 1:
            mixed = mixed or all(here) != any(here)
            uneven = uneven or (all(here) and len(set(slopes)) > 1)
            if any(s != slope for s in slopes):
                reaches = [reach((s - slope) * (n - 1), len(sizes) + 1, grows=False) for s in slopes]
                lines = [line + reach for line, reach in zip(lines, reaches, strict=True)]
        jump.append(slope)
        positions.append(any(here))
    moving = any(p and n > 1 for p, n in zip(positions, sizes, strict=True))
    centres = {first - last for first, last in map(_edges, lines)}
    regular = all(f.regular for f in fields) and not uneven and not (mixed and any(jump))
    skewed = moving and not mixed and (uneven or len(centres) > 1)
    regular = regular and not (skewed and _hull_size(lines) % den)
    return _Grid(lines, den, tuple(jump), tuple(positions), regular, skewed, all(f.pooled for f in fields))


def _one_grid(fields: Sequence[AxisField], sizes: Sequence[int]) -> _Grid:
    """The usual case: one jump for all."""
    first, lines = fields[0], [f.line for f in fields]
    regular = all([f.regular for f in fields])
    moving = any([p and n > 1 for p, n in zip(first.positions, sizes, strict=True)])
    centres = {a - b for a, b in map(_edges, lines)} if moving else set()
    skewed = len(centres) > 1
    regular = regular and not (skewed and _hull_size(lines) % first.den)
    return _Grid(lines, first.den, first.jump, first.positions, regular, skewed, all([f.pooled for f in fields]))


def _hull_size(lines: Sequence[NDArray[np.int64]]) -> int:
    """Size minus one of the join; where it is no whole number of pixels, the joined grids have no common closed form."""
    edges = [_edges(line) for line in lines]
    return -min(last for _, last in edges) - min(first for first, _ in edges)


def _edges(line: NDArray[np.int64]) -> tuple[int, int]:
    """First edge and minus last edge of the hull over everything that varies."""
    if line.size == 3:
        first, last, _ = line.ravel().tolist()
        return first, last
    return int(line[0].min()), int(line[1].min())


def _end_to_end(
    fields: Sequence[AxisField | None], grid: _Grid, jumps: Sequence[int], counts: Sequence[int]
) -> tuple[NDArray[np.int64], int, bool]:
    """Positions that continue one another: affine where each part goes on where the one before ended."""
    jump, regular, offset, result = jumps[0], True, 0, None
    parts = iter(zip(grid.lines, jumps, strict=True))
    for part, count in zip(fields, counts, strict=True):
        if part is not None:
            line, slope = next(parts)
            rest = (slope - jump) * (count - 1)
            shift = np.array([-offset * jump, offset * jump, 0], np.int64).reshape((3,) + (1,) * (line.ndim - 1))
            moved = line + reach(rest, line.ndim, grows=False) + shift
            regular = regular and not rest and (result is None or np.array_equal(result, moved))
            result = moved if result is None else np.minimum(result, moved)
        offset += count
    assert result is not None
    return result, jump, regular


def _same(a: AxisField, b: AxisField, factor: int) -> bool:
    """Whether two parts, of which nothing varies along a factor, see alike."""
    if a.extent.varies(factor) or a.line.shape[factor + 1] > 1:
        return False
    return a is b or (
        a.jump == b.jump
        and a.positions == b.positions
        and a.regular == b.regular
        and bool(np.array_equal(a.extent.whole(), b.extent.whole()))
        and bool(np.array_equal(a.line, b.line))
    )
