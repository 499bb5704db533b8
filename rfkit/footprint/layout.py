"""Layouts: how the dimensions of a tensor are made of factors.

A reshape that merges height and width, or cuts windows out of an image, moves no data here: a dimension is a group of
factors, and an array has one (possibly broadcast) dimension per factor. ``(1, 768, 14, 14)`` flattened to ``(1, 768, 196)``
has the layout ``((1,), (768,), (14, 14))``: what a unit sees along the height still needs 14 numbers, not 196.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, pairwise
from math import prod
from typing import NamedTuple

Layout = tuple[tuple[int, ...], ...]


class Segment(NamedTuple):
    """Part of a reshape: the factors ``old`` become the factors ``new``; ``pieces[i]`` says what ``old[i]`` splits into.

    ``pieces`` is None where no factor boundary is shared: then the old factors must be merged before they are cut anew.
    """

    old: tuple[int, ...]
    new: tuple[int, ...]
    pieces: tuple[tuple[int, ...], ...] | None


def plain(shape: Sequence[int]) -> Layout:
    """The layout of a tensor whose dimensions were never merged or split."""
    return tuple((n,) for n in shape)


@lru_cache(maxsize=4096)
def factors(layout: Layout) -> tuple[int, ...]:
    """All factors in order."""
    return tuple(chain.from_iterable(layout))


@lru_cache(maxsize=4096)
def shape(layout: Layout) -> tuple[int, ...]:
    """The tensor's shape."""
    return tuple(prod(group) for group in layout)


@lru_cache(maxsize=4096)
def spans(layout: Layout) -> tuple[range, ...]:
    """For each dimension the indices of its factors."""
    result, start = [], 0
    for group in layout:
        result.append(range(start, start + len(group)))
        start += len(group)
    return tuple(result)


def _boundaries(sizes: Sequence[int]) -> list[int]:
    result, product = [], 1
    for n in sizes:
        product *= n
        result.append(product)
    return result


@lru_cache(maxsize=4096)
def refine(groups: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """The coarsest factors into which each of several groups of one size can be cut.

    ``((56,), (8, 7))`` gives ``(8, 7)``; where boundaries do not divide one another, as in ``((6, 4), (8, 3))``, a single factor.
    """
    cuts = sorted(set(chain.from_iterable(_boundaries(group) for group in groups)))
    result, before = [], 1
    for cut in cuts:
        if cut % before:
            return (prod(groups[0]),)
        if cut > before:
            result.append(cut // before)
        before = cut
    return tuple(result) or (1,)


@lru_cache(maxsize=4096)
def plan_reshape(layout: Layout, new_shape: tuple[int, ...]) -> tuple[tuple[Segment, ...], Layout]:
    """How the factors of a layout become those of a new shape of as many elements, with as few merges as possible.

    Returns the segments, in order, whose ``old`` factors concatenate to the layout's, and the new layout.
    """
    old = factors(layout)
    bounds_old, bounds_new = _boundaries(old), _boundaries(new_shape)
    segments: list[Segment] = []
    new_factors: list[int] = []
    common = sorted({1, *bounds_old} & {1, *bounds_new})
    position = 0
    for low, high in pairwise(common):
        while old[position] == 1:
            segments.append(Segment((1,), (), ((),)))
            position += 1
        start = position
        while bounds_old[position] < high:
            position += 1
        position += 1
        segments.append(_segment(old[start:position], low, high, bounds_new))
        new_factors.extend(segments[-1].new)
    segments.extend(Segment((1,), (), ((),)) for _ in old[position:])
    return tuple(segments), _regroup(new_factors, new_shape)


def _segment(old: tuple[int, ...], low: int, high: int, bounds_new: list[int]) -> Segment:
    targets = [b // low for b in bounds_new if low < b <= high]
    cuts_old = _boundaries(old)
    cuts = sorted({*targets, *cuts_old} - {1})
    if any(b % a for a, b in pairwise(cuts)):
        merged = sorted(set(targets) - {1})
        return Segment(old, tuple(b // a for a, b in zip([1, *merged], merged, strict=False)), None)
    new = tuple(b // a for a, b in zip([1, *cuts], cuts, strict=False))
    pieces, before = [], 1
    for cut in cuts_old:
        pieces.append(tuple(n for n, c in zip(new, cuts, strict=True) if before < c <= cut))
        before = cut
    return Segment(old, new, tuple(pieces))


def _regroup(new_factors: list[int], new_shape: tuple[int, ...]) -> Layout:
    groups, position = [], 0
    for n in new_shape:
        group: list[int] = []
        while prod(group) < n:
            group.append(new_factors[position])
            position += 1
        groups.append(tuple(group) or (1,))
    return tuple(groups)
