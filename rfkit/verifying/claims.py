"""What a trace claims of one layer, unit by unit, at full resolution: which input positions each element depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint import Footprint
from rfkit.footprint.extent import NONE
from rfkit.footprint.layout import spans

Positions = NDArray[np.int32]
Span = tuple[int, int]
"""First and last input position; ``NOTHING`` where none is seen."""
NOTHING: Span = (-1, -1)


@dataclass(frozen=True, slots=True, eq=False)
class AxisClaim:
    """First and last position on one input axis, for every element of a tensor: broadcastable to its shape.

    Elements that see nothing have ``lo`` above every position and ``hi`` below.
    """

    lo: Positions
    hi: Positions

    @property
    def units(self) -> int:
        """How many different units are told apart."""
        return self.lo.size

    def of(self, element: Sequence[int]) -> Span:
        """What one element sees."""
        index = tuple(i if n > 1 else 0 for i, n in zip(element, self.lo.shape, strict=True))
        return (int(self.lo[index]), int(self.hi[index])) if self.lo[index] < NONE else NOTHING

    def thinned(self, count: int) -> AxisClaim:
        """The claim of so many units at most along each dimension, evenly from the first to the last."""
        chosen = np.ix_(*(np.unique(np.linspace(0, n - 1, min(count, n)).astype(int)) for n in self.lo.shape))
        return AxisClaim(self.lo[chosen], self.hi[chosen])

    def decided_by(self, thinned: AxisClaim) -> NDArray[np.bool_]:
        """Which units have both boundaries in common with units of a thinned claim."""
        return np.isin(self.lo, thinned.lo) & np.isin(self.hi, thinned.hi)

    def without(self, unseen: NDArray[np.bool_] | None) -> AxisClaim:
        """The claim with some elements seeing nothing."""
        if unseen is None:
            return self
        return AxisClaim(np.where(unseen, np.int32(NONE), self.lo), np.where(unseen, np.int32(-NONE), self.hi))

    def unit(self, element: Sequence[int]) -> tuple[int, ...]:
        """Which unit an element is: its place along the dimensions where the claim varies."""
        return tuple(i for i, n in zip(element, self.lo.shape, strict=True) if n > 1)

    def hull(self, dim: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """First and last position per unit of one dimension (of the whole tensor for None): the hull over all others."""
        others = tuple(d for d in range(self.lo.ndim) if d != dim)
        lo, hi = np.atleast_1d(self.lo.min(axis=others)), np.atleast_1d(self.hi.max(axis=others))
        seen = lo < NONE
        return tuple(np.where(seen, lo, -1).tolist()), tuple(np.where(seen, hi, -1).tolist())


class Cut(NamedTuple):
    """A probe: NaN at all positions of an axis before ``at`` (``before``), or from there on."""

    axis: int
    before: bool
    at: int

    def positions(self, length: int) -> range:
        """Where it writes NaN on an axis of this length."""
        return range(self.at) if self.before else range(self.at, length)

    def reaches(self, claim: AxisClaim) -> NDArray[np.bool_]:
        """Which units turn NaN if the claim is true."""
        return claim.lo < self.at if self.before else claim.hi >= self.at


def deciding_cuts(claim: AxisClaim, axis: int, length: int) -> Iterator[Cut]:
    """The cuts that decide whether a claim is true of every unit.

    A unit sees ``lo..hi`` exactly when it stays clean with NaN before ``lo`` and turns NaN with one position more, and
    the same from the other end. Units with a boundary in common share the cut.
    """
    seen = claim.lo < NONE
    first, last = np.unique(claim.lo[seen]), np.unique(claim.hi[seen])
    yield from (Cut(axis, True, int(at)) for at in np.union1d(first, first + 1) if at > 0)
    yield from (Cut(axis, False, int(at)) for at in np.union1d(last, last + 1) if at < length)
    if not seen.all():
        yield Cut(axis, True, length)


def claims_of(footprint: Footprint | None, shape: Sequence[int], axes: int) -> tuple[AxisClaim, ...]:
    """A footprint (None: nothing is seen) as arrays that broadcast to the tensor's shape, one claim per input axis."""
    blind = np.full((1,) * len(shape), NONE, np.int32)
    nothing = AxisClaim(blind, -blind)
    if footprint is None:
        return (nothing,) * axes
    return tuple(nothing if field is None else _claim(field.extent.whole(), footprint) for field in footprint.axes)


def joined(claims: Sequence[AxisClaim], together: Sequence[int]) -> tuple[AxisClaim, ...]:
    """The claims with the axes of one input taken together: an element in the padding of one of them sees nothing at all.

    A footprint keeps its axes apart. ``together`` has one number per axis, the same for those of one input.
    """
    unseen = {group: _unseen(claims, together, group) for group in set(together)}
    return tuple(claim.without(unseen[group]) for claim, group in zip(claims, together, strict=True))


def _unseen(claims: Sequence[AxisClaim], together: Sequence[int], group: int) -> NDArray[np.bool_] | None:
    """Elements that see nothing along some axis of a group; None where there are none."""
    gaps = [claim.lo >= NONE for claim, g in zip(claims, together, strict=True) if g == group]
    return reduce(np.logical_or, gaps) if any(gap.any() for gap in gaps) else None


def _claim(stacked: Positions, footprint: Footprint) -> AxisClaim:
    sizes, full = [], list(stacked.shape)
    for group, span in zip(footprint.layout, spans(footprint.layout), strict=True):
        varies = any(stacked.shape[f + 1] > 1 for f in span)
        for f, n in zip(span, group, strict=True):
            full[f + 1] = n if varies else 1
        sizes.append(prod(group) if varies else 1)
    whole = np.broadcast_to(stacked, full).reshape(2, *sizes)
    return AxisClaim(whole[0], -whole[1])


def of_one_sample(claim: AxisClaim, shape: Sequence[int], dim: int | None) -> AxisClaim:
    """The claim of the first of several images, which lie one behind the other along a dimension."""
    if dim is None or claim.lo.shape[dim] == 1:
        return claim
    first = tuple(slice(shape[d]) if d == dim else slice(None) for d in range(claim.lo.ndim))
    return AxisClaim(claim.lo[first], claim.hi[first])
