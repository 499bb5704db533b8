"""Exact extents: the first and last input position each unit sees on this image, along one axis.

An extent stacks ``lo`` and ``-hi``, so that joining fields is a minimum. It is kept as the minimum of several *terms*, each
broadcast (size 1) where it does not vary: a product of queries and keys has one term that varies along the queries and one along
the keys, and never the table of all pairs. A minimum commutes with everything that moves or reduces units, so every
primitive acts on each term by itself.

What is joined, and how, is said in one place (``Extent.joined``, ``Extent.nothing``), so the same primitives can carry other
things than intervals: ``reach.Reach`` carries sets of positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint.layout import Segment
from rfkit.footprint.taps import Taps

Number = TypeVar("Number", np.int32, np.int64, np.uint64)

NONE = 1 << 29
"""Stands for a unit that sees nothing: larger than any position, so it never wins a minimum."""
_MOST_AT_ONCE = 1 << 24
"""Elements that the taps of all units may hold before they are read one tap after the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """Each term is int32 ``(2, *factors)``: first position, and minus the last position.

    Attributes:
        terms: what is joined to what each unit sees.
        joined: how what two units see becomes what either sees.
        nothing: what a unit that sees nothing holds; joining it changes nothing.
    """

    joined: ClassVar[np.ufunc] = np.minimum
    nothing: ClassVar[np.int32 | np.uint64] = np.int32(NONE)

    terms: tuple[NDArray[Any], ...]

    @classmethod
    def of_positions(cls, rank: int, factor: int, count: int) -> Self:
        """Unit i along a factor sees position i."""
        position = np.arange(count, dtype=np.int32)
        return cls((np.stack([position, -position]).reshape(2, *(count if f == factor else 1 for f in range(rank))),))

    def varies(self, factor: int) -> bool:
        """Whether units may differ along a factor."""
        return any([t.shape[factor + 1] > 1 for t in self.terms])

    def whole(self) -> NDArray[Any]:
        """All terms in one array."""
        return reduce(self.joined, self.terms)

    def unseen(self) -> NDArray[np.bool_]:
        """Which units see nothing, ``(1, *factors)``."""
        return np.asarray(self.whole()[:1] == self.nothing)

    def join(self, other: Self) -> Self:
        """What either sees."""
        return type(self)(_folded((*self.terms, *other.terms), self.joined))

    def slide(self, factor: int, taps: Taps) -> Self:
        """Read a factor through a window."""
        if not self.varies(factor):
            return self
        return type(self)(tuple([take(t, taps, factor + 1, self.joined) for t in self.terms]))

    def blank(self, factor: int, dead: NDArray[np.bool_]) -> Self:
        """Let some units along a factor see nothing."""
        mask = along(dead, factor + 1, self.terms[0].ndim)
        return type(self)(tuple(np.where(mask, self.nothing, t) for t in self.terms))

    def without(self, units: NDArray[np.bool_]) -> Self:
        """Let some units, a mask over all factors, see nothing."""
        return type(self)(tuple(np.where(units, self.nothing, t) for t in self.terms))

    def reduce(self, over: Sequence[int], keepdims: bool = True) -> Self:
        """Join all units along some factors."""
        terms = []
        for t in self.terms:
            axes = tuple([f + 1 for f in over if t.shape[f + 1] > 1 or not keepdims])
            terms.append(self.joined.reduce(t, axis=axes, keepdims=keepdims) if axes else t)
        return type(self)(_folded(tuple(terms), self.joined))

    def reshape(self, segments: tuple[Segment, ...]) -> Self:
        """Cut and merge factors as a plan says."""
        return type(self)(tuple([reshape(t, segments) for t in self.terms]))

    def permute(self, axes: Sequence[int]) -> Self:
        """Reorder the factors; ``axes`` counts the stack as 0."""
        return type(self)(tuple([t.transpose(axes) for t in self.terms]))

    def insert(self, where: Sequence[int]) -> Self:
        """New factors of size 1, at these places of the result in rising order."""
        terms = []
        for t in self.terms:
            shape = list(t.shape)
            for f in where:
                shape.insert(f + 1, 1)
            terms.append(t.reshape(shape))
        return type(self)(tuple(terms))

    def keep(self, factors: Sequence[int]) -> Self:
        """Drop all other factors, which have size 1."""
        return type(self)(tuple([t.reshape([t.shape[0], *(t.shape[f + 1] for f in factors)]) for t in self.terms]))


