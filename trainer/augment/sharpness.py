"""Sharpness as Pillow's ``ImageEnhance.Sharpness`` changes it, which RandAugment means: softer below 1, sharper above."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.augment.library import albumentations as A
from trainer.augment.library import cv2

_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13


class Sharpness(A.ImageOnlyTransform):  # type: ignore[misc] # the library has no types
    """Blends an image with its smoothed self: 0 is the smooth one, 1 the image, above 1 goes on in that direction.

    Albumentations' ``Sharpen`` only sharpens, by a kernel 13 times as strong for the same number.

    Args:
        factor: Its range.
        p: Probability.
    """

    class InitSchema(A.core.transforms_interface.BaseTransformInitSchema):  # type: ignore[misc]
        """The arguments, for the library's own check of them."""

        factor: tuple[float, float]

    def __init__(self, factor: tuple[float, float] = (0.5, 1.5), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.factor = factor

    def get_params(self) -> dict[str, float]:
        """Draw the factor."""
        return {"factor": self.py_random.uniform(*self.factor)}

    def apply(self, img: np.ndarray, factor: float, **_: Any) -> np.ndarray:
        """Return the image, (H, W, C) in bytes, at this sharpness."""
        return sharpened(img, factor)


def sharpened(image: np.ndarray, factor: float) -> np.ndarray:
    """Return an image, (H, W, C) in bytes, at a sharpness; its outermost pixels stay as they are, as Pillow's do."""
    smooth = image.copy()
    smooth[1:-1, 1:-1] = cv2.filter2D(image, -1, _SMOOTH).reshape(image.shape)[1:-1, 1:-1]
    blended: np.ndarray = cv2.addWeighted(image, factor, smooth, 1 - factor, 0).reshape(image.shape)
    return blended
