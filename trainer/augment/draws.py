"""Random numbers for a batch of images at once, in which every image has a stream of its own.

A stream is that of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a counter,
mixed. Its start is a function of (seed, epoch, place of the image in the epoch), so the numbers of an image depend neither
on the other images of its batch, nor on how the epoch is cut into batches and shared between processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, odd
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_SPARE_BITS = np.uint64(11)


class Draws:
    """The random numbers of some images, on the CPU: so the device never waits to tell which images are changed.

    Args:
        starts: (N,) where the stream of each image starts.
        used: (N,) how many numbers each image has drawn; it is counted on here.
        rows: (n,) which of the N images these are; by default all.
    """

    def __init__(
        self, starts: NDArray[np.uint64], used: NDArray[np.uint64], rows: NDArray[np.int64] | None = None
    ) -> None:
        self._starts, self._used = starts, used
        self._rows = np.arange(len(starts)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw a number of [low, high) for every image, (n,) of 64 bits."""
        self._used[self._rows] += np.uint64(1)
        bits = _mixed(self._starts[self._rows] + self._used[self._rows] * _GOLDEN)
        return torch.from_numpy((bits >> _SPARE_BITS) * 2.0**-53 * (high - low) + low)

    def integers(self, low: int, high: int) -> Tensor:
        """Draw a whole number for every image, both bounds included, (n,)."""
        return (self.uniform() * (high - low + 1)).long() + low

    def of(self, rows: Tensor) -> Draws:
        """The draws of some of these images only, (k,) rows."""
        return Draws(self._starts, self._used, self._rows[rows.numpy()])


def draws(seed: int, epoch: int, places: Sequence[int] | NDArray[np.int64]) -> Draws:
    """Begin the random numbers of a batch.

    Args:
        seed: of the run.
        epoch: counted from 0.
        places: (N,) of the images in the order of the epoch.
    """
    words = np.asarray(places, np.int64).astype(np.uint64)
    starts = np.zeros(len(words), np.uint64)
    for word in (np.full_like(words, seed % 2**64), np.full_like(words, epoch), words):
        starts = _mixed(starts + (word + np.uint64(1)) * _GOLDEN)
    return Draws(starts, np.zeros_like(words))


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (variant 13 of D. Stafford, "Better bit mixing", 2011)."""
    for shift, factor in zip(_SHIFTS[:2], _FACTORS, strict=True):
        words = (words ^ (words >> shift)) * factor
    mixed: NDArray[np.uint64] = words ^ (words >> _SHIFTS[2])
    return mixed
