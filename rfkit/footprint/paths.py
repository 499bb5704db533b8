"""Where paths meet: tensors joined element by element, or put side by side; and what of them is context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rfkit.footprint import layout as layouts
from rfkit.footprint.axis import AxisField
from rfkit.footprint.footprint import Footprint
from rfkit.footprint.joining import concatenate, join
from rfkit.footprint.layout import Layout


def _common_layout(parts: Sequence[Footprint], shape: Sequence[int]) -> Layout:
    """The coarsest layout of a shape in which all parts, broadcast to it, can be expressed."""
    groups = []
    for back in range(len(shape), 0, -1):
        n = shape[-back]
        here = {p.layout[-back] for p in parts if len(p.layout) >= back and p.layout[-back] != (1,)}
        groups.append((n,) if not here else next(iter(here)) if len(here) == 1 else layouts.refine(tuple(sorted(here))))
    return tuple(groups)


def union(parts: Sequence[Footprint], shape: Sequence[int], *, local: bool, cause: int) -> Footprint:
    """What a pointwise operator's result sees: all that its operands see, broadcast to ``shape``.

    ``local``: along an axis where one operand has positions and another has pooled all of them, the other is context: its
    field is left out and ``cause`` noted. Otherwise it counts.
    """
    first = parts[0]
    if all(p is first for p in parts):
        result = first.expand(shape)
        return replace(result, misaligned=False) if result.misaligned else result
    layout = _common_layout(parts, shape)
    context = frozenset[int]().union(*(p.context for p in parts))
    aligned = [p.aligned(layout) for p in parts]
    sizes = layouts.factors(layout)
    axes: list[AxisField | None] = []
    misaligned = False
    for axis in range(len(first.axes)):
        fields, dropped = _local_fields(parts, aligned, axis, local, beside=False)
        if dropped:
            context = context | {cause}
        present = [f for f in fields if f is not None]
        if not present:
            axes.append(None)
            continue
        field, skewed = join(present, sizes) if len(present) > 1 else (present[0], False)
        axes.append(field)
        misaligned = misaligned or skewed
    return Footprint(layout, tuple(axes), context, misaligned)


def concat(
    parts: Sequence[Footprint | None], dim: int, counts: Sequence[int], shape: Sequence[int], *, local: bool, cause: int
) -> Footprint:
    """Tensors side by side along a dimension (None: sees nothing), of ``counts`` units each; local as in ``union``."""
    dim %= len(shape)
    present = [p for p in parts if p is not None]
    present = [p if len(p.layout[dim]) == 1 else p.merge(dim) for p in present]
    around = {(*p.layout[:dim], (1,), *p.layout[dim + 1 :]) for p in present}
    if len(around) == 1:
        layout, aligned = around.pop(), present
    else:
        layout = _common_layout([_without(p, dim) for p in present], (*shape[:dim], 1, *shape[dim + 1 :]))
        aligned = [p.aligned((*layout[:dim], p.layout[dim], *layout[dim + 1 :])) for p in present]
    factor = layouts.spans(layout)[dim][0]
    whole = (*layout[:dim], (shape[dim],), *layout[dim + 1 :])
    sizes = layouts.factors(whole)
    context = frozenset[int]().union(*(p.context for p in present))
    axes: list[AxisField | None] = []
    misaligned = False
    for axis in range(len(present[0].axes)):
        fields, dropped = _local_fields(present, aligned, axis, local, beside=True)
        if dropped:
            context = context | {cause}
        if all(f is None for f in fields):
            axes.append(None)
            continue
        rest = iter(fields)
        field, skewed = concatenate([None if p is None else next(rest) for p in parts], factor, counts, sizes)
        axes.append(field)
        misaligned = misaligned or skewed
    return Footprint(whole, tuple(axes), context, misaligned and not all(p.strided for p in present))


def _without(part: Footprint, dim: int) -> Footprint:
    return Footprint((*part.layout[:dim], (1,), *part.layout[dim + 1 :]), part.axes)


def _local_fields(
    parts: Sequence[Footprint], aligned: Sequence[Footprint], axis: int, local: bool, *, beside: bool
) -> tuple[list[AxisField | None], bool]:
    """The fields along one axis that count where tensors join; and whether one was left out as context.

    ``beside``: they are put side by side, where a slice of a single position counts like any other.
    """
    fields = [p.axes[axis] for p in aligned]
    if not local:
        return fields, False
    moving = [p.has_positions(axis) for p in parts]
    if beside:
        moving = [m or (f is not None and not f.pooled) for m, f in zip(moving, fields, strict=True)]
    if not any(moving):
        return fields, False
    kept = [f if m else None for f, m in zip(fields, moving, strict=True)]
    return kept, any(f is not None and not m for f, m in zip(fields, moving, strict=True))
