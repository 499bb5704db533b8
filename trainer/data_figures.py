"""Pictures of an image set: samples of each class, augmented samples, each augmentation before and after."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from trainer.augment import Augment
from trainer.data import DataSet
from trainer.errors import TrainerError

Pixels = NDArray[np.uint8]

COLUMNS = 10
_MOST_ROWS = 100
_SMALLEST, _LARGEST = 64, 160
_GAP = 4
_MARGIN = 12
_FONT = 15
_INK, _PAPER = (34, 34, 34), (255, 255, 255)


@dataclass(frozen=True)
class Row:
    """A line of a sheet: its label, and images (H, W, C) in groups that lie closer together."""

    label: str
    groups: Sequence[Sequence[Pixels]]


def samples(data: DataSet, seed: int) -> Image.Image:
    """Ten training images of each class, drawn by lot."""
    rows = [
        Row(name, [[data.train.images[int(row)]] for row in _lot(data, label, COLUMNS, seed)])
        for label, name in enumerate(data.classes[:_MOST_ROWS])
    ]
    return sheet(rows)


def augmented(data: DataSet, augment: Augment, seed: int) -> Image.Image:
    """One training image of each of the first ten classes, as it is and augmented as in nine epochs."""
    rows = []
    for label, name in enumerate(data.classes[:COLUMNS]):
        index = int(_lot(data, label, 1, seed)[0])
        image = data.train.images[index]
        changed = []
        for epoch in range(COLUMNS - 1):
            augment.reseed(seed, epoch, index)
            changed.append([augment(image)])
        rows.append(Row(name, [[image], *changed]))
    return sheet(rows, ["as it is", "augmented, in nine epochs"])


def each_augmentation(data: DataSet, catalogue: Mapping[str, Augment], seed: int) -> Image.Image:
    """Every augmentation of the catalogue by itself, on images of the first classes, each before and after."""
    indices = [int(_lot(data, label, 1, seed)[0]) for label in range(min(5, len(data.classes)))]
    rows = []
    for name, augment in catalogue.items():
        pairs = []
        for index in indices:
            augment.reseed(seed, 0, index)
            pairs.append([data.train.images[index], augment(data.train.images[index])])
        rows.append(Row(name, pairs))
    return sheet(rows, ["before and after"])


def sheet(rows: Sequence[Row], titles: Sequence[str] = ()) -> Image.Image:
    """Lay out labelled rows of images, enlarged by whole pixels or reduced to a size that can be looked at.

    Args:
        rows: of images of one size.
        titles: what stands above the first columns, the last over all that follow.
    """
    font = ImageFont.load_default(_FONT)
    tiles = [[[_tile(image) for image in group] for group in row.groups] for row in rows]
    width, height = tiles[0][0][0].size
    left = _MARGIN + max(int(font.getlength(row.label)) for row in rows) + _MARGIN
    top = _MARGIN + (_FONT + _MARGIN if titles else 0)
    across = max(sum(len(group) * (width + _GAP // 2) + 2 * _GAP for group in row) for row in tiles)
    page = Image.new("RGB", (left + across + _MARGIN, top + len(rows) * (height + _GAP) + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(page)
    for column, title in enumerate(titles):
        pen.text((left + column * (width + _GAP // 2 + 2 * _GAP), _MARGIN), title, _INK, font)
    for number, (row, groups) in enumerate(zip(rows, tiles, strict=True)):
        y = top + number * (height + _GAP)
        pen.text((_MARGIN, y + height // 2), row.label, _INK, font, anchor="lm")
        x = left
        for group in groups:
            for tile in group:
                page.paste(tile, (x, y))
                x += width + _GAP // 2
            x += 2 * _GAP
    return page


def save(picture: Image.Image, path: Path) -> Path:
    """Write a PNG, whole or not at all.

    Raises:
        TrainerError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(part, "PNG")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise TrainerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error
    return path


def _lot(data: DataSet, label: int, most: int, seed: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(data.train.labels == label)
    return np.random.default_rng([seed, label]).permutation(rows)[:most]


def _tile(image: Pixels) -> Image.Image:
    picture = Image.fromarray(image.squeeze()).convert("RGB")
    side = max(picture.size)
    if side > _LARGEST:
        return picture.resize((picture.width * _LARGEST // side, picture.height * _LARGEST // side))
    times = max(1, round(_SMALLEST / side))
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
