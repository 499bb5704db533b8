"""Which layers become rows of a table, in what order, and what one row says. Shared by the forms made for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod
from typing import Any

from rfkit.errors import UsageError
from rfkit.render import text
from rfkit.report import Layer, Number, PerAxis, Report, Runs, reached_positions

MARKS: Mapping[str, str] = {
    "unknown": "?",
    "space_in_batch": "!",
    "misaligned": "≠",
    "gridding": "#",
    "unproductive": "○",
    "measured": "~",
    "bound": "≤",
    "context": "+",
    "global": "*",
}


_EXPLICIT = re.compile(r"conv|avg_?pool|max_?pool|lp_?pool", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a layer, or consecutive layers of one block folded into one.

    ``layers`` holds them all, ``ends`` those of them whose output leaves the row, in the order in which they ran.

    ``window`` holds kernel, stride, dilation (each empty where it is the usual 1) and a word such as ``dw`` or ``T``.
    ``reads`` and ``hole`` say what the centre unit reaches of its field, ``7/13``, and the longest run it skips; empty where
    it skips nothing or that was not asked for.
    ``everything`` is set where no local field is left on any axis and the whole image is seen.
    """

    label: str
    type: str
    output: str
    window: tuple[str, str, str, str]
    field: str
    jump: str
    reads: str
    hole: str
    coverage: float | None
    everything: bool
    params: int
    macs: int
    marks: str
    unknown: bool
    layers: tuple[Layer, ...]
    ends: tuple[Layer, ...]

    @property
    def longest_field(self) -> str:
        """The field over the longest path alone."""
        return self.field.rpartition("..")[2]

    @property
    def window_words(self) -> str:
        """The window where places do not line up: ``k3 s2 d2 dw``."""
        kernel, stride, dilation, special = self.window
        named = (("k", kernel), ("s", stride), ("d", dilation), ("", special))
        return " ".join(f"{name}{value}" for name, value in named if value)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a table, and how many layers with how many parameters it leaves out because they change nothing."""

    rows: tuple[Row, ...]
    hidden: int
    hidden_params: int


def matching(report: Report, pattern: str | None) -> tuple[Layer, ...]:
    """The layers whose label or name matches a shell pattern such as ``conv*``. Raises UsageError when none does."""
    if pattern is None:
        return report.layers
    found = tuple(
        layer for layer in report.layers if fnmatchcase(layer.label, pattern) or fnmatchcase(layer.name, pattern)
    )
    if not found and report.layers:
        import difflib

        labels = [layer.label for layer in report.layers]
        near = difflib.get_close_matches(pattern.strip("*?"), labels, 3, 0.4) or labels[:3]
        raise UsageError(f"no layer matches {pattern!r}; there are {text.listing(near)} ({len(labels)} in all)")
    return found


def entries(report: Report, pattern: str | None) -> list[dict[str, Any]]:
    """The layers that match, as ``Report.to_dict()`` has them. Raises UsageError when none does."""
    kept = {layer.label for layer in matching(report, pattern)}
    pairs = zip(report.layers, report.to_dict()["layers"], strict=True)
    return [entry for layer, entry in pairs if layer.label in kept]


def select(report: Report, *, all_rows: bool = False, layers: str | None = None, depth: int | None = None) -> Selection:
    """Rows of the layers that match, folded to ``depth`` name components, without those that change nothing."""
    by_label = {layer.label: layer for layer in report.layers}
    found = matching(report, layers)
    groups = [(layer,) for layer in found] if depth is None else fold(found, depth)
    shown = [group for group in groups if all_rows or len(group) > 1 or changes(group[0], by_label)]
    if not shown:
        shown = list(groups)
    rows = tuple(row(report, group, by_label, depth) for group in shown)
    kept = sum(len(group) for group in shown)
    params = sum(layer.params for layer in found) - sum(item.params for item in rows)
    return Selection(rows, len(found) - kept, params)


def changes(layer: Layer, by_label: Mapping[str, Layer]) -> bool:
    """Whether the layer changes a field, a shape or the cost, rather than passing its input's on as norms do."""
    sources = [by_label.get(label) for label in layer.inputs]
    slides = layer.kernel_size is not None and set(layer.kernel_size) | set(layer.stride or ()) != {1}
    if slides or layer.macs or not sources:
        return True
    return any(source is None or _sight(layer) != _sight(source) or _moves(layer, source) for source in sources)


def _sight(layer: Layer) -> tuple[object, ...]:
    sizes = (layer.receptive_field, layer.receptive_field_min)
    return (*sizes, prod(layer.output_shape), layer.global_, layer.unknown, bool(layer.context))


def _moves(layer: Layer, source: Layer) -> bool:
    """Whether a warning is new, or units lie elsewhere or further apart, on axes that are left to compare."""
    if set(layer.flags) - set(source.flags) - {"measured", "bound"}:
        return True
    pairs = (*zip(layer.jump, source.jump, strict=True), *zip(layer.start, source.start, strict=True))
    return any(new != old for new, old in pairs if new is not None and old is not None)


