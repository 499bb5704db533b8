"""``load_data``: from what a user names to an image set that is divided and measured."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data.cache import Stored, stored
from trainer.data.contents import Progress, Source
from trainer.data.files import file_source
from trainer.data.holdout import held_out
from trainer.data.known import KNOWN, known_source
from trainer.data.shapes import shapes_source
from trainer.data.splits import TEST, VALIDATION, DataSet, Images, Split
from trainer.errors import TrainerError

FOLDER = "folder:"
SOURCES = (*KNOWN, "shapes", f"{FOLDER}PATH")


def load_data(
    source: str,
    root: Path,
    *,
    validation: float = 0.1,
    validate_on: str = VALIDATION,
    seed: int = 0,
    skip_bad_images: bool = False,
    size: int | None = None,
    channels: int | None = None,
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> DataSet:
    """Load an image set; images stay in a file of the cache and are read as they are indexed.

    Args:
        source: ``cifar10``, ``cifar100``, ``mnist``, ``fashion-mnist``, ``shapes`` or ``folder:PATH``, PATH being a
            folder ``train/CLASS/...`` and ``test/CLASS/...``, or zips of such a folder.
        root: where published sets are downloaded to.
        validation: share of every class of the training images that is held out, unless the source has a validation
            split besides its test split.
        validate_on: ``validation``, or ``test`` to hold nothing out and validate on the test split.
        seed: of the choice of what is held out.
        skip_bad_images: leave broken images out instead of refusing the source.
        size: scale and cut every image to a square of this side.
        channels: 3 for colour, 1 for grey; by default 1 for the two MNISTs and 3 for the others.
        say: takes a sentence for the user.
        progress: takes the number of images read so far and of all, while the cache is written.

    Raises:
        TrainerError: no such source, or its images cannot be used as they are.
    """
    _check(validation, validate_on, size, channels)
    found = _source(source, root, size, channels, say)
    data = stored(found, say, progress)
    for note in data.notes:
        say(f"{found.place}: {note}")
    _report_broken(found, data.broken, skip_bad_images, say)
    train, own, test = _thirds(data)
    held = own
    if validate_on == VALIDATION and not len(own):
        marked = held_out(data.keys[train], data.labels[train], data.classes, validation, seed)
        train, held = train[~marked], train[marked]
    elif validate_on == VALIDATION:
        say(f"{found.place}: validating on its own validation split, nothing is held out of the training images")
    tested = _split(data, test)
    mean, std = moments(data.sums, data.squares, data.ends[0] * data.shape[1] * data.shape[2])
    return DataSet(
        name=found.name,
        classes=data.classes,
        train=_split(data, train),
        validation=tested if validate_on == TEST else _split(data, held),
        test=tested,
        mean=mean,
        std=std,
        digest=data.digest,
        skipped=tuple(name for name, _ in data.broken),
        kinds=data.kinds,
    )


def moments(sums: Sequence[int], squares: Sequence[int], count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in 0..1, the population's, rounded once from exact fractions.

    Args:
        sums: of the bytes of each channel.
        squares: of their squares.
        count: pixels of each channel.
    """
    mean = tuple(float(Fraction(total, 255 * count)) for total in sums)
    variances = (
        Fraction(count * square - total**2, (255 * count) ** 2) for total, square in zip(sums, squares, strict=True)
    )
    return mean, tuple(sqrt(variance) for variance in variances)


def _check(validation: float, validate_on: str, size: int | None, channels: int | None) -> None:
    if validate_on not in (VALIDATION, TEST):
        raise TrainerError(f"validate on {validate_on!r}: expected validation or test")
    if not 0 < validation < 1:
        raise TrainerError(f"validation share {validation:g}: expected more than 0 and less than 1, e.g. 0.1")
    if size is not None and not 1 <= size <= 4096:
        raise TrainerError(f"size {size}: expected 1 to 4096 pixels")
    if channels not in (None, 1, 3):
        raise TrainerError(f"{channels} channels: images have 3, or 1 for grey")


def _source(source: str, root: Path, size: int | None, channels: int | None, say: Callable[[str], None]) -> Source:
    if source in KNOWN:
        return known_source(source, root, channels, size, say)
    if source == "shapes":
        return shapes_source(channels or 3, size or 32)
    if source.startswith(FOLDER) and source != FOLDER:
        return file_source(Path(source.removeprefix(FOLDER)), channels or 3, size)
    near = difflib.get_close_matches(source.lower(), SOURCES, 1, 0.6)
    if source and Path(source).expanduser().exists():
        near = [f"{FOLDER}{source}"]
    hint = f"did you mean {near[0]}? " if near else ""
    raise TrainerError(f"no data set {source!r}: {hint}expected one of {', '.join(SOURCES)}")


def _report_broken(source: Source, broken: Sequence[tuple[str, str]], skip: bool, say: Callable[[str], None]) -> None:
    if not broken:
        return
    shown = ", ".join(f"{name} ({reason})" for name, reason in broken[:5])
    shown += f" and {len(broken) - 5:,} more" if len(broken) > 5 else ""
    images = f"{len(broken):,} image{'s' * (len(broken) != 1)}"
    if not skip:
        raise TrainerError(f"{source.place}: {images} cannot be read: {shown}; --skip-bad-images leaves them out")
    say(f"{source.place}: {images} left out that cannot be read: {shown}")


def _thirds(data: Stored) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the training, validation and test images of the source."""
    first, second, third = data.ends
    rows = np.arange(third, dtype=np.int64)
    return rows[:first], rows[first:second], rows[second:]


def _split(data: Stored, rows: NDArray[np.int64]) -> Split:
    return Split(Images(data.images, data.shape, rows), data.labels[rows], [data.names[row] for row in rows.tolist()])
