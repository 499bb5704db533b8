"""The commonest transforms without what Albumentations checks and prepares on every call.

Each step draws the same numbers in the same order as the library's transform and ends in the same OpenCV call, so the
images are the same bit for bit; tests hold that. Left out is work that no image needs: a second matrix for boxes, NumPy
arrays for six numbers, the comparison with the identity matrix, a generator for a fill that is a constant. On 32×32
images this is most of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, radians, sin, tan
from typing import Any

import numpy as np

from trainer.augment.library import albumentations as A
from trainer.augment.library import cv2
from trainer.augment.sharpness import Sharpness, sharpened

Step = Callable[[np.ndarray], np.ndarray]


def quick(transform: Any, *, always: bool = False) -> Step:
    """Return a function from image to image that does what the transform does, drawing from its current generators.

    Args:
        transform: A transform or a composition of Albumentations.
        always: Apply it whatever its probability, as the library's ``force_apply`` does.

    Returns:
        The shorter way where there is one, else a call of the transform itself.
    """
    for kind, fits, apply in _SHORTER:
        if type(transform) is kind and fits(transform):
            return _by_chance(transform, apply(transform), always)
    return lambda image: transform(image=image, force_apply=always)["image"]


def _by_chance(transform: Any, apply: Step, always: bool) -> Step:
    """Apply with the transform's probability. As in the library, nothing is drawn for a p of 0 or 1."""
    draws = isinstance(transform, A.BaseCompose) or 0 < transform.p < 1
    if always or (not draws and transform.p >= 1):
        return apply
    if not draws:
        return lambda image: image
    random, p = transform.py_random.random, transform.p
    return lambda image: apply(image) if random() < p else image


def _flip(_: Any) -> Step:
    return lambda image: cv2.flip(image, 1).reshape(image.shape)


def _affine(transform: Any) -> Step:
    uniform, shift = transform.py_random.uniform, _shift(transform)
    shear_x, shear_y = transform.shear["x"], transform.shear["y"]
    scale_x, scale_y, same = transform.scale["x"], transform.scale["y"], transform.keep_ratio
    turn, flags, border, fill = transform.rotate, transform.interpolation, transform.border_mode, transform.fill
    fill = fill if isinstance(fill, tuple) else (fill,) * 4

    def step(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        moved = shift(width, height)
        sheared = -uniform(*shear_x), -uniform(*shear_y)
        across, down = uniform(*scale_x), uniform(*scale_y)
        matrix = affine_matrix(
            moved, sheared, (across, across if same else down), uniform(*turn), ((width - 1) / 2, (height - 1) / 2)
        )
        warped = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=border, borderValue=fill)
        return warped.reshape(image.shape)

    return step


def _shift(transform: Any) -> Callable[[int, int], tuple[int, int]]:
    """Return what draws the shift in pixels for images of a width and a height."""
    uniform, randint = transform.py_random.uniform, transform.py_random.randint
    if transform.translate_percent is None:
        (left, right), (up, down) = ((int(low), int(high)) for low, high in map(transform.translate_px.get, "xy"))
        return lambda *_: (randint(left, right), randint(up, down))
    ranges = transform.translate_percent["x"], transform.translate_percent["y"]
    return lambda width, height: (int(uniform(*ranges[0]) * width), int(uniform(*ranges[1]) * height))


def affine_matrix(
    shift: tuple[float, float],
    shear: tuple[float, float],
    scale: tuple[float, float],
    degrees: float,
    centre: tuple[float, float],
) -> np.ndarray:
    """Return the (2, 3) matrix, from input to output pixels, that scales, turns and shears about a centre, then shifts.

    Args:
        shift: Along x and y in pixels.
        shear: Along x and y in degrees.
        scale: Along x and y.
        degrees: Counter-clockwise on an image whose y points down.
        centre: The point that only the shift moves.
    """
    angle, slope_x, slope_y = radians(degrees), tan(radians(shear[0])), tan(radians(shear[1]))
    c, s = cos(angle), sin(angle)
    a, b = (c - slope_x * s) * scale[0], (s + slope_x * c) * scale[1]
    d, e = (slope_y * c - s) * scale[0], (slope_y * s + c) * scale[1]
    x, y = centre
    return np.array([[a, b, x + shift[0] - a * x - b * y], [d, e, y + shift[1] - d * x - e * y]])


def _hole(transform: Any) -> Step:
    randint, integers = transform.py_random.randint, transform.random_generator.integers
    (rows, _), (columns, _) = transform.hole_height_range, transform.hole_width_range
    fill = np.array(transform.fill, np.uint8)

    def step(image: np.ndarray) -> np.ndarray:
        randint(1, 1)  # the number of holes
        height, width = image.shape[:2]
        top, left = integers(0, height - rows + 1), integers(0, width - columns + 1)
        integers(0, 2**32 - 1)  # the seed of a random fill
        holed = image.copy()
        holed[top : top + rows, left : left + columns] = fill
        return holed

    return step


def _is_one_hole(transform: Any) -> bool:
    """Whether the transform makes exactly one hole, of one size in pixels and one colour."""
    sides = (*transform.hole_height_range, *transform.hole_width_range)
    in_pixels = all(isinstance(side, int) and side >= 1 for side in sides)
    same = sides[0] == sides[1] and sides[2] == sides[3]
    return transform.num_holes_range == (1, 1) and in_pixels and same and not isinstance(transform.fill, str)


def _crop(transform: Any) -> Step:
    random, rows, columns = transform.py_random.random, transform.height, transform.width

    def step(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        top, left = int((height - rows + 1) * random()), int((width - columns + 1) * random())
        return np.ascontiguousarray(image[top : top + rows, left : left + columns])

    return step


def _pad(transform: Any) -> Step:
    size, border = transform.padding, transform.border_mode

    def step(image: np.ndarray) -> np.ndarray:
        padded = cv2.copyMakeBorder(image, size, size, size, size, border)
        return padded.reshape(*padded.shape[:2], image.shape[2])

    return step


def _sharpness(transform: Any) -> Step:
    uniform, factor = transform.py_random.uniform, transform.factor
    return lambda image: sharpened(image, uniform(*factor))


def _one_of(composition: Any) -> Step:
    """Choose as ``Generator.choice`` does: one number, looked up in the running sum of the weights."""
    random = composition.random_generator.random
    limits = np.cumsum(composition.transforms_ps)
    limits /= limits[-1]
    steps = [quick(transform, always=True) for transform in composition.transforms]
    return lambda image: steps[limits.searchsorted(random(), side="right")](image)


_SHORTER: tuple[tuple[type, Callable[[Any], bool], Callable[[Any], Step]], ...] = (
    (A.HorizontalFlip, lambda _: True, _flip),
    (A.Affine, lambda affine: not affine.fit_output and not affine.balanced_scale, _affine),
    (A.CoarseDropout, _is_one_hole, _hole),
    (A.RandomCrop, lambda crop: not crop.pad_if_needed, _crop),
    (A.Pad, lambda pad: isinstance(pad.padding, int) and pad.border_mode != cv2.BORDER_CONSTANT, _pad),
    (A.OneOf, lambda composition: bool(composition.transforms_ps), _one_of),
    (Sharpness, lambda _: True, _sharpness),
    (A.NoOp, lambda _: True, lambda _: lambda image: image),
)
