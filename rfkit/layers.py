"""From rows and their footprints to the layers of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch

from rfkit import costs
from rfkit.measure import NOTHING, Axis, AxisNumbers, axis_numbers, units
from rfkit.propagate import Fields
from rfkit.report import Layer, PerAxis
from rfkit.rows import Row, Rows, call_name
from rfkit.rules import Window, find
from rfkit.tracing import WRITE, Call, Trace, Value
from rfkit.tracing.places import shown_place

aten = torch.ops.aten


class Numbers:
    """Numbers per footprint, computed once per field."""

    def __init__(self, fields: Fields, axes: Sequence[Axis]) -> None:
        self.fields, self.axes = fields, axes
        self.lengths = tuple(axis.length for axis in axes)
        self.replaced: Mapping[int, tuple[AxisNumbers, ...]] = {}
        self._seen: dict[tuple[int, int], AxisNumbers] = {}

    def of(self, value: Value) -> tuple[AxisNumbers, ...] | None:
        """Per axis; None where the value is unknown."""
        if value.index in self.replaced:
            return self.replaced[value.index]
        footprint = self.fields.known.get(value.index)
        if footprint is None:
            return None if value.index in self.fields.unknown else (NOTHING,) * len(self.lengths)
        result = []
        for axis in self.axes:
            key = (id(footprint.axes[axis.number]), id(footprint.layout))
            if key not in self._seen:
                self._seen[key] = axis_numbers(footprint, axis)
            result.append(self._seen[key])
        return tuple(result)

    def coverage(self, value: Value) -> float | None:
        """Share of the input's area inside the largest extent; of several inputs, those it sees."""
        found = self.of(value)
        if not found:
            return None
        shares = [a.extent / n for a, n in zip(found, self.lengths, strict=True) if a is not NOTHING]
        return round(prod(shares), 6) if shares else 0.0


class Places:
    """Where in the user's code each row is made or runs; nowhere, unless it was asked for.

    ``made`` says it by module name, e.g. ``{"conv1": "net.py:31"}``; None: it was not asked for.
    """

    def __init__(self, trace: Trace, made: Mapping[str, str] | None) -> None:
        self.ran, self.made = trace.places, made

    def of(self, row: Row) -> str | None:
        """``net.py:31``, None where it is not known."""
        if self.made is None:
            return None
        if row.name in self.made:
            return self.made[row.name]
        place = self.ran.get(row.tick)
        return None if place is None else shown_place(place)


def to_layers(
    fields: Fields, rows: Rows, numbers: Numbers, with_units: bool, places: Places, begin: Sequence[Layer] = ()
) -> tuple[Layer, ...]:
    """Fill in every row's numbers; ``begin`` are the layers of the first rows, where they are known already."""
    place_of = {call.tick: i for i, row in enumerate(rows.rows) for call in row.calls}
    rest = (_layer(row, fields, rows, numbers, place_of, with_units, places) for row in rows.rows[len(begin) :])
    return (*begin, *rest)


def _layer(
    row: Row,
    fields: Fields,
    rows: Rows,
    numbers: Numbers,
    place_of: Mapping[int, int],
    with_units: bool,
    places: Places,
) -> Layer:
    found = numbers.of(row.output)
    axes = len(numbers.lengths)
    footprint = fields.known.get(row.output.index)
    window = _window(row)
    causes = sorted(place_of[t] for t in footprint.context if t in place_of) if footprint is not None else []
    return Layer(
        name=row.name,
        call=row.number,
        type=row.type,
        inputs=tuple(rows.label(i) for i in row.inputs),
        output_shape=row.output.shape,
        kernel_size=window.kernel if window else None,
        stride=window.stride if window else None,
        padding=window.padding if window else None,
        dilation=window.dilation if window else None,
        groups=window.groups if window else 1,
        transposed=window.transposed if window else False,
        receptive_field=_per_axis(found, "size", axes),
        receptive_field_min=_per_axis(found, "smallest", axes),
        jump=_per_axis(found, "jump", axes),
        start=_per_axis(found, "start", axes),
        extent=_per_axis(found, "extent", axes),  # type: ignore[arg-type]
        coverage=numbers.coverage(row.output),
        global_=tuple(a.everything for a in found) if found else (False,) * axes,
        context=tuple(dict.fromkeys(rows.label(i) for i in causes)),
        flags=_flags(row, rows, fields, numbers, found),
        unknown=fields.unknown.get(row.output.index),
        params=sum(p.count for p in row.parameters),
        macs=sum(costs.macs(c) for c in row.calls),
        activation_bytes=sum(costs.allocated(c) for c in row.calls),
        operators=_operators(row, fields),
        channels=_channels(row),
        place=places.of(row),
        units=tuple(units(footprint, a, row.output.shape) for a in numbers.axes) if with_units and found else None,
    )


