"""What a network is measured on: random numbers, or the user's images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from rfkit.errors import UsageError
from rfkit.image_files import read_image

FORMATS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of a network, made when they are asked for, the same every time.

    Attributes:
        make: yields tensors of the network's input shape, the batch included.
        text: what they are, in words: ``16 random inputs of seed 0``.
        note: what the reader must know of them, empty where there is nothing.
    """

    make: Callable[[], Iterator[Tensor]]
    text: str
    note: str = ""


def random_inputs(shape: Sequence[int], count: int, seed: int) -> Inputs:
    """Standard normal numbers, as normalised images have on average.

    Raises:
        UsageError: fewer than one is asked for.
    """
    if count < 1:
        raise UsageError(f"{count} inputs: at least 1 is needed, and 2 for standard errors")

    def make() -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        for _ in range(count):
            yield torch.randn(tuple(shape), generator=generator)

    return Inputs(make, f"{count} random input{'s' if count > 1 else ''} of seed {seed}")


def image_inputs(
    shape: Sequence[int],
    paths: Sequence[Path],
    count: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Inputs:
    """Images, their middle cut to the shape of the input and scaled to its height and width, normalised.

    Args:
        shape: of the network's input, (1, channels, height, width) with 1, 3 or 4 channels.
        paths: image files, and folders that are searched for them.
        count: take so many at most, evenly from all that there are, by name.
        mean: to subtract from each channel, of values in 0..1; None: that of the images taken.
        std: to divide each channel by; None: likewise.

    Raises:
        UsageError: there is no image, one cannot be read, or the network does not take images.
    """
    if len(shape) != 4 or shape[1] not in MODES:
        raise UsageError(
            f"images do not fit the input {'x'.join(map(str, shape))}: expected channels (1, 3 or 4), height and width"
        )
    found = image_files(paths)
    chosen = found if len(found) <= count else [found[round(i * len(found) / count)] for i in range(count)]
    _check_statistics(mean, std, shape[1])
    note = ""
    if mean is None or std is None:
        own_mean, own_std = _statistics(chosen, shape)
        what = "mean and std" if mean is None and std is None else "mean" if mean is None else "std"
        mean, std = own_mean if mean is None else mean, own_std if std is None else std
        note = f"the images are normalised by their own {what}; --mean and --std give those of the training"

    def make() -> Iterator[Tensor]:
        for path in chosen:
            pixels = _pixels(path, shape)
            yield torch.from_numpy((pixels - _column(mean)) / _column(std)).float().expand(tuple(shape))

    text = f"{len(chosen)} image{'s' if len(chosen) > 1 else ''}"
    return Inputs(make, text + (f" of {len(found)}" if len(found) > len(chosen) else ""), note)


def _check_statistics(mean: Sequence[float] | None, std: Sequence[float] | None, channels: int) -> None:
    for name, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) not in (1, channels):
            raise UsageError(f"--{name} has {len(values)} numbers: the input has {channels} channels")
    if std is not None and min(std) <= 0:
        raise UsageError(f"--std {min(std):g} must be above 0")


def image_files(paths: Sequence[Path]) -> list[Path]:
    """The files among the paths, and the images in the folders among them, by name.

    Raises:
        UsageError: a path does not exist, or a folder holds no image.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.suffix.lower() in FORMATS)
            if not inside:
                raise UsageError(f"no image in the folder {path}: expected {', '.join(sorted(FORMATS))}")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"no image {path}: there is no such file or folder")
    return found


def _pixels(path: Path, shape: Sequence[int]) -> NDArray[np.float64]:
    """An image as (channels, height, width) in 0..1."""
    image = read_image(path, shape[2], shape[3], MODES[shape[1]], Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.float64) / 255
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _statistics(paths: Sequence[Path], shape: Sequence[int]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over all pixels; 1 where a channel is of one value."""
    moments = []
    for path in paths:
        pixels = _pixels(path, shape).reshape(shape[1], -1)
        moments.append((pixels.mean(axis=1), (pixels**2).mean(axis=1)))
    first, second = np.mean([m[0] for m in moments], axis=0), np.mean([m[1] for m in moments], axis=0)
    spread = np.sqrt(np.maximum(second - first**2, 0))
    return first.tolist(), np.where(spread > 1e-6, spread, 1.0).tolist()


def _column(values: Sequence[float]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1, 1, 1)