def _folded(terms: tuple[NDArray[Any], ...], joined: np.ufunc) -> tuple[NDArray[Any], ...]:
    """Join terms of which one's shape already has room for the other."""
    if len(terms) == 1:
        return terms
    result: list[NDArray[Any]] = []
    for term in terms:
        for i, other in enumerate(result):
            if term is other:
                break
            if _contains(term.shape, other.shape) or _contains(other.shape, term.shape):
                result[i] = joined(term, other)
                break
        else:
            result.append(term)
    return tuple(result) if len(result) == len(terms) else _folded(tuple(result), joined)


def _contains(large: tuple[int, ...], small: tuple[int, ...]) -> bool:
    return all([n >= m for n, m in zip(large, small, strict=True)])


def along(mask: NDArray[np.bool_], axis: int, ndim: int) -> NDArray[np.bool_]:
    """A mask over one axis, broadcast over the others."""
    return mask.reshape([-1 if d == axis else 1 for d in range(ndim)])


def take(array: NDArray[Number], taps: Taps, axis: int, joined: np.ufunc = np.minimum) -> NDArray[Number]:
    """What the taps of each unit read, joined, along an axis that may not vary."""
    if array.shape[axis] == 1:
        return array
    if taps.index.shape[1] == 1:
        return array.take(taps.index[:, 0], axis=axis)
    read: NDArray[Number]
    if array.size // array.shape[axis] * taps.index.size > _MOST_AT_ONCE:
        read = reduce(joined, (array.take(tap, axis=axis) for tap in taps.index.T))
    else:
        read = joined.reduce(array.take(taps.index, axis=axis), axis=axis + 1)
    return read


def reshape(array: NDArray[Number], segments: tuple[Segment, ...]) -> NDArray[Number]:
    """Cut and merge the factors of an array as a plan says."""
    full, new = _reshaped(array.shape, segments)
    return (np.broadcast_to(array, full) if full != array.shape else array).reshape(new)


@lru_cache(maxsize=4096)
def _reshaped(shape: tuple[int, ...], segments: tuple[Segment, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape an array must be broadcast to before it is reshaped as a plan says, and the shape it then takes."""
    full, new, f = [shape[0]], [shape[0]], 1
    for segment in segments:
        here = shape[f : f + len(segment.old)]
        f += len(segment.old)
        if segment.pieces is None:
            constant = all(n == 1 for n in here)
            full.extend(here if constant else segment.old)
            new.extend([1] * len(segment.new) if constant else segment.new)
            continue
        full.extend(here)
        for n, piece in zip(here, segment.pieces, strict=True):
            new.extend(piece if n > 1 else [1] * len(piece))
    return tuple(full), tuple(new)


def concatenate(parts: Sequence[Extent | None], factor: int, counts: Sequence[int]) -> Extent:
    """Extents of one kind side by side along a factor, of ``counts`` units each; None, but not for all, sees nothing.

    Terms that vary along the same other factors are put together; a part that has none such gives one that never wins.
    """
    kind = next(type(part) for part in parts if part is not None)
    rows: dict[tuple[bool, ...], list[NDArray[Any] | None]] = {}
    for i, part in enumerate(parts):
        for term in part.terms if part is not None else ():
            varies = tuple([n > 1 for f, n in enumerate(term.shape) if f != factor + 1])
            row = rows.setdefault(varies, [None] * len(parts))
            before = row[i]
            row[i] = term if before is None else kind.joined(before, term)
    return kind(_folded(tuple(_side_by_side(row, factor + 1, counts, kind) for row in rows.values()), kind.joined))


def _side_by_side(
    terms: Sequence[NDArray[Any] | None], axis: int, counts: Sequence[int], kind: type[Extent]
) -> NDArray[Any]:
    """Terms along an axis; where none varies there and all are alike, they stay one."""
    first = terms[0]
    if first is not None and all([t is not None and t.shape[axis] == 1 and np.array_equal(t, first) for t in terms]):
        return first
    return stack(terms, axis, counts, int(kind.nothing))


def stack(arrays: Sequence[NDArray[Number] | None], axis: int, counts: Sequence[int], blank: int) -> NDArray[Number]:
    """Arrays side by side along an axis, each broadcast to its count there; None is filled with ``blank``."""
    present = [a for a in arrays if a is not None]
    shape = [max(sizes) for sizes in zip(*(a.shape for a in present), strict=True)]
    shape[axis] = 1
    filler = np.full(shape, blank, present[0].dtype)
    parts, repeats = [], list[int]()
    for array, count in zip(arrays, counts, strict=True):
        part = filler if array is None else array
        n = part.shape[axis]
        shape[axis] = n
        parts.append(part if part.shape == tuple(shape) else np.broadcast_to(part, shape))
        repeats.extend([count] if n == 1 else [1] * n)
    return np.repeat(np.concatenate(parts, axis=axis), repeats, axis=axis)