def _operators(row: Row, fields: Fields) -> tuple[str, ...]:
    """Names of the operators that ran on what depends on the input, views left out, each once."""
    ran = (c for c in row.calls if any(v.index in fields.known or v.index in fields.unknown for v in c.inputs))
    names = dict.fromkeys(call_name(c) for c in ran if c.allocates or c.op is WRITE or c.op._schema.is_mutable)
    return tuple(names)


def _channels(row: Row) -> tuple[int, int] | None:
    """Input and output channels of the row's only convolution."""
    found = [c for c in row.calls if c.op is aten.convolution.default]
    if len(found) != 1:
        return None
    return found[0].args[0].shape[1], found[0].output.shape[1]


def _per_axis(found: Sequence[AxisNumbers] | None, name: str, axes: int) -> PerAxis:
    return tuple(getattr(a, name) for a in found) if found else (None,) * axes


def _windows(row: Row) -> list[tuple[Call, Window]]:
    result = []
    for call in row.calls:
        entry = find(call.op)
        window = entry.window(call) if entry is not None and entry.window is not None else None
        if window is not None:
            result.append((call, window))
    return result


def _window(row: Row) -> Window | None:
    """The geometry of the row: its only sliding operator's, with what a pad before it adds."""
    windows = _windows(row)
    pads = [w for c, w in windows if "pad" in call_name(c)]
    real = [w for c, w in windows if "pad" not in call_name(c)]
    if len(real) != 1:
        return pads[0] if len(pads) == 1 and not real else None
    window = real[0]
    for pad in pads:
        if len(pad.padding) == len(window.padding):
            padding = tuple(a + b for a, b in zip(window.padding, pad.padding, strict=True))
            window = Window(window.kernel, window.stride, padding, window.dilation, window.groups, window.transposed)
    return window


def _flags(
    row: Row, rows: Rows, fields: Fields, numbers: Numbers, found: Sequence[AxisNumbers] | None
) -> tuple[str, ...]:
    if found is None:
        return ("unknown",)
    flags = []
    if any(_unproductive(c, numbers) for c in row.calls):
        flags.append("unproductive")
    joined = (fields.known.get(c.outputs[0].index) for c in row.calls if c.outputs and c.outputs[0] is not None)
    if any(f is not None and f.misaligned for f in joined):
        flags.append("misaligned")
    flags.extend(how for how in ("measured", "bound") if any(a.how == how for a in found))
    if any(c is rows.folded for c in row.calls):
        flags.append("space_in_batch")
    return tuple(flags)


def _unproductive(call: Call, numbers: Numbers) -> bool:
    """A convolution whose input sees more than the image on every axis it slides on, by its smallest path (Richter et al. 2021)."""
    if call.op is WRITE or call_name(call)[:4] != "conv" or call.args[6]:
        return False
    found = numbers.of(call.args[0])
    kernel = call.args[1].shape[2:]
    if found is None or len(kernel) != len(found):
        return False
    wide = [(a, n) for a, n, k in zip(found, numbers.lengths, kernel, strict=True) if k > 1]
    return bool(wide) and all(a.smallest > n for a, n in wide)
