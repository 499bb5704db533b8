"""What the tests of augmentation share: CIFAR-10's figures, images, and a reader of holes."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.augment import Augment, augmentation

MEAN = (0.49139968, 0.48215841, 0.44653091)
STD = (0.24703223, 0.24348513, 0.26158784)
MEAN_COLOUR = (125, 123, 114)
SIZE = 32


def made(policy: Any, channels: int = 3, size: int = SIZE) -> Augment:
    return augmentation(policy, mean=MEAN[:channels], std=STD[:channels], size=size)


def noise(count: int, channels: int = 3, size: int = SIZE) -> np.ndarray:
    """Images of random bytes, (count, size, size, channels), that may not be written to, as those of a cache on disk."""
    images = np.random.default_rng(7).integers(0, 256, (count, size, size, channels), np.uint8)
    images.flags.writeable = False
    return images


def white(count: int) -> np.ndarray:
    return np.full((count, SIZE, SIZE, 3), 255, np.uint8)


def pixels_of(image: np.ndarray, colour: tuple[int, ...]) -> np.ndarray:
    """Which pixels of (H, W, C) have a colour, (H, W)."""
    same: np.ndarray = (image == np.array(colour, image.dtype)).all(-1)
    return same


def box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest rectangle around what is true: top, left, height, width."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
