"""Exact sets: which input positions of a window each unit reaches, along one axis.

A set is a row of bits, joined by *or*, so that it goes through the same primitives as an extent and may have holes. One
more word in front says whether a unit sees anything at all, inside the window or outside: what decides that a unit sees
nothing must not depend on the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rfkit.footprint.extent import Extent

WORD = 64
"""Positions in a word."""


@dataclass(frozen=True, slots=True, eq=False)
class Reach(Extent):
    """Each term is uint64 ``(1 + words, *factors)``: whether anything is seen, and one bit for each position of the window."""

    joined: ClassVar[np.ufunc] = np.bitwise_or
    nothing: ClassVar[np.int32 | np.uint64] = np.uint64(0)

    @classmethod
    def of_window(cls, rank: int, factor: int, count: int, first: int, words: int) -> Self:
        """Unit i along a factor sees position i; positions from ``first`` on are told apart, ``WORD`` to a word."""
        place = np.arange(count) - first
        bit = np.left_shift(np.uint64(1), (place % WORD).astype(np.uint64))
        rows = np.where(place // WORD == np.arange(words)[:, None], bit, np.uint64(0))
        whole = np.concatenate([np.ones((1, count), np.uint64), rows])
        return cls((whole.reshape(-1, *(count if f == factor else 1 for f in range(rank))),))


def positions(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which positions of the window units hold: ``(positions, units)``, of words without those in front, ``(words, units)``."""
    bits = words[:, None] >> np.arange(WORD, dtype=np.uint64)[:, None]
    return np.asarray((bits & np.uint64(1)).astype(np.bool_).reshape(-1, words.shape[1]))
