"""Sizes that have no closed form (windows of attention, grids that disagree), measured where no border clips them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from rfkit.forward import Subject, record
from rfkit.input_axes import input_grid
from rfkit.layers import Numbers
from rfkit.measure import AxisNumbers
from rfkit.propagate import propagate
from rfkit.rows import Rows, build_rows
from rfkit.tracing import ForwardError


def measure_interior(
    subject: Subject, rows: Rows, numbers: Numbers, shape: Sequence[int], strict: bool
) -> dict[int, tuple[AxisNumbers, ...]]:
    """Trace again on an image a whole number of times larger than ``shape`` and look at the units away from its border.

    Returns, by value index, numbers of those rows without a closed form that are found again there; nothing where every row
    has one, or where the model does not accept a larger image.
    """
    open_rows = [r for r in rows.rows if any(a.how != "exact" and not a.everything for a in numbers.of(r.output) or ())]
    if not open_rows:
        return {}
    sizes = [a.size for r in open_rows for a in numbers.of(r.output) or ()]
    times = int(max(sizes) // min(numbers.lengths)) + 2
    larger = list(shape)
    for axis in numbers.axes:
        larger[axis.dim] = axis.length * times
    try:
        again = record(subject.model, torch.empty(larger, device="meta"), subject.dtype, "meta")
    except ForwardError:
        return {}
    grid = input_grid(subject.ranks, again)
    fields = propagate(again, grid.roots, local=not strict)
    found = {r.label: r.output for r in build_rows(again, fields).rows}
    measured = Numbers(fields, grid.axes)
    result = {}
    for row in open_rows:
        there = measured.of(found[row.label]) if row.label in found else None
        here = numbers.of(row.output)
        if there is not None and here is not None:
            result[row.output.index] = tuple(_settled(a, b) for a, b in zip(here, there, strict=True))
    return result


def _settled(here: AxisNumbers, there: AxisNumbers) -> AxisNumbers:
    if here.how == "exact" or not there.interior:
        return here
    return replace(here, size=there.interior, smallest=min(there.smallest, there.interior), how="measured")
