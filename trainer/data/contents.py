"""What a source gives when it is read: names, labels and splits at once, the pixels batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trainer.data.holdout import held_out, name_keys
from trainer.data.splits import PARTS, TEST, TRAIN

TEST_SHARE = 0.2
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Batch:
    """Some images in the order of their rows.

    Attributes:
        pixels: (n, H, W, C) uint8.
        rows: (n,) which images of the source they are.
        broken: rows that cannot be read, each with the reason.
        kinds: how many files held what, e.g. ``32x32 RGB``.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    broken: tuple[tuple[int, str], ...] = ()
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Contents:
    """The images of a source, in the order of split, class and name.

    Attributes:
        classes: their names; a label is an index into them.
        names: of the images, unique.
        labels: (N,).
        parts: (N,) indices into ``PARTS``.
        batches: reads all images, in order.
        notes: sentences on what was left aside.
    """

    classes: tuple[str, ...]
    names: Sequence[str]
    labels: NDArray[np.int64]
    parts: NDArray[np.int8]
    batches: Callable[[], Iterator[Batch]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where images come from.

    Attributes:
        name: how the image set is called.
        place: how messages call it.
        identity: what is read and how; two sources of one identity and fingerprint have the same images.
        fingerprint: of the files as they are now, from their names, sizes and times.
        contents: opens it.
    """

    name: str
    place: str
    identity: str
    fingerprint: str
    contents: Callable[[], AbstractContextManager[Contents]]


def with_test_split(contents: Contents, read: Callable[[NDArray[np.int64]], Iterator[Batch]]) -> Contents:
    """Hold out a fifth of every class as the test split where the source has none, the same fifth whatever the run.

    Args:
        contents: all of it training images.
        read: reads the images of the given old rows; the rows it reports count along that list.
    """
    share = f"{TEST_SHARE:.0%}"
    marked = held_out(name_keys(contents.names), contents.labels, contents.classes, TEST_SHARE, seed=0)
    order = np.argsort(marked, kind="stable")
    return replace(
        contents,
        names=[contents.names[row] for row in order],
        labels=contents.labels[order],
        parts=np.where(marked[order], PARTS.index(TEST), PARTS.index(TRAIN)).astype(np.int8),
        batches=lambda: read(order),
        notes=(*contents.notes, f"there is no test split: {share} of every class are held out as one, chosen by name"),
    )


def array_batches(
    halves: Sequence[NDArray[np.uint8]], recode: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], step: int = 2048
) -> Iterator[Batch]:
    """Batches of images that lie in arrays already, one array after the other, each batch recoded."""
    start = 0
    for half in halves:
        for first in range(0, len(half), step):
            pixels = np.ascontiguousarray(recode(half[first : first + step]))
            kind = f"{half.shape[2]}x{half.shape[1]} {'RGB' if half.shape[3] == 3 else 'L'}"
            yield Batch(pixels, np.arange(start, start + len(pixels)), kinds=Counter({kind: len(pixels)}))
            start += len(pixels)
