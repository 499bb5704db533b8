"""From one footprint to the numbers a person reads: size, jump, start, extent, units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint import Footprint
from rfkit.footprint import layout as layouts
from rfkit.footprint.axis import NO_LINE, AxisField
from rfkit.footprint.extent import NONE

Number = int | Fraction


@dataclass(frozen=True, slots=True)
class AxisNumbers:
    """What one tensor's units see along one axis.

    ``how``: "exact", "measured" or "bound", see ``report.FLAGS``. ``interior``: where there is no closed form, the largest
    extent of a unit that no border clips; 0 where there is none.
    """

    size: Number
    smallest: Number
    jump: Number | None
    start: Number | None
    extent: int
    everything: bool
    how: str
    interior: int = 0


NOTHING = AxisNumbers(0, 0, None, None, 0, False, "exact")


def fraction(numerator: int, denominator: int) -> Number:
    """A rational, as an int where it is whole."""
    whole, rest = divmod(numerator, denominator)
    return Fraction(numerator, denominator) if rest else whole


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the input: its number, its length in pixels, and the rank and dimension it has in the input tensor."""

    number: int
    length: int
    rank: int
    dim: int


def axis_numbers(footprint: Footprint, axis: Axis) -> AxisNumbers:
    """Size, jump, start and extent of a footprint along an axis."""
    length = axis.length
    field = footprint.axes[axis.number]
    if field is None:
        return NOTHING
    dims = _position_dims(footprint, field, axis)
    extents = field.extent.reduce(footprint.outside(dims))
    if len(extents.terms) > 1:  # pairs of queries and keys: each query sees all of its keys
        extents = field.extent.reduce(footprint.outside([_followed(footprint, field, axis, dims) or 0]))
    hull = extents.whole()
    extent = max(0, 1 - int((hull[0] + hull[1]).min()))
    if field.line.size == 3:
        first, last, least = field.line.ravel().tolist()
    else:
        first, last, least = field.line.reshape(3, -1).min(axis=1).tolist()
    if not extent or first >= NO_LINE // 2:
        return NOTHING
    size, smallest = fraction(-last - first, field.den) + 1, fraction(least, field.den) + 1
    everything = length > 1 and _stands_still(footprint, field) and (field.regular or _alike(hull))
    jump, shift = _grid(footprint, field, axis, dims)
    how, start = "exact", fraction(first - last + field.den, 2 * field.den) + shift
    scattered = bool(dims) and not any(field.positions)
    if everything and not field.regular and size > length:
        return AxisNumbers(size, smallest, None, None, extent, everything, "bound")
    if (not field.regular and not everything) or scattered:
        lo, hi = hull[0], -hull[1]
        seen = lo < NONE
        widths = np.where(seen, hi - lo + 1, 0)
        inside = widths[seen & (lo > 0) & (hi < length - 1)]
        if (widths[seen] == extent).all() and extent < length:
            size = extent
        elif inside.size:
            how, size = "measured", extent
        else:
            how, size = "bound", max(size, extent)
        interior = int(inside.max()) if inside.size else 0
        return AxisNumbers(size, min(smallest, size), jump or None, None, extent, everything, how, interior)
    if (
        field.den > 1 and extent > size
    ):  # windows over phases of an upsampling: some hold more pixels than the textbook's
        return AxisNumbers(extent, smallest, jump or None, None, extent, everything, "measured")
    return AxisNumbers(size, smallest, jump or None, start, extent, everything, how)


def _stands_still(footprint: Footprint, field: AxisField) -> bool:
    sizes = layouts.factors(footprint.layout)
    return not any([p and n > 1 and j for p, n, j in zip(field.positions, sizes, field.jump, strict=True)])


def _alike(hull: NDArray[np.int32]) -> bool:
    """Whether all units that see anything see the same."""
    seen = hull[:, hull[0] < NONE]
    return bool((seen == seen[:, :1]).all())