def fold(layers: Iterable[Layer], depth: int) -> list[tuple[Layer, ...]]:
    """Group consecutive layers by the first ``depth`` components of their names; a block that starts over is new."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if groups and prefix(groups[-1][0], depth) == prefix(layer, depth) and groups[-1][0].name != layer.name:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return [tuple(group) for group in groups]


def prefix(layer: Layer, depth: int) -> str:
    """The first ``depth`` components of the layer's name."""
    return ".".join(layer.name.split(".")[:depth])


def row(report: Report, group: tuple[Layer, ...], by_label: Mapping[str, Layer], depth: int | None = None) -> Row:
    """The row of one layer, or of several folded into one: what leaves it sees, what all of them cost."""
    last, ends = group[-1], _ends(report, group)
    single = len(group) == 1
    everything = all(bool(end.global_) and all(end.global_) and end.coverage == 1 for end in ends)
    holed = max(reversed(ends), key=lambda end: max(end.max_hole or (), default=0))
    hole = holed.max_hole or ()
    return Row(
        label=last.label if single else _folded_label(group, depth or 1),
        type=_type(last) if single else f"{len(group)} rows",
        output=text.shape(last.output_shape, report.input_shape[0]),
        window=window(last, by_label) if single else ("", "", "", ""),
        field="?" if any(end.unknown for end in ends) else text.field(largest_field(ends), _smallest_field(ends)),
        jump="" if everything else next(filter(None, (text.jump(end.jump) for end in reversed(ends))), ""),
        reads=text.sizes([_share(runs) for runs in holed.reached or ()]) if any(hole) else "",
        hole=text.sizes(hole) if any(hole) else "",
        coverage=_coverage(ends),
        everything=everything,
        params=sum(layer.params for layer in group),
        macs=sum(layer.macs for layer in group),
        marks="".join(mark for name, mark in MARKS.items() if any(name in causes(layer) for layer in group)),
        unknown=any(end.unknown is not None for end in ends),
        layers=group,
        ends=ends,
    )


def _ends(report: Report, group: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers whose output is read outside the group or is the network's; the last where there is none."""
    if len(group) == 1:
        return group
    inside = {layer.label for layer in group}
    read = {label for layer in report.layers if layer.label not in inside for label in layer.inputs}
    read.update(label for label in report.totals.outputs if label is not None)
    return tuple(layer for layer in group if layer.label in read) or group[-1:]


def largest_field(layers: Iterable[Layer]) -> PerAxis:
    """Per axis the largest of their fields, None where one is not known."""
    return _per_axis(max, [layer.receptive_field for layer in layers])


def _smallest_field(layers: Iterable[Layer]) -> PerAxis:
    return _per_axis(min, [layer.receptive_field_min for layer in layers])


def _per_axis(choose: Callable[[Iterable[Number]], Number], fields: Iterable[PerAxis]) -> PerAxis:
    return tuple(None if (found := text.known(sizes)) is None else choose(found) for sizes in zip(*fields, strict=True))


def _coverage(layers: Iterable[Layer]) -> float | None:
    """The largest of their shares of the input, None where one is not known."""
    shares = [layer.coverage for layer in layers]
    return None if None in shares else max(share for share in shares if share is not None)


def _share(runs: Runs) -> str:
    """Positions reached of those from the first to the last: ``7/13``."""
    return f"{reached_positions(runs)}/{runs[-1][1] - runs[0][0] + 1}" if runs else "0"


def causes(layer: Layer) -> frozenset[str]:
    """The layer's flags, and ``context`` or ``global`` (on some axes only; on all of them the row says so itself)."""
    found = set(layer.flags)
    if layer.unknown is not None:
        found.add("unknown")
    if layer.context:
        found.add("context")
    if any(layer.global_) and not all(layer.global_):
        found.add("global")
    return frozenset(found)


def _folded_label(group: tuple[Layer, ...], depth: int) -> str:
    name, call = prefix(group[0], depth), group[0].call
    return name if call == 0 else f"{name}#{call + 1}"


def _type(layer: Layer) -> str:
    return "" if layer.name.rsplit(".", 1)[-1] == layer.type else layer.type


def window(layer: Layer, by_label: Mapping[str, Layer]) -> tuple[str, str, str, str]:
    """Kernel, stride, dilation (empty where 1) and what is special about the operator: ``dw``, ``g4``, ``T``."""
    if layer.kernel_size is None:
        return ("", "", "", _special(layer, by_label))
    stride, dilation = layer.stride or (1,), layer.dilation or (1,)
    if layer.kernel_size == stride and set(layer.output_shape[2:]) <= {1} and not _EXPLICIT.match(layer.type):
        return ("", "", "", "all")
    return (
        text.sizes(layer.kernel_size),
        "" if set(stride) == {1} else text.sizes(stride),
        "" if set(dilation) == {1} else text.sizes(dilation),
        _special(layer, by_label),
    )


def _special(layer: Layer, by_label: Mapping[str, Layer]) -> str:
    words = []
    if layer.groups > 1:
        source = by_label.get(layer.inputs[0]) if layer.inputs else None
        shape = source.output_shape if source is not None and len(source.output_shape) > 1 else layer.output_shape
        words.append("dw" if len(shape) > 1 and shape[1] == layer.groups else f"g{layer.groups}")
    if layer.transposed:
        words.append("T")
    return " ".join(words)
