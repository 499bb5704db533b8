"""The named policies, and the catalogue of single augmentations, as transforms of Albumentations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.augment.library import albumentations as A
from trainer.augment.library import cv2
from trainer.augment.sharpness import Sharpness
from trainer.augment.whitening import Whitening

HOLE = 16  # side of the assignment's hole in pixels
REFLECT = cv2.BORDER_REFLECT_101


@dataclass(frozen=True)
class Images:
    """What augmenting needs to know of the images: mean and deviation of each channel in 0..1, height and width in pixels."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    height: int
    width: int

    @property
    def size(self) -> int:
        """The shorter side in pixels."""
        return min(self.height, self.width)

    @property
    def mean_colour(self) -> tuple[int, ...]:
        """The mean in bytes. A fill of 0.49 would be black on 8-bit images."""
        return tuple(round(255 * value) for value in self.mean)


def shift_scale_rotate(shift: float, scale: float, degrees: float) -> Any:
    """Return a shift by at most a share of each side, one scale for both axes and a turn; borders are reflected."""
    return A.Affine(
        translate_percent={"x": (-shift, shift), "y": (-shift, shift)},
        scale=(1 - scale, 1 + scale),
        rotate=(-degrees, degrees),
        keep_ratio=True,
        border_mode=REFLECT,
        p=0.5,
    )


def one_hole(images: Images, side: int) -> dict[str, Any]:
    """Return the arguments of a dropout of exactly one square, filled with the data set's mean colour."""
    return {
        "num_holes_range": (1, 1),
        "hole_height_range": (side, side),
        "hole_width_range": (side, side),
        "fill": images.mean_colour,
        "p": 0.5,
    }


def _none(_: Images) -> list[Any]:
    return []


def _flip_crop(images: Images) -> list[Any]:
    return [
        A.Pad(padding=4, border_mode=REFLECT, p=1.0),
        A.RandomCrop(height=images.height, width=images.width, p=1.0),
        A.HorizontalFlip(p=0.5),
    ]


def _assignment(images: Images) -> list[Any]:
    return [A.HorizontalFlip(p=0.5), shift_scale_rotate(0.0625, 0.1, 15), A.CoarseDropout(**one_hole(images, HOLE))]


def _strong(images: Images) -> list[Any]:
    hole = A.CoarseDropout(**one_hole(images, HOLE))
    return [*_flip_crop(images), A.OneOf(_random_operations(), p=1.0), A.OneOf(_random_operations(), p=1.0), hole]


def _random_operations() -> list[Any]:
    """The operations of RandAugment (Cubuk et al., 2019).

    There, two operations of magnitude 9 (of 30) are drawn with replacement, with a random sign. Here the strength is
    uniform from nothing to magnitude 18, which is 9 on average: 18 degrees, shears of 10 degrees (a slope of 0.18), shifts
    of 0.27 of a side, factors of 1 ± 0.54, 5 to 8 bits, thresholds from 0.4 of full scale on.
    """
    plain = {"brightness": (1.0, 1.0), "contrast": (1.0, 1.0), "saturation": (1.0, 1.0), "hue": (0.0, 0.0)}
    factors = (0.46, 1.54)
    return [
        A.NoOp(p=1.0),
        A.Affine(rotate=(-18, 18), border_mode=REFLECT, p=1.0),
        A.Affine(shear={"x": (-10, 10), "y": (0, 0)}, border_mode=REFLECT, p=1.0),
        A.Affine(shear={"x": (0, 0), "y": (-10, 10)}, border_mode=REFLECT, p=1.0),
        A.Affine(translate_percent={"x": (-0.27, 0.27), "y": (0, 0)}, border_mode=REFLECT, p=1.0),
        A.Affine(translate_percent={"x": (0, 0), "y": (-0.27, 0.27)}, border_mode=REFLECT, p=1.0),
        A.ColorJitter(**{**plain, "brightness": factors}, p=1.0),
        A.ColorJitter(**{**plain, "contrast": factors}, p=1.0),
        A.ColorJitter(**{**plain, "saturation": factors}, p=1.0),
        Sharpness(factors, p=1.0),
        A.Posterize(num_bits=(5, 8), p=1.0),
        A.Solarize(threshold_range=(0.4, 1.0), p=1.0),
        A.Equalize(p=1.0),
        A.AutoContrast(method="pil", p=1.0),
    ]


POLICIES: Mapping[str, Callable[[Images], list[Any]]] = {
    "none": _none,
    "flip-crop": _flip_crop,
    "assignment": _assignment,
    "strong": _strong,
}


@dataclass(frozen=True)
class Entry:
    """A single augmentation: a transform, its arguments, and those that show it best on a picture."""

    transform: type
    arguments: Callable[[Images], dict[str, Any]]
    shown: Mapping[str, Any]


def _affine(**arguments: Any) -> Callable[[Images], dict[str, Any]]:
    return lambda _: {**arguments, "keep_ratio": True, "border_mode": REFLECT, "p": 0.5}


CATALOGUE: Mapping[str, Entry] = {
    "scale": Entry(A.Affine, _affine(scale=(0.8, 1.2)), {"scale": (0.7, 0.7)}),
    "translation": Entry(
        A.Affine,
        _affine(translate_percent={"x": (-0.125, 0.125), "y": (-0.125, 0.125)}),
        {"translate_percent": {"x": (0.25, 0.25), "y": (-0.15, -0.15)}},
    ),
    "rotation": Entry(A.Affine, _affine(rotate=(-15, 15)), {"rotate": (25, 25)}),
    "blurring": Entry(
        A.GaussianBlur, lambda _: {"blur_limit": 0, "sigma_limit": (0.3, 1.0), "p": 0.5}, {"sigma_limit": (1.2, 1.2)}
    ),
    "mirroring": Entry(A.HorizontalFlip, lambda _: {"p": 0.5}, {}),
    "colour-shifting": Entry(
        A.ColorJitter,
        lambda _: {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.05, "p": 0.5},
        {"brightness": (1.2, 1.2), "contrast": (1.2, 1.2), "saturation": (1.4, 1.4), "hue": (0.12, 0.12)},
    ),
    "whitening": Entry(Whitening, lambda images: {"mean": images.mean, "std": images.std, "p": 0.5}, {}),
    "coarse-dropout": Entry(A.CoarseDropout, lambda images: one_hole(images, images.size // 2), {}),
}
