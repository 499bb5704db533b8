"""What the page's script works with: the report's graph, its figures as numbers, and what every unit sees."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

from rfkit.render.html import runs, words
from rfkit.render.rows import Row
from rfkit.report import Layer, PerAxis, Report, Runs


def page_data(report: Report, rows: Sequence[Row], shown: Sequence[bool]) -> dict[str, Any]:
    """Everything, as JSON values.

    Args:
        report: what a trace found, with ``units`` where fields are to be drawn.
        rows: one for each of its layers.
        shown: which of them change a field, a shape or the cost.
    """
    number = {layer.label: index for index, layer in enumerate(report.layers)}
    ranges, sets = Ranges(), Sets()
    depths = _depths(report, number, shown)
    return {
        "axes": [
            {"name": name, "length": length}
            for name, length in zip(words.place_names(report), report.spatial, strict=True)
        ],
        "rank": max(1, len(report.input_shape) - 2),
        "plane": plane(report),
        "layers": [
            {
                "label": layer.label,
                "type": layer.type,
                "inputs": [number.get(label, -1) for label in layer.inputs],
                "global": bool(layer.global_) and all(layer.global_),
                "coverage": layer.coverage,
                "size": _numbers(layer.receptive_field),
                "least": _numbers(layer.receptive_field_min),
                "depth": depth,
                "changes": changes,
                "facts": words.facts(report, layer, row),
                "remarks": words.remarks(report, layer),
                "sort": _sort_keys(layer),
                "dims": _dims(layer, len(report.input_shape)),
                "ranges": None if layer.units is None else [ranges.add(*pair) for pair in layer.units],
                "sets": _sets(layer, sets),
            }
            for layer, row, depth, changes in zip(report.layers, rows, depths, shown, strict=True)
        ],
        "ranges": ranges.coded,
        "sets": sets.coded,
    }


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element, whatever names it holds."""
    plain = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        plain = plain.replace(char, f"\\u{ord(char):04x}")
    return plain.encode("utf-8", "replace").decode()


class Ranges:
    """What units see along an axis, first and last position of each: every such pair of lists once."""

    def __init__(self) -> None:
        self.coded: list[tuple[list[int], list[int]]] = []
        self._places: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}

    def add(self, lo: tuple[int, ...], hi: tuple[int, ...]) -> int:
        """The place of a pair of lists among those coded."""
        if (lo, hi) not in self._places:
            self._places[lo, hi] = len(self.coded)
            self.coded.append((runs.encode(lo), runs.encode(hi)))
        return self._places[lo, hi]


class Sets:
    """What units reach along an axis where some skip positions: the ways in which they skip, and the way of each unit.

    Ways are counted from the unit's first position, so that most units share one; number 0 stands for nothing skipped.
    """

    def __init__(self) -> None:
        self.coded: list[tuple[list[tuple[list[int], list[int]]], list[int]]] = []
        self._places: dict[tuple[tuple[Runs, ...], tuple[int, ...]], int] = {}

    def add(self, units: Sequence[Runs]) -> int:
        """The place of what units reach among that coded."""
        ways: dict[Runs, int] = {}
        chosen = []
        for reached in units:
            way = tuple((first - reached[0][0], last - reached[0][0]) for first, last in reached)
            chosen.append(ways.setdefault(way, len(ways) + 1) if len(way) > 1 else 0)
        key = tuple(ways), tuple(chosen)
        if key not in self._places:
            self._places[key] = len(self.coded)
            split = [(runs.encode([a for a, _ in way]), runs.encode([b for _, b in way])) for way in ways]
            self.coded.append((split, runs.encode(chosen)))
        return self._places[key]


def plane(report: Report) -> list[int]:
    """The two axes of the picture: the last two of the first input; none where it has only one."""
    axes = len(report.input_shape) - 2
    if axes < 2 or report.spatial[:axes] != report.input_shape[2:]:
        return []
    return [axes - 2, axes - 1]


def _depths(report: Report, number: Mapping[str, int], shown: Sequence[bool]) -> list[int]:
    """By layer, how many layers that change something lie on the longest way to it, itself included."""
    depths: list[int] = []
    for layer, changes in zip(report.layers, shown, strict=True):
        before = [depths[place] for label in layer.inputs if (place := number.get(label, len(depths))) < len(depths)]
        depths.append(max(before, default=0) + changes)
    return depths


def _dims(layer: Layer, input_rank: int) -> list[list[int]]:
    """The axes that each dimension of units follows.

    One each, or the same one of several inputs, or several where units are in one row (tokens). Axes along which no unit
    sees anything, those of an input that the layer does not see, are left out, unless there are no others.
    """
    if layer.units is None:
        return []
    lengths = [len(lo) for lo, _ in layer.units]
    axes = [axis for axis, (lo, _) in enumerate(layer.units) if max(lo, default=-1) >= 0] or list(range(len(lengths)))
    rank = input_rank - 2 if input_rank > 2 and len(lengths) % (input_rank - 2) == 0 else len(lengths)
    found = list(dict.fromkeys((axis % rank, lengths[axis]) for axis in axes))
    alike = Counter(length for _, length in found)
    places, winds = Counter(layer.output_shape), _winds(layer, input_rank)
    dims: dict[object, list[int]] = {}
    for axis in axes:
        length = lengths[axis]
        together = length > 1 and alike[length] > 1 and (places[length] < alike[length] or winds)
        dims.setdefault(("row", length) if together else (axis % rank, length), []).append(axis)
    return list(dims.values())


def _winds(layer: Layer, input_rank: int) -> bool:
    """Whether one axis starts over while another goes on, in a tensor with fewer dimensions than the input."""
    return len(layer.output_shape) < input_rank and any(
        any(b < a for a, b in pairwise(lo)) for lo, _ in layer.units or ()
    )


def _sets(layer: Layer, sets: Sets) -> list[int] | None:
    """Per axis the place of what its units reach; None where none skips any, or the report has it of none.

    Where the report has it of the centre unit alone, the others are drawn whole.
    """
    if layer.runs is not None:
        return [sets.add(axis) for axis in layer.runs]
    if layer.units is None or layer.reached is None or not any(layer.max_hole or ()):
        return None
    centres = [(lo[len(lo) // 2], hi[len(hi) // 2]) for lo, hi in layer.units]
    if any(runs and (runs[0][0], runs[-1][1]) != ends for runs, ends in zip(layer.reached, centres, strict=True)):
        return None  # windows lie in the batch: what is drawn is the hull over all of them
    return [
        sets.add([reached if unit == len(lo) // 2 else () for unit in range(len(lo))])
        for (lo, _), reached in zip(layer.units, layer.reached, strict=True)
    ]


def _numbers(values: PerAxis) -> list[float | None]:
    return [None if value is None else float(value) for value in values]


def _sort_keys(layer: Layer) -> dict[str, float | None]:
    """By column, what rows are sorted by; None for what is not known."""
    return {
        "output": prod(layer.output_shape),
        "window": prod(layer.kernel_size) if layer.kernel_size is not None else None,
        "field": _product(layer.receptive_field),
        "jump": _product(layer.jump),
        "sees": layer.coverage,
        "params": layer.params,
        "macs": layer.macs,
    }


def _product(values: PerAxis) -> float | None:
    return None if not values or None in values else float(prod(value for value in values if value is not None))
