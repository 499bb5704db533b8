"""The two functions of ``torch_receptive_field`` (github.com/Fangyh09/pytorch-receptive-field, 0.1.0), on rfkit's numbers.

Signatures, keys, numbering, printed table and half-pixel convention are that package's; on a
chain of the square 2-D layers it knows, without dilation, both print the same. Where they differ:

* every layer has a number, where the original chains layers in the order in which they ran, leaves the dilation out of
  ``start``, gives 0 from a transposed convolution on, and stops with an error at layers it does not know;
* what the original does not see has a row too, under rfkit's name for it: functional calls (``"add"``, ``"layer1.0.add"``)
  and ``nn.Linear``. These names take no number, so that ``"8"`` stays the layer that it was;
* axes that differ give a tuple per axis, in the order of the input's, instead of an AssertionError;
* ``j``, ``r`` or ``start`` is None where there is no such number: behind an operator without a rule, or where the fields of
  a layer do not lie on a grid;
* the network is traced in eval mode without numbers and comes back as it was; ``device`` makes no difference;
* the entries of a layer have no ``input_shape``; they have ``layer``, its name in a report of rfkit, and ``units``.

Numbers are those of *local* fields, see ``rfkit.trace``, which also gives strict ones.
"""

from __future__ import annotations

import difflib
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rfkit.errors import InputError, UsageError
from rfkit.report import Layer, PerAxis, Report

if TYPE_CHECKING:
    from torch import nn

__all__ = ["receptive_field", "receptive_field_for_unit"]

BATCH = 2
RULE_WIDTH = 78
HEADINGS = ("Layer (type)", "map size", "start", "jump", "receptive_field")
WIDTHS = (20, 10, 10, 10, 15)
MARGIN = 8


def receptive_field(
    model: nn.Module,
    input_size: Sequence[int],
    batch_size: int = -1,
    device: str = "cuda",  # noqa: ARG001
) -> OrderedDict[str, Any]:
    """Trace a network and print the receptive field of every layer.

    Args:
        model: any PyTorch module with one input.
        input_size: ``(C, H, W)``, or ``(C, L)``, ``(C, D, H, W)``.
        batch_size: what to write as the first dimension of every ``output_shape``.
        device: taken for the sake of the signature; the network is traced where rfkit sees fit.

    Returns:
        By key (``"0"`` the input, ``"1"``, ``"2"``, ... the calls of modules in the order in which they ended), in
        execution order, an OrderedDict per layer; and ``input_size``, as it was given. In input pixels, one number where
        the axes agree, else a tuple with one per axis:

        * ``j``: distance between neighbouring units;
        * ``r``: size of what a unit sees, over the longest path, as if padding were image;
        * ``start``: centre of the first unit's field; 0.5 is the centre of the first pixel;
        * ``conv_stage``: False from the first transposed convolution on; of ``"0"``: False where the network has one;
        * ``output_shape``: list, ``batch_size`` first;
        * ``layer``: label in a report of rfkit, e.g. ``"conv2.0"``, ``"relu#2"``;
        * ``units``: per axis the first and the last pixel of every unit, as in ``rfkit.Layer.units``.

    Raises:
        InputError: if ``input_size`` is not one shape, or the forward refuses it.
    """
    from rfkit import trace

    report = trace(model, (BATCH, *_one_shape(input_size)), units=True)
    layers = dict(_keyed(report.layers, getattr(model, "_orig_mod", model)))
    found = OrderedDict({"0": _of_input(report, batch_size)})
    conv_stage = True
    for key, layer in layers.items():
        conv_stage = conv_stage and not layer.transposed
        found[key] = _of_layer(layer, batch_size, conv_stage)
    found["0"]["conv_stage"] = conv_stage
    sys.stdout.write(_table(found) + _unknown(layers))
    return OrderedDict(found, input_size=input_size)


