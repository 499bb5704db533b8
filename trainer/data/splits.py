"""What the trainer knows of an image set: images that stay in a file, their labels, and how they are divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True, eq=False)
class Images:
    """Chosen rows of a file of images, read only when indexed as an array is: by a number, a slice or an array.

    A number gives one (H, W, C) image, read-only; a slice or an array gives a fresh (N, H, W, C) array. Pickled, it is
    a path and a list of rows, so that worker processes share the file's pages instead of receiving a copy.

    Attributes:
        path: the file, (rows, H, W, C) bytes without a header.
        stored: the file's whole shape.
        rows: (N,) int64, which of its rows these are.
    """

    path: Path
    stored: tuple[int, int, int, int]
    rows: NDArray[np.int64]
    _pixels: NDArray[np.uint8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pixels", np.memmap(self.path, np.uint8, "r", shape=self.stored).view(np.ndarray))

    def __reduce__(self) -> tuple[Any, ...]:
        return Images, (self.path, self.stored, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | slice | NDArray[Any] | Sequence[int]) -> NDArray[np.uint8]:
        pixels: NDArray[np.uint8] = self._pixels[self.rows[index]]
        return pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the images lie in a file: an array of them is always a copy")
        return self[:].astype(dtype or np.uint8, copy=False)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        return (len(self.rows), *self.stored[1:])

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Bytes."""
        return np.dtype(np.uint8)

    @property
    def ndim(self) -> int:
        """Always 4."""
        return 4


@dataclass(frozen=True, eq=False)
class Split:
    """Images with their labels and names.

    Attributes:
        images: (N, H, W, C) uint8, memory-mapped, read-only.
        labels: (N,) int64.
        names: path of each image inside its source.
    """

    images: Images
    labels: NDArray[np.int64]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class DataSet:
    """An image set, divided.

    Attributes:
        name: ``cifar10``, or the folder's name.
        classes: their names; a label is an index into them.
        train: what is trained on.
        validation: what the best checkpoint is chosen on: held out of the training images, or the test split itself.
        test: what is measured at the end.
        mean: of each channel over all training images of the source, before any are held out, in 0..1.
        std: likewise, the population's.
        digest: of the classes, names, labels and pixels: equal for a folder and a zip of it, on any machine.
        skipped: names of broken images that were left out.
        kinds: what the files held, e.g. ``32x32 RGB``, and how many; the most frequent first.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str
    skipped: tuple[str, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        return self.train.images.shape[1:]
