"""A network as it is looked at before anything is changed: its record, its fields, its report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from rfkit.forward import Subject, run
from rfkit.input_axes import Grid, input_grid
from rfkit.layers import Numbers
from rfkit.measure import AxisNumbers
from rfkit.propagate import Fields, propagate
from rfkit.report import Report
from rfkit.rows import Rows, build_rows
from rfkit.tracing import Trace, Value

SPREAD = 1000
"""How far apart two things that happened are set, so that others fit in between."""

ENTER, CALL, EXIT = 1, 0, 2
"""What happened: a module call began, an operator ran, a module call ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network and everything that predictions start from.

    Attributes:
        model: the network, which nothing changes.
        dtype: type of its weights.
        strict: whether context counts.
        report: what ``rfkit.trace`` says of it.
        trace: its record, with the order of everything that happened ``SPREAD`` apart.
        events: everything that happened: when, what, and its place among the calls or the module calls of the record.
        grid: the axes, and the fields of the inputs.
        fields: what every tensor sees.
        rows: what happened, sorted into rows.
        numbers: what the tensors that the rows made see, as numbers, by value index.
        values: more than any value's index.
        readers: by value index, the places among the events at which it is read.
        owned: by module call, the places among the events of the operators that ran straight in it.
    """

    model: nn.Module
    dtype: torch.dtype
    strict: bool
    report: Report
    trace: Trace
    events: tuple[tuple[int, int, int], ...]
    grid: Grid
    fields: Fields
    rows: Rows
    numbers: Mapping[int, tuple[AxisNumbers, ...]]
    values: int
    readers: Mapping[int, Sequence[int]]
    owned: Mapping[int, Sequence[int]]


def look_at(model: nn.Module, report: Report, rebuild: Callable[[], nn.Module] | None = None) -> Network:
    """Record a network once more, under the conditions of a report on it.

    Args:
        model: the network.
        report: what ``rfkit.trace`` says of it at one input shape.
        rebuild: makes it with real weights, for a forward that reads values.
    """
    strict = report.strict
    subject = Subject.of(model, rebuild)
    recorded, _ = run(subject, torch.empty(report.input_shape, device="meta"), report.device)
    spread = _spread(recorded)
    grid = input_grid(subject.ranks, spread)
    fields = propagate(spread, grid.roots, local=not strict)
    rows = build_rows(spread, fields)
    made = Numbers(fields, grid.axes)
    ends = (*spread.inputs, *spread.outputs, *(row.output for row in rows.rows))
    numbers = {v.index: found for v in ends if (found := made.of(v)) is not None}
    values = 1 + max(v.index for v in _values(spread))
    events = _events(spread)
    return Network(
        model=model,
        dtype=subject.dtype,
        strict=strict,
        report=report,
        trace=spread,
        events=events,
        grid=grid,
        fields=fields,
        rows=rows,
        numbers=numbers,
        values=values,
        readers=_readers(spread, events),
        owned=_owned(spread, events),
    )


def _spread(recorded: Trace) -> Trace:
    return replace(
        recorded,
        calls=tuple(replace(call, tick=call.tick * SPREAD) for call in recorded.calls),
        modules=tuple(replace(m, enter=m.enter * SPREAD, exit=m.exit * SPREAD) for m in recorded.modules),
        places={},
    )


def _events(recorded: Trace) -> tuple[tuple[int, int, int], ...]:
    calls = [(call.tick, CALL, i) for i, call in enumerate(recorded.calls)]
    enters = [(module.enter, ENTER, i) for i, module in enumerate(recorded.modules)]
    exits = [(module.exit, EXIT, i) for i, module in enumerate(recorded.modules)]
    return tuple(sorted([*calls, *enters, *exits]))


def _readers(recorded: Trace, events: Sequence[tuple[int, int, int]]) -> dict[int, list[int]]:
    readers: defaultdict[int, list[int]] = defaultdict(list)
    for place, (_, kind, i) in enumerate(events):
        if kind == CALL:
            read = recorded.calls[i].inputs
        else:
            read = recorded.modules[i].inputs if kind == ENTER else recorded.modules[i].outputs
        for index in {v.index for v in read}:
            readers[index].append(place)
    return dict(readers)


def _owned(recorded: Trace, events: Sequence[tuple[int, int, int]]) -> dict[int, list[int]]:
    owned: defaultdict[int, list[int]] = defaultdict(list)
    for place, (_, kind, i) in enumerate(events):
        if kind == CALL:
            owned[recorded.calls[i].scope].append(place)
    return dict(owned)


def _values(recorded: Trace) -> list[Value]:
    made = [v for call in recorded.calls for v in (*call.inputs, *call.outputs) if v is not None]
    return [*recorded.inputs, *made]
