"""What the units of a tensor see along one input axis: exactly on this image, and in closed form without its borders.

Both halves are stored so that every primitive is a minimum. ``extent`` holds ``lo`` and ``-hi``; ``line`` stacks the first
edge, minus the last edge, and the size of the smallest path. Their further dimensions are the factors of the tensor's
layout, broadcast (size 1) where nothing varies, so an ordinary feature map costs O(H + W).

The closed form is affine: the field of unit ``i`` is that of unit 0 moved by ``sum(jump[f] * i[f])`` over the factors. A factor
is a *position* where the axis' field moves along it, or would if attention or a window had not mixed its units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd, lcm, prod
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint.extent import Extent, along, reshape, take
from rfkit.footprint.layout import Segment
from rfkit.footprint.taps import Taps

T = TypeVar("T")

_FINEST = 1 << 12
"""Denominator up to which the slope of a bound is kept exact; past it the bound is widened a little instead."""
NO_LINE = 1 << 50
"""Stands in ``line`` for a unit that sees nothing; it never wins a minimum."""


@dataclass(frozen=True, slots=True, eq=False)
class AxisField:
    """Fields of all units of a tensor along one input axis.

    Attributes:
        extent: what each unit sees on this image.
        line: int64 ``(3, *factors)``, in units of 1/den pixel: first edge, minus last edge of unit 0's unclipped field, and
            the size minus one of the smallest path. Positions have size 1.
        den: common denominator of ``line`` and ``jump``.
        jump: per factor the distance, in 1/den pixel, between neighbouring units.
        positions: per factor whether it counts positions of this axis.
        regular: whether the closed form is exact away from the border (true) or an upper bound (false).
        pooled: whether positions were joined into one somewhere before; a slice of one position is not.
    """

    extent: Extent
    line: NDArray[np.int64]
    den: int
    jump: tuple[int, ...]
    positions: tuple[bool, ...]
    regular: bool
    pooled: bool = False

    @classmethod
    def of_input(cls, sizes: Sequence[int], factor: int) -> Self:
        """The field of the input itself along its factor number ``factor``: every unit sees its own position."""
        unit = tuple(f == factor for f in range(len(sizes)))
        line = np.zeros((3,) + (1,) * len(sizes), np.int64)
        extent = Extent.of_positions(len(sizes), factor, sizes[factor])
        return cls(extent, line, 1, tuple(int(p) for p in unit), unit, True)

    def varies(self, factor: int) -> bool:
        """Whether units differ along a factor."""
        return self.extent.varies(factor) or self.line.shape[factor + 1] > 1 or self.positions[factor]

    def scaled(self, den: int) -> Self:
        """The same in units of 1/den pixel; ``den`` is a multiple of the present one."""
        if den == self.den:
            return self
        k = den // self.den
        return replace(self, line=self.line * k, den=den, jump=tuple(j * k for j in self.jump))

    def slide(self, factor: int, taps: Taps, spread_dead: bool) -> Self:
        """Move along a factor with a window. ``spread_dead``: write "sees nothing" although nothing else varies there."""
        extent = self.extent.slide(factor, taps)
        if taps.dead is not None and (spread_dead or self.positions[factor] or extent.varies(factor)):
            extent = extent.blank(factor, taps.dead)
        if self.positions[factor]:
            return self._slide_line(factor, taps, extent)
        line = take(self.line, taps, factor + 1)
        if taps.dead is not None and spread_dead:
            line = np.where(along(taps.dead, factor + 1, line.ndim), np.int64(NO_LINE), line)
        return replace(self, extent=extent, line=line)

    def _slide_line(self, factor: int, taps: Taps, extent: Extent) -> Self:
        den = lcm(taps.scale.denominator, taps.first.denominator, taps.last.denominator)
        field = self if den == 1 else self.scaled(self.den * den)
        jump = field.jump[factor]
        edges = int(taps.first * jump), int(taps.last * jump)
        change = np.array([min(edges), -max(edges), abs(edges[1] - edges[0])], np.int64)
        line = field.line + change.reshape((3,) + (1,) * (field.line.ndim - 1))
        jumps = replaced(field.jump, factor, int(jump * taps.scale))
        pooled = self.pooled or (len(taps.index) == 1 and taps.index.shape[1] > 1)
        regular = self.regular and taps.regular
        moved = replace(field, extent=extent, line=line, jump=jumps, regular=regular, pooled=pooled)
        return moved._reduced(den)

    def _reduced(self, grown: int) -> Self:
        if grown == 1:
            return self
        common = gcd(self.den, int(np.gcd.reduce(self.line, axis=None)), *self.jump)
        if common == 1:
            return self
        return replace(
            self, line=self.line // common, den=self.den // common, jump=tuple(j // common for j in self.jump)
        )

    def reduce(self, over: Sequence[int], sizes: Sequence[int]) -> Self:
        """Join all units along some factors, whose sizes are given, into one; the factors stay, with size 1."""
        axes = tuple(f + 1 for f in over if self.line.shape[f + 1] > 1)
        line = self.line.min(axis=axes, keepdims=True) if axes else self.line
        jump, pooled = list(self.jump), self.pooled
        for f, n in zip(over, sizes, strict=True):
            if self.positions[f] and n > 1:
                pooled = True
                line = line + reach(self.jump[f] * (n - 1), line.ndim, grows=True)
                jump[f] *= n
        return replace(self, extent=self.extent.reduce(over), line=line, jump=tuple(jump), pooled=pooled)

    def reshape(self, segments: tuple[Segment, ...], foreign: Sequence[bool]) -> Self:
        """Cut and merge factors as a plan says (``layout.plan_reshape``); merged positions stay affine where they can.

        ``foreign`` says which factors count positions of another axis.
        """
        extent = self.extent.reshape(segments)
        field, jump, positions, f = self, list[int](), list[bool](), 0
        for segment in segments:
            width = len(segment.old)
            if segment.pieces is None:
                field, merged, position = field._merge(f, segment.old, foreign)
                if not position and any(self.positions[f : f + width]):
                    position = True
                jump.extend(_split(merged, segment.new))
                positions.extend([position] * len(segment.new))
            else:
                for i, piece in enumerate(segment.pieces, f):
                    if len(piece) == 1:
                        jump.append(field.jump[i])
                        positions.append(field.positions[i])
                    else:
                        jump.extend(_split(field.jump[i], piece))
                        positions.extend([field.positions[i]] * len(piece))
            f += width
        line = reshape(field.line, segments)
        return type(self)(extent, line, field.den, tuple(jump), tuple(positions), field.regular, field.pooled)

    def _merge(self, start: int, sizes: tuple[int, ...], foreign: Sequence[bool]) -> tuple[Self, int, bool]:
        """Prepare factors for merging; returns the field, the merged factor's jump, and whether it counts positions.

        Positions alone merge to positions. Positions with other factors inside (a pixel shuffle) repeat each field, as
        nearest-neighbour upsampling does. Any other mixture has no closed form.
        """
        here = range(start, start + len(sizes))
        real = [i for i in here if sizes[i - start] > 1]
        counting = [i for i in real if self.positions[i]]
        if not counting:
            return self, 0, False
        field = self
        axes = tuple(i + 1 for i in here if self.line.shape[i + 1] > 1)
        if axes:
            field = replace(self, line=self.line.min(axis=axes, keepdims=True), regular=False)
        if counting != real[: len(counting)] or any(foreign[i] for i in real):
            return field._spread(here, sizes, slope=0), 0, True
        inner = counting[-1]
        slope, below = field.jump[inner], sizes[inner - start]
        for i in reversed(counting[:-1]):
            if field.jump[i] != slope * below:
                if field.den * below <= _FINEST:
                    field = field.scaled(field.den * below)
                slope = field.jump[i] // below
                break
            below *= sizes[i - start]
        outer = range(start, inner + 1)
        field = field._spread(outer, sizes[: inner + 1 - start], slope)
        repeats = prod(sizes[inner + 1 - start :])
        if repeats == 1:
            return field, slope, True
        field = field.scaled(field.den * 2 * repeats)
        shift = slope * (1 - repeats)
        move = np.array([shift, -shift, 0], np.int64).reshape((3,) + (1,) * (field.line.ndim - 1))
        return replace(field, line=field.line + move), 2 * slope, True

    def _spread(self, here: range, sizes: tuple[int, ...], slope: int) -> Self:
        """Widen the edges so that an affine form with one slope along the merged factors contains every unit's field."""
        line, stride, regular = self.line, slope, self.regular
        for i in reversed(here):
            n = sizes[i - here.start]
            rest = (self.jump[i] if self.positions[i] else 0) - stride
            if rest and n > 1:
                line, regular = line + reach(rest * (n - 1), line.ndim, grows=False), False
            stride *= n
        return replace(self, line=line, regular=regular)

    def permute(self, order: Sequence[int]) -> Self:
        """Reorder the factors."""
        axes = (0, *(f + 1 for f in order))
        return replace(
            self,
            extent=self.extent.permute(axes),
            line=self.line.transpose(axes),
            jump=tuple(self.jump[f] for f in order),
            positions=tuple(self.positions[f] for f in order),
        )

    def insert(self, where: Sequence[int]) -> Self:
        """New factors of size 1 that nothing varies along, at these places of the result."""
        jump, positions = list(self.jump), list(self.positions)
        line, where = list(self.line.shape), sorted(where)
        for f in where:
            jump.insert(f, 0)
            positions.insert(f, False)
            line.insert(f + 1, 1)
        return replace(
            self,
            extent=self.extent.insert(where),
            line=self.line.reshape(line),
            jump=tuple(jump),
            positions=tuple(positions),
        )

    def drop(self, where: Sequence[int]) -> Self:
        """Remove factors of size 1."""
        keep = [f for f in range(len(self.jump)) if f not in where]
        return replace(
            self,
            extent=self.extent.keep(keep),
            line=self.line.reshape([3] + [self.line.shape[f + 1] for f in keep]),
            jump=tuple(self.jump[f] for f in keep),
            positions=tuple(self.positions[f] for f in keep),
        )

    def forget(self, factor: int) -> Self:
        """Stop counting a factor of size 1 as a position, before it is broadcast or relabelled."""
        if not self.positions[factor] and not self.jump[factor]:
            return self
        return replace(self, jump=replaced(self.jump, factor, 0), positions=replaced(self.positions, factor, False))


def reach(distance: int, ndim: int, grows: bool) -> NDArray[np.int64]:
    """The change of edges when a field is joined with itself moved by ``distance``; ``grows``: the smallest path too."""
    change = [min(0, distance), min(0, -distance), abs(distance) if grows else 0]
    return np.array(change, np.int64).reshape((3,) + (1,) * (ndim - 1))


def _split(jump: int, sizes: Sequence[int]) -> list[int]:
    result = []
    for n in reversed(sizes):
        result.append(jump)
        jump *= n
    return result[::-1]


def replaced(items: tuple[T, ...], where: int, value: T) -> tuple[T, ...]:
    """A tuple with one item exchanged."""
    return (*items[:where], value, *items[where + 1 :])
