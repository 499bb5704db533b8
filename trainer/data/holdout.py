"""Which images are held out: decided by name and seed, so that neither the order on disk nor other images matter."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from trainer.errors import TrainerError


def name_keys(names: Sequence[str]) -> NDArray[np.uint64]:
    """A 64-bit hash of each name, (N,)."""
    digests = b"".join(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def held_out(
    keys: NDArray[np.uint64], labels: NDArray[np.int64], classes: Sequence[str], share: float, seed: int
) -> NDArray[np.bool_]:
    """Mark a share of every class, at least one image of each and never all: (N,) True where an image is held out.

    An image is held out when the mix of its name's hash and the seed ranks low in its class, so adding or removing
    others moves it only where the number to hold out changes.

    Raises:
        TrainerError: a class has fewer than two images.
    """
    counts = np.bincount(labels, minlength=len(classes))
    small = np.flatnonzero(counts < 2)
    if len(small):
        raise TrainerError(
            f"class {classes[small[0]]} has {counts[small[0]]} image to train on and a part of each class is held out: "
            f"2 or more are needed"
        )
    wanted = np.clip(np.floor(counts * share + 0.5).astype(np.int64), 1, counts - 1)
    order = np.lexsort((keys, _mixed(keys, seed), labels))
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - starts[labels[order]]
    marked: NDArray[np.bool_] = rank < wanted[labels]
    return marked


def _mixed(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood, 2014) of each key, started from the seed."""
    start = int.from_bytes(blake2b(str(seed).encode(), digest_size=8).digest(), "little")
    z = keys ^ np.uint64(start)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
