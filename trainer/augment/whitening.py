"""Whitening of one image: every channel gets the mean and the spread of the data set's."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from trainer.augment.library import albumentations as A


class Whitening(A.ImageOnlyTransform):  # type: ignore[misc] # the library has no types
    """Standardises each channel of an image by the image's own mean and standard deviation.

    The result, (x - m) / max(s, 1/√pixels) as in TensorFlow's ``per_image_standardization`` but per channel, is written
    in bytes on the data set's scale, so that after the loop's normalisation a channel has mean 0 and deviation 1, up to
    rounding and to what falls outside 0..255. It takes away how bright and how contrasty a photograph is. It does not
    mix channels or pixels as ZCA whitening does, which would need the covariance of the whole data set.

    Args:
        mean: Of each channel over the data set, in 0..1.
        std: Standard deviation of each channel over the data set, in 0..1.
        p: Probability.
    """

    class InitSchema(A.core.transforms_interface.BaseTransformInitSchema):  # type: ignore[misc]
        """The arguments, for the library's own check of them."""

        mean: tuple[float, ...]
        std: tuple[float, ...]

    def __init__(self, mean: Sequence[float], std: Sequence[float], p: float = 0.5) -> None:
        super().__init__(p=p)
        self.mean = tuple(mean)
        self.std = tuple(std)

    def apply(self, img: np.ndarray, *_: Any, **__: Any) -> np.ndarray:
        """Return the whitened image, (H, W, C) in bytes."""
        pixels = img.astype(np.float32)
        own_mean = pixels.mean(axis=(0, 1))
        own_std = np.maximum(pixels.std(axis=(0, 1)), 255 / np.sqrt(prod(img.shape[:2])))
        scale = 255 * np.array(self.std, np.float32) / own_std
        whitened = (pixels - own_mean) * scale + 255 * np.array(self.mean, np.float32)
        in_bytes: np.ndarray = np.clip(np.rint(whitened), 0, 255).astype(np.uint8)
        return in_bytes
