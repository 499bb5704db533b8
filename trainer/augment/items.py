"""One entry of a configuration: a name with its arguments, turned into transforms."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from trainer.augment.library import albumentations as A
from trainer.augment.library import cv2
from trainer.augment.names import all_names, arguments_of, meant, plain, transform_class
from trainer.augment.old_names import in_bytes, translated
from trainer.augment.policies import CATALOGUE, POLICIES, Images
from trainer.errors import TrainerError


def transforms_of(items: Any, images: Images) -> list[Any]:
    """Return the transforms that entries stand for, in their order.

    Args:
        items: A name, a mapping with a name and arguments, a transform, or a sequence of these.
        images: What they are for.

    Raises:
        TrainerError: If a name or an argument does not exist or does not fit.
    """
    if isinstance(items, Sequence) and not isinstance(items, str):
        return [each for item in items for each in transforms_of(item, images)]
    if isinstance(items, A.BasicTransform | A.BaseCompose):
        return [items]
    name, arguments = _name_and_arguments(items)
    policy, kind = plain(name), transform_class(name)
    if policy in POLICIES:
        if arguments:
            raise TrainerError(f'augmentation "{name}" is a policy and takes no arguments; list its parts instead')
        return POLICIES[policy](images)
    if kind is None and policy in CATALOGUE:
        entry = CATALOGUE[policy]
        _, given = _arguments(name, entry.transform, arguments, images)
        return [_made(name, entry.transform, {**entry.arguments(images), **given})]
    if kind is None:
        choices = f"; there are {', '.join([*POLICIES, *CATALOGUE])} and the transforms of Albumentations 2.0.8"
        raise TrainerError(f'there is no augmentation "{name}"{meant(name, all_names()) or choices}')
    made, given = _arguments(name, kind, arguments, images)
    return [_made(name, made, given)]


def _name_and_arguments(item: Any) -> tuple[str, dict[str, Any]]:
    """Split ``"scale"``, ``{"name": "scale", "p": 1}``, ``{"scale": {"p": 1}}`` and Albumentations' own form."""
    if isinstance(item, str):
        return item, {}
    if isinstance(item, Mapping):
        for key in ("name", "__class_fullname__"):
            if isinstance(item.get(key), str):
                return item[key], {str(name): value for name, value in item.items() if name != key}
        if len(item) == 1:
            ((name, arguments),) = item.items()
            if isinstance(name, str) and isinstance(arguments, Mapping | None):
                return name, dict(arguments or {})
    raise TrainerError(f'an augmentation is a name or {{name = "...", argument = value}}, not {item!r}')


def _arguments(name: str, kind: type, given: dict[str, Any], images: Images) -> tuple[type, dict[str, Any]]:
    """Return the transform of 2.0.8 to make and its arguments, once it is known that they exist."""
    known = arguments_of(kind)
    for argument in given:
        if argument not in known:
            listed = f"; it has {', '.join(sorted(known))}"
            raise TrainerError(f'{name} has no argument "{argument}"{meant(argument, known) or listed}')
    new_name, arguments = translated(kind.__name__, given, images)
    for argument, value in arguments.items():
        if argument == "fill":
            arguments[argument] = in_bytes(value, images)
        elif argument in {"border_mode", "interpolation"} and isinstance(value, str):
            arguments[argument] = _constant(name, argument, value)
        elif argument == "transforms":
            arguments[argument] = transforms_of(value, images)
            if not arguments[argument]:
                raise TrainerError(f"{name} has no transforms in it")
    return transform_class(new_name) or kind, arguments


def _constant(name: str, argument: str, value: str) -> int:
    """Return OpenCV's constant, e.g. of ``BORDER_REFLECT_101`` or ``cv2.INTER_CUBIC``."""
    found = getattr(cv2, value.removeprefix("cv2."), None)
    if isinstance(found, int):
        return found
    prefix = "BORDER_" if argument == "border_mode" else "INTER_"
    choices = [each for each in dir(cv2) if each.startswith(prefix)]
    raise TrainerError(f'{name}: {argument} "{value}" is no constant of OpenCV{meant(value, choices)}')


def _made(name: str, kind: type, arguments: dict[str, Any]) -> Any:
    """Make the transform. Where the library would warn and take its defaults, or less than was asked for, it fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            return kind(**arguments)
    except Exception as error:
        raise TrainerError(f"{name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what the library has against its arguments, in one line."""
    if isinstance(error.__cause__, ValidationError):
        first = error.__cause__.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        argument = str(first["loc"][0]) if first["loc"] else ""
        missing = first["type"] == "missing"
        return (
            f"{argument} is missing"
            if missing
            else " = ".join(filter(None, [argument, f"{first['input']!r}: {message}"]))
        )
    return str(error).partition("\n")[0]
