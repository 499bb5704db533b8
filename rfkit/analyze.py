"""The façade: a model and an input become a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from rfkit import costs, gridding
from rfkit.errors import InputError
from rfkit.forward import Subject, candidates, record, run
from rfkit.input_axes import input_grid
from rfkit.interior import measure_interior
from rfkit.layers import Numbers, Places, to_layers
from rfkit.measure import AxisNumbers
from rfkit.propagate import Fields, propagate
from rfkit.reached import reached
from rfkit.report import Layer, PerAxis, Report, Totals
from rfkit.rows import Rows, build_rows
from rfkit.tracing import Trace, Value, tensors_in


def trace(
    model: nn.Module,
    input_shape: Sequence[int] | None = None,
    *,
    example_inputs: Any = None,
    strict: bool = False,
    units: bool = False,
    holes: bool = False,
    device: str = "meta",
    target: str | None = None,
    rebuild: Callable[[], nn.Module] | None = None,
    places: Mapping[str, str] | None = None,
) -> Report:
    """Run a model once, without numbers, and say what every layer sees and costs.

    The model comes back exactly as it was. It is traced in eval mode.

    Args:
        model: any PyTorch module; its weights may be real or on ``meta``.
        input_shape: ``(N, C, *spatial)``, or ``(C, *spatial)`` for a batch of one.
        example_inputs: instead of a shape: a tensor, or a tuple of the forward's arguments (tensors in any nesting), or a
            dict of its keyword arguments.
        strict: count context (squeeze-and-excitation gates, norms over space, pooled branches) as part of the field.
        units: also list what each single unit sees (``Layer.units``).
        holes: also list the positions that each layer's centre unit reaches (``Layer.reached``), with ``units`` those of each
            unit where some skip any (``Layer.runs``).
        device: "meta", or "cpu" to run with real numbers. Where a forward reads values the trace goes to the CPU by itself
            and the report says so.
        target: what to call the model in the report; its class name by default.
        rebuild: makes the model with real weights, for a ``meta`` model whose forward reads values.
        places: fill ``Layer.place``: ``net.py:31`` by module name, the network itself under the empty name; the rest is where
            the forward runs it.

    Returns:
        The report; sizes in input pixels, one entry per spatial axis.

    Raises:
        InputError: if the shape is malformed, the forward refuses it, or no tensor comes out.
    """
    began = time.perf_counter()
    subject = Subject.of(getattr(model, "_orig_mod", model), rebuild, places is not None)
    name = target or type(subject.model).__name__
    inputs, recorded, notes = _record(subject, input_shape, example_inputs, device)
    if not recorded.outputs:
        raise InputError(f"{name} returns no tensor: its forward must return one, or a tuple or dict of them")
    grid = input_grid(subject.ranks, recorded)
    fields = propagate(recorded, grid.roots, local=not strict)
    if fields.wants_numbers:
        recorded, notes = _record_with_numbers(subject, inputs, recorded, notes)
        grid = input_grid(subject.ranks, recorded)
        fields = propagate(recorded, grid.roots, local=not strict)
    rows = build_rows(recorded, fields)
    numbers = Numbers(fields, grid.axes)
    shape = next((tuple(t.shape) for t in tensors_in(inputs)), ())
    if input_shape is not None and recorded.device == "meta":
        numbers.replaced = measure_interior(subject, rows, numbers, shape, strict)
    layers = to_layers(fields, rows, numbers, units, Places(recorded, places))
    totals = to_totals(recorded, fields, rows, numbers, layers)
    if holes or gridding.possible(layers, totals.features):
        made = [row.output for row in rows.rows]
        sets = reached(recorded, grid, fields, made, local=not strict, every=holes and units)
        layers = gridding.marked(layers, sets, totals.features, keep=holes)
    return Report(
        target=name,
        input_shape=shape,
        spatial=numbers.lengths,
        device=recorded.device,
        strict=strict,
        layers=layers,
        totals=totals,
        notes=tuple(notes),
        place=(places or {}).get(""),
        seconds=time.perf_counter() - began,
    )


def _record(
    subject: Subject, input_shape: Sequence[int] | None, example_inputs: Any, device: str
) -> tuple[Any, Trace, list[str]]:
    """The first of the inputs meant that the forward accepts, and its record."""
    if (input_shape is None) == (example_inputs is None):
        raise InputError("give either an input shape such as (1, 3, 32, 32) or example inputs")
    meant = candidates(subject.ranks, input_shape) if input_shape is not None else [example_inputs]
    first: InputError | None = None
    for inputs in meant:
        try:
            return inputs, *run(subject, inputs, device)
        except InputError as error:
            first = first or error
    assert first is not None
    raise first


def _record_with_numbers(subject: Subject, inputs: Any, trace: Trace, notes: list[str]) -> tuple[Trace, list[str]]:
    """Record again so that the numbers of indices are at hand: those written as lists, else all, on the CPU."""
    if trace.device != "meta":
        return trace, notes
    again = record(subject.model, inputs, subject.dtype, "meta", keep_indices=True, places=subject.places)
    grid = input_grid(subject.ranks, again)
    if not propagate(again, grid.roots, local=True).wants_numbers:
        return again, notes
    try:
        return run(subject, inputs, "cpu", "an index' numbers decide what is seen")
    except InputError:
        return again, notes


def to_totals(record: Trace, fields: Fields, rows: Rows, numbers: Numbers, layers: Sequence[Layer]) -> Totals:
    """The figures of the whole network, from its trace and its rows."""
    output = _main_output(record.outputs, numbers)
    found = numbers.of(output)
    features = rows.features.get(output.index, output)
    last = numbers.of(features)
    makers = rows.makers.get(features.index, ())
    depends = (c for c in record.calls if any(v is not None and v.index in fields.known for v in c.outputs))
    return Totals(
        params=record.inventory.parameters,
        trainable_params=record.inventory.trainable,
        buffers=record.inventory.buffers,
        macs=sum(layer.macs for layer in layers),
        activation_bytes=sum(costs.allocated(c) for c in depends),
        receptive_field=_sizes(found, "size", numbers),
        receptive_field_min=_sizes(found, "smallest", numbers),
        receptive_field_features=_sizes(last, "size", numbers),
        jump_features=_sizes(last, "jump", numbers),
        features=rows.label(max(makers)) if makers else None,
        outputs=tuple(rows.label(max(m)) if (m := rows.makers.get(v.index)) else None for v in record.outputs),
        output_shapes=tuple(v.shape for v in record.outputs),
        coverage=numbers.coverage(output),
        unused_modules=_unused(record),
    )


def _sizes(found: Sequence[AxisNumbers] | None, name: str, numbers: Numbers) -> PerAxis:
    return tuple(getattr(a, name) for a in found) if found else (None,) * len(numbers.lengths)


def _main_output(outputs: Iterable[Value], numbers: Numbers) -> Value:
    """The output that sees most; the first of those."""
    return max(outputs, key=lambda v: sum(a.size for a in numbers.of(v) or ()))


def _unused(record: Trace) -> tuple[str, ...]:
    """Leaf modules that were neither called nor had a parameter or buffer read; empty containers do not count."""
    called = {m.name for m in record.modules}
    read = {p.owner for p in record.parameters.values()}
    containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
    return tuple(
        name
        for name, kind in record.leaves.items()
        if name and name not in called and name not in read and not issubclass(kind, containers)
    )
