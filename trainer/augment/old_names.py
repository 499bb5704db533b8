"""Arguments as Albumentations 1 named them, in the words of 2.0.8.

2.0.8 answers the old arguments of ``CoarseDropout`` with a warning and its own defaults: one or two small black holes
where one of 16×16 pixels in the mean colour was meant. Its ``ShiftScaleRotate`` keeps the names, but scales the two axes
apart, shows black corners and warns whenever it is made; ``Affine`` can do what version 1 did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainer.augment.policies import REFLECT, Images
from trainer.errors import TrainerError

_OLD_HOLES = ("max_holes", "max_height", "max_width", "min_holes", "min_height", "min_width")
OLD_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "CoarseDropout": (*_OLD_HOLES, "fill_value", "mask_fill_value", "always_apply"),
    "ShiftScaleRotate": (
        *("shift_limit", "shift_limit_x", "shift_limit_y", "scale_limit", "rotate_limit"),
        *("interpolation", "mask_interpolation", "border_mode", "value", "mask_value", "fill", "fill_mask"),
        *("rotate_method", "p", "always_apply"),
    ),
}


def translated(name: str, arguments: Mapping[str, Any], images: Images) -> tuple[str, dict[str, Any]]:
    """Return the transform of 2.0.8, by its name and its arguments, that does what was asked for by the old names.

    Arguments that are not old ones are passed on.

    Raises:
        TrainerError: If something is said twice, by its old and by its new name.
    """
    given = dict(arguments)
    if given.pop("always_apply", False):
        given["p"] = 1.0
    if name == "CoarseDropout":
        return name, _coarse_dropout(given, images)
    if name == "ShiftScaleRotate":
        return "Affine", _affine(given)
    return name, given


def _coarse_dropout(given: dict[str, Any], images: Images) -> dict[str, Any]:
    if any(name in given for name in _OLD_HOLES):
        _not_twice("CoarseDropout", given, _OLD_HOLES, ("num_holes_range", "hole_height_range", "hole_width_range"))
        largest = {side: given.pop(f"max_{side}", 8) for side in ("holes", "height", "width")}
        ranges = {side: (_or(given.pop(f"min_{side}", None), most), most) for side, most in largest.items()}
        if len({_is_share(value) for side in ("height", "width") for value in ranges[side]}) > 1:
            ranges |= {side: _pixels(ranges[side], getattr(images, side)) for side in ("height", "width")}
        given |= {
            "num_holes_range": ranges["holes"],
            "hole_height_range": ranges["height"],
            "hole_width_range": ranges["width"],
        }
    _not_twice("CoarseDropout", given, ("fill_value",), ("fill",))
    if "fill_value" in given:
        given["fill"] = given.pop("fill_value")
    given.pop("mask_fill_value", None)
    return given


def _affine(given: dict[str, Any]) -> dict[str, Any]:
    """Return version 1's ShiftScaleRotate as arguments of Affine: one scale for both axes, reflected borders."""
    shift = given.pop("shift_limit", 0.0625)
    low, high = _range("scale_limit", given.pop("scale_limit", 0.1))
    for of_masks_and_boxes in ("mask_value", "fill_mask", "mask_interpolation", "rotate_method"):
        given.pop(of_masks_and_boxes, None)
    _not_twice("ShiftScaleRotate", given, ("value",), ("fill",))
    value = given.pop("value", None)
    return {
        "translate_percent": {
            axis: _range("shift_limit", _or(given.pop(f"shift_limit_{axis}", None), shift)) for axis in ("x", "y")
        },
        "scale": (1 + low, 1 + high),
        "rotate": _range("rotate_limit", given.pop("rotate_limit", 45)),
        "keep_ratio": True,
        "border_mode": REFLECT,
        **({} if value is None else {"fill": value}),
        **given,
    }


def in_bytes(fill: Any, images: Images) -> Any:
    """Return a fill for 8-bit images.

    Args:
        fill: ``"mean"`` for the data set's mean colour, or a number or one for each channel. Fractions in 0..1, of
            which at least one is no whole number, are taken as shares of full scale: as bytes they would be black.
        images: The images to fill.
    """
    if fill == "mean":
        return images.mean_colour
    scalar = isinstance(fill, int | float)
    values = (fill,) if scalar else fill
    if not isinstance(values, list | tuple):
        return fill
    if not all(isinstance(value, int | float) and 0 <= value <= 1 for value in values):
        return fill
    if all(float(value).is_integer() for value in values):
        return fill
    scaled = tuple(round(255 * value) for value in values)
    return scaled[0] if scalar else scaled


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _range(name: str, limit: Any) -> tuple[float, float]:
    """Return the range of a limit: a number stands for one around zero."""
    pair = (-limit, limit) if isinstance(limit, int | float) else limit
    if isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(bound, int | float) for bound in pair):
        return pair[0], pair[1]
    raise TrainerError(f"ShiftScaleRotate: {name} is a number or a pair of numbers, not {limit!r}")


def _is_share(value: Any) -> bool:
    return isinstance(value, float) and value < 1


def _pixels(values: tuple[Any, Any], size: int) -> tuple[int, int]:
    low, high = (int(value * size) if _is_share(value) else int(value) for value in values)
    return low, high


def _not_twice(transform: str, given: Mapping[str, Any], old: Iterable[str], new: Iterable[str]) -> None:
    first, second = [name for name in old if name in given], [name for name in new if name in given]
    if first and second:
        raise TrainerError(f"{transform} has both {first[0]} and {second[0]}, which say the same; leave one out")
