"""Writes a source's images to a folder of the cache, pixels in one file without a header, in one pass."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.contents import Contents, Progress
from trainer.data.files import refuse_sizes
from trainer.data.holdout import name_keys
from trainer.data.splits import PARTS, TRAIN
from trainer.errors import TrainerError
from trainer.tables import size

IMAGES = "images.u8"
LABELS = "labels.npy"
KEYS = "keys.npy"
NAMES = "names.json"


def write_contents(contents: Contents, folder: Path, place: str, progress: Progress | None) -> dict[str, Any]:
    """Write the files of a cache folder, all but its description.

    Returns:
        The description: classes, shape, where the splits end, broken images, and over the training images the sums
        per channel of values and of squares, exact.

    Raises:
        TrainerError: images of different sizes, a class or a split none of whose images can be read, too little room.
        OSError: as the file system has it.
    """
    with (folder / IMAGES).open("wb") as file:
        pixels = _Pixels(contents, folder, place)
        for batch in contents.batches():
            file.write(pixels.checked(batch.pixels, batch.rows))
            pixels.broken += batch.broken
            pixels.kinds += batch.kinds
            if progress is not None:
                progress(len(pixels.rows) + len(pixels.broken), len(contents.names))
        file.flush()
        os.fsync(file.fileno())
    rows = np.array(pixels.rows, np.int64)
    labels, parts = contents.labels[rows], contents.parts[rows]
    names = [contents.names[row] for row in rows]
    _refuse_bare_classes(contents.classes, labels[parts == PARTS.index(TRAIN)], place, pixels.broken_names())
    for part in set(np.unique(contents.parts)) - set(np.unique(parts)):
        raise TrainerError(f"{place}: no image of the {PARTS[part]} split can be read{_first(pixels.broken_names())}")
    np.save(folder / LABELS, labels)
    np.save(folder / KEYS, name_keys(names))
    (folder / NAMES).write_text(json.dumps(names), encoding="ascii")
    shape = [len(rows), *pixels.shape]
    content = json.dumps([contents.classes, shape, names, labels.tolist(), parts.tolist(), pixels.digest()])
    return {
        "classes": list(contents.classes),
        "shape": shape,
        "ends": np.searchsorted(parts, np.arange(len(PARTS)), side="right").tolist(),
        "sums": pixels.sums,
        "squares": pixels.squares,
        "pixels": pixels.digest(),
        "digest": blake2b(content.encode("ascii"), digest_size=16).hexdigest(),
        "broken": pixels.broken_names(),
        "kinds": pixels.kinds.most_common(),
        "notes": list(contents.notes),
    }


class _Pixels:
    """What is gathered of the images as they pass by."""

    def __init__(self, contents: Contents, folder: Path, place: str) -> None:
        self._contents = contents
        self._folder = folder
        self._place = place
        self._hash = blake2b(digest_size=16)
        self.shape: tuple[int, ...] = ()
        self.rows: list[int] = []
        self.broken: list[tuple[int, str]] = []
        self.kinds: Counter[str] = Counter()
        self.sums: list[int] = []
        self.squares: list[int] = []

    def checked(self, pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> memoryview:
        """Take note of a batch; its bytes, to be written."""
        if len(rows):
            if not self.shape:
                self._begin(pixels.shape[1:])
            names = self._contents.names
            refuse_sizes(names[self.rows[0] if self.rows else rows[0]], self.shape, names[rows[0]], pixels.shape[1:])
            self.rows += rows.tolist()
            self._hash.update(pixels.data)
            self._sum(pixels[self._contents.parts[rows] == PARTS.index(TRAIN)])
        return pixels.data

    def digest(self) -> str:
        """Of all pixels so far, in order."""
        return self._hash.hexdigest()

    def broken_names(self) -> list[tuple[str, str]]:
        """The images that cannot be read, each with the reason."""
        return [(self._contents.names[row], reason) for row, reason in self.broken]

    def _begin(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.sums, self.squares = [0] * shape[-1], [0] * shape[-1]
        needed = len(self._contents.names) * int(np.prod(shape))
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise TrainerError(
                f"{self._place}: {len(self._contents.names):,} images of {shape[1]}x{shape[0]} need "
                f"{size(needed)} in the cache and {size(free)} are free at {self._folder.parent}; "
                f"give a --size, or a folder with more room in RFKIT_CACHE"
            )

    def _sum(self, pixels: NDArray[np.uint8]) -> None:
        sums, squares = channel_sums(pixels)
        self.sums = [a + b for a, b in zip(self.sums, sums, strict=True)]
        self.squares = [a + b for a, b in zip(self.squares, squares, strict=True)]


def channel_sums(pixels: NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    """Sums per channel of the values and of their squares, (N, H, W, C), exact: from how often each value occurs."""
    values = np.arange(256, dtype=np.int64)
    counts = [np.bincount(pixels[..., channel].ravel(), minlength=256) for channel in range(pixels.shape[-1])]
    return [int(values @ count) for count in counts], [int(values**2 @ count) for count in counts]


def _refuse_bare_classes(
    classes: Sequence[str], labels: NDArray[np.int64], place: str, broken: Sequence[tuple[str, str]]
) -> None:
    bare = np.flatnonzero(np.bincount(labels, minlength=len(classes)) == 0)
    if len(bare):
        raise TrainerError(
            f"{place}: class {classes[bare[0]]} has no image to train on that can be read{_first(broken)}"
        )


def _first(broken: Sequence[tuple[str, str]]) -> str:
    return f"; {broken[0][0]} cannot be read: {broken[0][1]}" if broken else ""