def receptive_field_for_unit(
    receptive_field_dict: Mapping[str, Any], layer: str, unit_position: Sequence[int]
) -> list[tuple[float, float]]:
    """Print and return the pixels that one unit of a layer sees.

    They are exact, per axis: the first and the last pixel that any unit with that index depends on. The original cuts
    ``start + u*j - r/2`` to ``start + u*j + r/2`` off at the borders. That is too much where a tap in the padding would
    have reached further than those on the map (dilation), and off where the units of one layer see differently
    (transposed convolution, adaptive pooling).

    Args:
        receptive_field_dict: what ``receptive_field`` returned.
        layer: a key of it.
        unit_position: of the unit in the layer's map, ``(H, W)``: one index per axis of the input, from 0.

    Returns:
        Per axis ``(from, to)`` in pixels, from the left edge of the first pixel to the right edge of the last one: the
        last pixel is ``to - 1``. ``(0, 0)`` where the unit sees nothing.

    Raises:
        KeyError: if there is no such layer.
        UsageError: if the unit is not on the layer's map, the layer's field is not known, or the dictionary is not one of
            ``receptive_field``.
    """
    stats = _stats(receptive_field_dict, layer)
    units, image = stats["units"], receptive_field_dict["0"]["units"]
    if units is None:
        raise UsageError(
            f"layer {layer}: its field is not known, an operator without a rule came first; see rfkit.rule"
        )
    sizes = _map_sizes(stats)
    if len(unit_position) != len(sizes):
        raise UsageError(
            f"unit_position {unit_position} has {len(unit_position)} indices; layer {layer} takes {len(sizes)}"
        )
    if any(not 0 <= place < size for place, size in zip(unit_position, sizes, strict=True)):
        raise UsageError(f"unit_position {unit_position} lies outside the map of layer {layer}, which is {sizes}")
    pixels = [_seen(axis, place) for axis, place in zip(units, unit_position, strict=True)]
    lengths = [len(first) for first, _ in image]
    ranges = [_range(*ends, length) for ends, length in zip(pixels, lengths, strict=True)]
    if any(first < 0 for first, _ in pixels):
        ranges = [(0, 0)] * len(ranges)
    sys.stdout.write(f"Receptive field size for layer {layer}, unit_position {unit_position},  is \n {ranges}\n")
    return ranges


