"""Small trees of image files, made for a test."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer.data import DataSet, load_data


class Said(list[str]):
    """What was said to the user; callable, as `load_data` wants it."""

    def __call__(self, text: str) -> None:
        self.append(text)


def picture(number: int, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Image.Image:
    """Random pixels, others for every number."""
    noise = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


def tree(
    root: Path, classes: Sequence[str] = ("cat", "dog"), splits: Sequence[str] = ("train", "test"), count: int = 5
) -> Path:
    """``root/SPLIT/CLASS/NUMBER.png``, all images different; a split named '' has no folder of its own."""
    number = 0
    for split in splits:
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for image in range(count):
                picture(number).save(folder / f"{image}.png")
                number += 1
    return root


def zipped(root: Path, path: Path, below: str = "") -> Path:
    """A zip of a folder's files, under the folder ``below`` if one is given."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, str(Path(below) / file.relative_to(root)))
    return path


def load(path: Path, said: Said | None = None, **options: Any) -> DataSet:
    """Load a folder or a zip."""
    return load_data(f"folder:{path}", Path("unused"), say=Said() if said is None else said, **options)
