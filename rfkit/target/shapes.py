"""Input shapes: what the user types, and what a model says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rfkit.errors import InputError

if TYPE_CHECKING:
    from torch import nn

DEFAULT_SHAPES = ((3, 32, 32), (3, 224, 224), (1, 28, 28))
_LARGEST = 2**31 - 1
_LONGEST = 60
_FORM = "expected sizes such as 3x32x32 (channels x height x width)"


@dataclass(frozen=True, slots=True)
class InputShape:
    """A shape to try when the user gives none: sizes without the batch, and where they come from."""

    sizes: tuple[int, ...]
    source: str


def parse_shape(text: str) -> tuple[int, ...]:
    """Sizes from ``3x32x32``, ``3,32,32`` or ``1x3x32x32``: as many as given, the batch is not told apart.

    Raises:
        InputError: if a size is not a positive whole number, or there is none.
    """
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    sizes = [size.strip() for size in re.split("[xX×,*]", text.strip().strip("()[]"))]
    for size in sizes:
        if not re.fullmatch(r"[+-]?[0-9]{1,30}", size):
            raise InputError(f"input shape {shown!r}: {size[:_LONGEST]!r} is not a whole number; {_FORM}")
        if not 0 < int(size) <= _LARGEST:
            raise InputError(f"input shape {shown!r}: {size} is not a size from 1 to {_LARGEST}; {_FORM}")
    return tuple(map(int, sizes))


def candidates(module: nn.Module) -> tuple[InputShape, ...]:
    """Shapes to try, in this order: what the model says of itself, then 3x32x32, 3x224x224 and 1x28x28."""
    shapes = [*_own_shapes(module), *(InputShape(sizes, "default") for sizes in DEFAULT_SHAPES)]
    first = {shape.sizes: shape for shape in reversed(shapes)}
    return tuple(shape for shape in shapes if first[shape.sizes] is shape)


def _own_shapes(module: nn.Module) -> Iterator[InputShape]:
    example = _read(module, "example_input_array")
    if isinstance(example, (tuple, list)) and len(example) == 1:
        example = example[0]
    settings = {name: _read(module, name) for name in ("default_cfg", "pretrained_cfg")}
    stated = {
        "example_input_array": tuple(getattr(example, "shape", ()))[1:],
        "input_size": _read(module, "input_size"),
        **{f"{name}['input_size']": _read(value, "input_size") for name, value in settings.items()},
    }
    for source, value in stated.items():
        sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,)
        if sizes and all(type(size) is int and size > 0 for size in sizes):
            for reading in _readings(sizes, _dimensions(module)):
                yield InputShape(reading, source)


def _readings(sizes: tuple[int, ...], dimensions: int) -> list[tuple[int, ...]]:
    """What sizes can mean to convolutions of some dimensions: a side, no channels, with a batch, or as they stand."""
    if dimensions and len(sizes) in (1, dimensions):
        space = sizes * (dimensions // len(sizes))
        return [(3, *space), (1, *space)]
    if dimensions and len(sizes) == dimensions + 2:
        return [sizes[1:]]
    return [sizes]


def _dimensions(module: nn.Module) -> int:
    """Spatial dimensions of the first convolution that the module defines, 0 without any."""
    from torch import nn

    kinds = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}
    return next((kinds[kind] for layer in module.modules() for kind in kinds if isinstance(layer, kind)), 0)


def _read(thing: object, name: str) -> Any:
    """A key of a mapping or an attribute of anything else, None where there is none or where reading it fails."""
    if isinstance(thing, Mapping):
        return thing.get(name)
    try:
        return getattr(thing, name, None)
    except Exception:
        return None