def _grid(footprint: Footprint, field: AxisField, axis: Axis, dims: Sequence[int]) -> tuple[Number | None, Number]:
    """The jump along the followed dimension, and how far its first unit's centre lies from that of the closed form.

    Factors inside the positions (a pixel shuffle) repeat each field, as nearest-neighbour upsampling does.
    """
    dim = _followed(footprint, field, axis, dims)
    span = range(0) if dim is None else layouts.spans(footprint.layout)[dim]
    counting = [f for f in span if field.positions[f]]
    if not counting:
        return None, 0
    jump = field.jump[counting[-1]]
    if counting[-1] == span[-1]:
        return fraction(abs(jump), field.den), 0
    sizes = layouts.factors(footprint.layout)
    others = [a for a in footprint.axes if a is not None and a is not field]
    inside = [f for f in span if f > counting[-1] and not any(a.positions[f] for a in others)]
    repeats = prod(sizes[f] for f in inside)
    return fraction(abs(jump), field.den * repeats), fraction(jump * (1 - repeats), 2 * field.den * repeats)


def _position_dims(footprint: Footprint, field: AxisField, axis: Axis) -> list[int]:
    """The dimensions that count positions of an axis; where none does, the axis' own if units still differ along it."""
    spans = layouts.spans(footprint.layout)
    positions = field.positions
    if len(positions) == len(spans):
        dims = [d for d, position in enumerate(positions) if position]
    else:
        dims = [d for d, span in enumerate(spans) if any([positions[f] for f in span])]
    home = axis.dim if len(spans) == axis.rank else None
    if home is None or any([footprint.layout[d] != (1,) for d in dims]):
        return dims
    return [home] if any(field.extent.varies(f) for f in spans[home]) else dims


def followed_dim(footprint: Footprint, field: AxisField, axis: Axis) -> int | None:
    """The tensor's dimension that follows an axis.

    Of those that count its positions: the one it has in the input, else the last that counts nothing else, else the last.
    """
    return _followed(footprint, field, axis, _position_dims(footprint, field, axis))


def _followed(footprint: Footprint, field: AxisField, axis: Axis, dims: Sequence[int]) -> int | None:
    home = axis.dim if len(footprint.layout) == axis.rank else None
    wide = [d for d in dims if prod(footprint.layout[d]) > 1] or dims
    if home is not None and (home in wide or not dims):
        return home
    sizes = layouts.factors(footprint.layout)
    spans = layouts.spans(footprint.layout)
    pure = [d for d in wide if all(field.positions[f] or sizes[f] == 1 for f in spans[d])] or wide
    return pure[-1] if pure else None


def kept(footprint: Footprint, field: AxisField, factors: Sequence[int]) -> NDArray[Any]:
    """What units see, ``(stack, *factors)``, joined over all other factors than the given ones."""
    whole = field.extent.reduce([f for f in range(len(field.positions)) if f not in factors], keepdims=False).whole()
    sizes = layouts.factors(footprint.layout)
    return np.broadcast_to(whole, (len(whole), *[sizes[f] for f in factors]))


def centre(footprint: Footprint, field: AxisField, dim: int | None) -> NDArray[Any]:
    """What the centre unit of a dimension sees, ``(stack,)``: number ``n // 2`` of its ``n``, in all channels.

    Positions of the axis that other dimensions count (of windows folded into the batch) are taken at their centre too.
    """
    sizes = layouts.factors(footprint.layout)
    at = {f: sizes[f] // 2 for f, position in enumerate(field.positions) if position}
    if dim is not None:
        span = layouts.spans(footprint.layout)[dim]
        place = np.unravel_index(footprint.shape[dim] // 2, [sizes[f] for f in span])
        at |= {f: int(i) for f, i in zip(span, place, strict=True)}
    whole = kept(footprint, field, sorted(at))
    for f in sorted(at):
        whole = whole[:, at[f]]
    return whole


def units(footprint: Footprint | None, axis: Axis, shape: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First and last position that each unit along the followed dimension sees: the hull over all others; -1 for none."""
    field = None if footprint is None else footprint.axes[axis.number]
    if footprint is None or field is None:
        blank = (-1,) * (shape[axis.dim] if len(shape) == axis.rank else 1)
        return blank, blank
    dim = followed_dim(footprint, field, axis)
    hull = kept(footprint, field, () if dim is None else layouts.spans(footprint.layout)[dim]).reshape(2, -1)
    nothing = hull[0] >= NONE
    lo, hi = np.where(nothing, -1, hull[0]), np.where(nothing, -1, -hull[1])
    return tuple(lo.tolist()), tuple(hi.tolist())