def _one_shape(input_size: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(input_size) if isinstance(input_size, Sequence) else ()
    if len(sizes) < 2 or not all(isinstance(size, int) for size in sizes):
        raise InputError(
            f"input_size {input_size!r}: give one shape without the batch, such as (3, 32, 32);"
            " for several inputs use rfkit.trace(model, example_inputs=...)"
        )
    return sizes


# -- keys ---------------------------------------------------------------------------------------------------------


def _keyed(layers: Sequence[Layer], model: nn.Module) -> Iterator[tuple[str, Layer]]:
    """Every layer with its key: a number where the original counts it, else its label.

    The original counts calls of modules, and of containers only those of a class called ``Bottleneck``.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    named = [(name, module) for name, module in modules.items() if name and type(module).__name__ == "Bottleneck"]
    blocks = [f"{name}." for name, module in named if any(module.children())]
    number = 0
    for layer, following in zip(layers, (*layers[1:], None), strict=True):
        if _counted(layer, modules, type(model).__name__):
            number += 1
            yield str(number), layer
        else:
            yield f"{layer.type} {layer.label}" if layer.label.isdigit() else layer.label, layer
        for block in reversed(blocks):
            if layer.name.startswith(block) and not (following and following.name.startswith(block)):
                number += 1
                yield str(number), layer


def _counted(layer: Layer, modules: Mapping[str, nn.Module], root: str) -> bool:
    """Whether a row is a call of a module that the original hooks: any but ``Linear`` and containers in a row."""
    from torch import nn

    module = modules.get("" if layer.name == root and root not in modules else layer.name)
    return module is not None and not isinstance(module, (nn.Linear, nn.Sequential, nn.ModuleList))


# -- entries ------------------------------------------------------------------------------------------------------


def _of_input(report: Report, batch_size: int) -> OrderedDict[str, Any]:
    units = tuple((tuple(range(length)), tuple(range(length))) for length in report.spatial)
    shape = [batch_size, *report.input_shape[1:]]
    return OrderedDict(j=1.0, r=1.0, start=0.5, conv_stage=True, output_shape=shape, layer="input", units=units)


def _of_layer(layer: Layer, batch_size: int, conv_stage: bool) -> OrderedDict[str, Any]:
    shape = list(layer.output_shape)
    if shape[:1] == [BATCH]:
        shape[0] = batch_size
    return OrderedDict(
        j=_value(layer.jump),
        r=_value(layer.receptive_field),
        start=_value(layer.start),
        conv_stage=conv_stage,
        output_shape=shape,
        layer=layer.label,
        units=layer.units,
    )


def _value(per_axis: PerAxis) -> float | tuple[float | None, ...] | None:
    """One number where all axes agree, else one per axis."""
    values = tuple(None if value is None else float(value) for value in per_axis)
    return values[0] if len(set(values)) == 1 else values


def _stats(found: Mapping[str, Any], layer: str) -> Mapping[str, Any]:
    """The entry of a layer, in a dictionary that has what a single unit needs."""
    if layer not in found or layer == "input_size":
        near = difflib.get_close_matches(str(layer), [key for key in found if key != "input_size"], 3, 0.4)
        raise KeyError(f"no layer {layer!r}" + (f"; did you mean {', '.join(map(repr, near))}?" if near else ""))
    if "units" not in found[layer]:
        raise UsageError("this dictionary is not one that rfkit.compat.receptive_field returned: call that first")
    stats: Mapping[str, Any] = found[layer]
    return stats


def _map_sizes(stats: Mapping[str, Any]) -> list[int]:
    """Units per axis: the map's own sizes where it has the input's axes, also where all its units see the same."""
    counted = [len(first) for first, _ in stats["units"]]
    sizes: list[int] = stats["output_shape"][2:]
    fits = len(sizes) == len(counted) and all(n in (1, size) for n, size in zip(counted, sizes, strict=True))
    return sizes if fits else counted


def _seen(axis: tuple[Sequence[int], Sequence[int]], place: int) -> tuple[int, int]:
    """First and last pixel; one unit stands for all where all see the same."""
    first, last = (pixels[place if len(pixels) > 1 else 0] for pixels in axis)
    return first, last


def _range(first: int, last: int, length: int) -> tuple[float, float]:
    """From the first pixel's left edge to the last one's right edge; the image's borders are ints, as in the original."""
    return first and float(first), length if last + 1 == length else float(last + 1)


# -- the printed table --------------------------------------------------------------------------------------------


def _table(found: Mapping[str, Any]) -> str:
    """The table as the original prints it, columns widened where a value needs more."""
    rows = [HEADINGS, *(_cells(key, stats) for key, stats in found.items())]
    widths = [max(width, *map(len, column)) for width, column in zip(WIDTHS, zip(*rows, strict=True), strict=True)]
    heading, *lines = ["{}  {} {} {} {} ".format(*_aligned(row, widths)) for row in rows]
    rule = max(RULE_WIDTH, len(heading))
    return "\n".join(["-" * rule, heading, "=" * rule, *lines, "=" * rule, ""])


def _cells(key: str, stats: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = (_text(stats[name]) for name in ("start", "j", "r"))
    return (" " * MARGIN + key, str(stats["output_shape"][2:]), *numbers)


def _aligned(row: Sequence[str], widths: Iterable[int]) -> list[str]:
    """Keys to the left behind their margin, everything else to the right."""
    cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    if row is not HEADINGS:
        cells[0] = row[0].ljust(len(cells[0]))
    return cells


def _text(value: float | tuple[float | None, ...] | None) -> str:
    """As Python writes it, with at most three decimals."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    return str(value if value is None else round(value, 3))


def _unknown(layers: Mapping[str, Layer]) -> str:
    """A line for every operator without a rule, with the key of the first layer behind it."""
    first: dict[str, str] = {}
    for key, layer in layers.items():
        if layer.unknown:
            first.setdefault(layer.unknown, key)
    return "".join(f"{op} has no rule: from layer {key} on the field is not known\n" for op, key in first.items())
