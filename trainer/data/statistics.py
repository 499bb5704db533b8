"""What there is to know of an image set besides its pixels: how many of each class, and which images are the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from trainer.data.splits import TEST, TRAIN, VALIDATION, DataSet, Split


@dataclass(frozen=True)
class Copy:
    """One of several images that are equal in every pixel."""

    name: str
    split: str
    label: str


@dataclass(frozen=True)
class Duplicates:
    """Images that are equal in every pixel, in the order of training, validation and test."""

    copies: tuple[Copy, ...]

    @property
    def across_splits(self) -> bool:
        """Whether an image is in two splits, so that what is measured has been trained on."""
        return len({copy.split for copy in self.copies}) > 1

    @property
    def across_classes(self) -> bool:
        """Whether an image has two labels, at most one of which is right."""
        return len({copy.label for copy in self.copies}) > 1


def splits(data: DataSet) -> Mapping[str, Split]:
    """The splits by their names; without the validation split where that is the test split."""
    own = {TRAIN: data.train, VALIDATION: data.validation, TEST: data.test}
    return {name: split for name, split in own.items() if name != VALIDATION or split is not data.test}


def counts(data: DataSet) -> Mapping[str, Mapping[str, int]]:
    """Images of each class in each split: ``{"train": {"airplane": 4500, ...}, ...}``."""
    return {
        name: dict(zip(data.classes, np.bincount(split.labels, minlength=len(data.classes)).tolist(), strict=True))
        for name, split in splits(data).items()
    }


def duplicates(data: DataSet) -> tuple[Duplicates, ...]:
    """Images that are equal in every pixel, within and across splits; those across splits first."""
    found: dict[bytes, list[Copy]] = {}
    for name, split in splits(data).items():
        for row, digest in enumerate(_digests(split)):
            found.setdefault(digest, []).append(Copy(split.names[row], name, data.classes[split.labels[row]]))
    groups = [Duplicates(tuple(copies)) for copies in found.values() if len(copies) > 1]
    return tuple(sorted(groups, key=lambda group: (not group.across_splits, not group.across_classes)))


def _digests(split: Split) -> Iterator[bytes]:
    step = 512
    for first in range(0, len(split), step):
        for image in split.images[first : first + step]:
            yield blake2b(image.data, digest_size=16).digest()
