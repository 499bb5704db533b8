"""Image files as a source: a tree of images in a folder or in zips, decoded by threads."""

from __future__ import annotations

import os
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data.contents import Batch, Contents, Source, with_test_split
from trainer.data.decode import BrokenImageError, decode
from trainer.data.listing import Listing, Place, find
from trainer.data.splits import PARTS
from trainer.data.tree import arrange
from trainer.errors import TrainerError

_BATCH_BYTES = 1 << 23
_MOST_IMAGES = 256


def file_source(path: Path, channels: int, size: int | None) -> Source:
    """The image tree in a folder, in a zip, or in a folder's zips.

    Raises:
        TrainerError: there is none.
    """
    place = find(path)
    whole = path.expanduser().resolve()
    return Source(
        name=whole.stem if place.zips == (place.path,) else whole.name,
        place=str(path),
        identity=f"files {channels} {size} {whole}",
        fingerprint=blake2b(repr((place.stamps, place.folders)).encode("utf-8", "surrogateescape")).hexdigest()[:32],
        contents=lambda: _contents(place, channels, size),
    )


@contextmanager
def _contents(place: Place, channels: int, size: int | None) -> Iterator[Contents]:
    with place.listing() as listing:
        tree = arrange(listing.names, listing.folders, str(place.path))
        indices = np.array([image.index for image in tree.images], np.int64)

        def read(order: NDArray[np.int64]) -> Iterator[Batch]:
            return _decoded(listing, indices[order], [names[row] for row in order], channels, size)

        names = [image.name for image in tree.images]
        labels = np.array([image.label for image in tree.images], np.int64)
        parts = np.array([PARTS.index(image.part) for image in tree.images], np.int8)
        contents = Contents(tree.classes, names, labels, parts, lambda: read(np.arange(len(names))), tree.notes)
        yield contents if parts.any() else with_test_split(contents, read)


def _decoded(
    listing: Listing, indices: NDArray[np.int64], names: Sequence[str], channels: int, size: int | None
) -> Iterator[Batch]:
    """Decode the files of these indices, in order, a bounded number of batches ahead.

    Threads, because Pillow decodes without Python's lock: large photographs go as fast as there are cores, and with
    small ones, where the lock decides, processes would gain little over what starting them costs.
    """

    def work(rows: NDArray[np.int64]) -> Batch:
        return _decode_rows(listing, indices, rows, names, channels, size)

    workers = min(8, os.cpu_count() or 1)
    step = _images_per_batch(listing, indices, channels, size)
    pending: deque[Future[Batch]] = deque()
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            for first in range(0, len(indices), step):
                pending.append(pool.submit(work, np.arange(first, min(first + step, len(indices)))))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _images_per_batch(listing: Listing, indices: NDArray[np.int64], channels: int, size: int | None) -> int:
    """So many that a batch holds some megabytes, judged by the first image."""
    try:
        first = decode(listing.read(int(indices[0])), channels, size).pixels.nbytes
    except BrokenImageError:
        first = _BATCH_BYTES // 16
    return int(np.clip(_BATCH_BYTES // first, 1, _MOST_IMAGES))


def _decode_rows(
    listing: Listing,
    indices: NDArray[np.int64],
    rows: NDArray[np.int64],
    names: Sequence[str],
    channels: int,
    size: int | None,
) -> Batch:
    images: list[NDArray[np.uint8]] = []
    kinds: Counter[str] = Counter()
    good: list[int] = []
    broken: list[tuple[int, str]] = []
    for row in rows.tolist():
        try:
            image, kind = decode(listing.read(int(indices[row])), channels, size)
        except BrokenImageError as error:
            broken.append((row, str(error)))
            continue
        if images:
            refuse_sizes(names[good[0]], images[0].shape, names[row], image.shape)
        images.append(image)
        good.append(row)
        kinds[kind] += 1
    pixels = np.stack(images) if images else np.empty((0, 0, 0, channels), np.uint8)
    return Batch(pixels, np.array(good, np.int64), tuple(broken), kinds)


def refuse_sizes(first: str, expected: Sequence[int], name: str, found: Sequence[int]) -> None:
    """Raise a TrainerError that names both images unless they are of one size."""
    if tuple(expected[:2]) != tuple(found[:2]):
        side = min(expected[0], expected[1])
        raise TrainerError(
            f"images of different sizes: {first} is {expected[1]}x{expected[0]}, {name} is {found[1]}x{found[0]}; "
            f"--size {side} brings all of them to {side}x{side}"
        )
