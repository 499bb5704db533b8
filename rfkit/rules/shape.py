"""Operators that move units without mixing them: views, joins, slices, shifts, pads; and writes through views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from rfkit.footprint import Footprint, taps
from rfkit.footprint.taps import Taps
from rfkit.rules.registry import NoRule, Result, See, Window, rule
from rfkit.tracing import WRITE, Call, Value

aten = torch.ops.aten


def _only(call: Call, see: See) -> tuple[Footprint, tuple[int, ...]]:
    field = see(call.args[0])
    assert field is not None
    return field, call.output.shape


@rule(aten.view, aten._unsafe_view, aten.reshape, aten._reshape_alias, aten._reshape_copy)
def view(call: Call, see: See) -> Footprint:
    """Another shape of as many elements; to another dtype of the same size, nothing moves."""
    field, shape = _only(call, see)
    if call.op._overloadname == "dtype" and shape != field.shape:
        raise NoRule("view as a dtype of another size")
    return field.reshape(shape)


@rule(aten.alias, aten.detach, aten.lift_fresh, aten.lift, aten.contiguous, aten.conj, aten._conj, aten.view_as_real)
def same(call: Call, see: See) -> Footprint:
    """The same units (a complex number becomes two)."""
    field, shape = _only(call, see)
    return field if shape == field.shape else field.unsqueeze(len(field.shape)).expand(shape)


@rule(aten.view_as_complex)
def view_as_complex(call: Call, see: See) -> Footprint:
    """Two numbers become one."""
    return _only(call, see)[0].reduce([-1])


@rule(aten.as_strided)
def as_strided(call: Call, see: See) -> Footprint:
    """Known only where it changes the memory format, not the units."""
    field, shape = _only(call, see)
    if shape != field.shape or call.argument(3, "storage_offset", 0):
        raise NoRule("as_strided to another shape")
    return field


@rule(aten.permute)
def permute(call: Call, see: See) -> Footprint:
    """Reorder the dimensions."""
    return _only(call, see)[0].permute(call.args[1])


@rule(aten.transpose, aten.t, aten.swapaxes)
def transpose(call: Call, see: See) -> Footprint:
    """Swap two dimensions."""
    field = _only(call, see)[0]
    return field.permute(_swapped(call, len(field.shape)))


def _swapped(call: Call, rank: int) -> list[int]:
    order = list(range(rank))
    a, b = (call.args[1], call.args[2]) if len(call.args) > 2 else (0, rank - 1)
    if rank:
        order[a], order[b] = order[b], order[a]
    return order


@rule(aten.unsqueeze)
def unsqueeze(call: Call, see: See) -> Footprint:
    """A new dimension of size 1."""
    return _only(call, see)[0].unsqueeze(call.args[1])


@rule(aten.squeeze)
def squeeze(call: Call, see: See) -> Footprint:
    """Drop dimensions of size 1."""
    field = _only(call, see)[0]
    dims = call.argument(1, "dim", range(len(field.shape)))
    return field.squeeze([dims] if isinstance(dims, int) else dims)


@rule(aten.expand)
def expand(call: Call, see: See) -> Footprint:
    """Broadcast."""
    field, shape = _only(call, see)
    return field.expand(shape)


@rule(aten.repeat)
def repeat(call: Call, see: See) -> Footprint | None:
    """Tile each dimension."""
    field, shape = _only(call, see)
    result: Footprint | None = field.expand((*(1 for _ in range(len(shape) - len(field.shape))), *field.shape))
    for d, (n, m) in enumerate(zip(result.shape if result else (), shape, strict=True)):
        if n != m and result is not None:
            if n == 1:
                result = result.expand((*result.shape[:d], m, *result.shape[d + 1 :]))
            else:
                result = result.gather(d, taps.lookup(np.tile(np.arange(n), m // n)))
    return result


@rule(aten.diagonal, aten.diag_embed, aten.diag)
def diagonal(call: Call, see: See) -> Footprint:
    """Not followed."""
    raise NoRule(call.op.overloadpacket.__name__)


@rule(aten.slice)
def slice_(call: Call, see: See) -> Footprint | None:
    """``[start:end:step]`` along a dimension."""
    field, shape = _only(call, see)
    dim = call.argument(1, "dim", 0) % len(shape)
    start, step = _start(call, field.shape[dim]), call.argument(4, "step", 1)
    if start == 0 and step == 1 and shape[dim] == field.shape[dim]:
        return field
    part = field.gather(dim, taps.crop(start, step, shape[dim])) if shape[dim] else None
    return replace(part, strided=True) if part is not None and (step > 1 or field.strided) else part


def _start(call: Call, n: int) -> int:
    start = call.argument(2, "start", 0) or 0
    return min(max(start + n if start < 0 else start, 0), n)


@rule(aten.select)
def select(call: Call, see: See) -> Footprint | None:
    """One index along a dimension."""
    field = _only(call, see)[0]
    dim, n = call.args[1] % len(field.shape), field.shape[call.args[1]]
    one = field.gather(dim, taps.crop(call.args[2] % n, 1, 1))
    return None if one is None else one.reduce([dim])


@rule(aten.narrow)
def narrow(call: Call, see: See) -> Footprint | None:
    """A stretch along a dimension."""
    field, shape = _only(call, see)
    dim = call.args[1] % len(shape)
    return field.gather(dim, taps.crop(call.args[2] % field.shape[dim], 1, shape[dim]))


@rule(aten.split, aten.split_with_sizes, aten.unsafe_split, aten.unsafe_split_with_sizes, aten.chunk, aten.unsafe_chunk)
def split(call: Call, see: See) -> Result:
    """Consecutive stretches along a dimension."""
    field = _only(call, see)[0]
    dim, start, parts = call.argument(2, "dim", 0) % len(field.shape), 0, []
    for size in (v.shape[dim] for v in call.outputs if v is not None):
        parts.append(field.gather(dim, taps.crop(start, 1, size)))
        start += size
    return tuple(parts)


@rule(aten.unbind)
def unbind(call: Call, see: See) -> Result:
    """Every index along a dimension."""
    field = _only(call, see)[0]
    dim = call.argument(1, "dim", 0) % len(field.shape)
    n = field.shape[dim]
    ones = [field.gather(dim, taps.crop(i, 1, 1)) for i in range(n)]
    return tuple(None if one is None else one.reduce([dim]) for one in ones)


@rule(aten.cat, aten.concat)
def cat(call: Call, see: See) -> Footprint | None:
    """Side by side along a dimension; empty operands drop out."""
    dim = call.argument(1, "dim", 0)
    parts = [v for v in call.args[0] if 0 not in v.shape]
    return see.concat([see(v) for v in parts], dim, [v.shape[dim] for v in parts], call.output.shape)


@rule(aten.stack)
def stack(call: Call, see: See) -> Footprint | None:
    """Side by side along a new dimension."""
    dim = call.argument(1, "dim", 0) % len(call.output.shape)
    fields = [see(v) for v in call.args[0]]
    parts = [None if f is None else f.unsqueeze(dim) for f in fields]
    return see.concat(parts, dim, [1] * len(parts), call.output.shape)


@rule(aten.flip)
def flip(call: Call, see: See) -> Footprint | None:
    """Backwards along some dimensions."""
    field: Footprint | None = _only(call, see)[0]
    for dim in call.args[1]:
        if field is not None:
            n = field.shape[dim]
            field = field.gather(dim, taps.crop(n - 1, -1, n))
    return field


@rule(aten.roll)
def roll(call: Call, see: See) -> Footprint | None:
    """Circular shifts; without dimensions, of the flattened tensor."""
    field, shape = _only(call, see)
    shifts, dims = call.args[1], call.argument(2, "dims", [])
    if not dims:
        flat = field.reshape((int(np.prod(shape)),)).gather(0, taps.roll(int(np.prod(shape)), shifts[0]))
        return None if flat is None else flat.reshape(shape)
    result: Footprint | None = field
    for shift, dim in zip(shifts, dims, strict=True):
        if result is not None:
            result = result.gather(dim, taps.roll(result.shape[dim], shift))
    return result


@rule(aten.rot90)
def rot90(call: Call, see: See) -> Footprint | None:
    """Quarter turns: a flip, and a swap of the two dimensions where their number is odd."""
    field: Footprint | None = _only(call, see)[0]
    assert field is not None
    turns, dims = call.argument(1, "k", 1) % 4, call.argument(2, "dims", [0, 1])
    a, b = (d % len(field.shape) for d in dims)
    for dim in {0: [], 1: [b], 2: [a, b], 3: [a]}[turns]:
        if field is not None:
            field = field.gather(dim, taps.crop(field.shape[dim] - 1, -1, field.shape[dim]))
    if field is None or turns % 2 == 0:
        return field
    order = list(range(len(field.shape)))
    order[a], order[b] = order[b], order[a]
    return field.permute(order)


def pad_window(call: Call) -> Window | None:
    """A pad is a window of one unit; what it adds before is its padding."""
    amounts = call.args[1]
    rank = len(amounts) // 2
    return Window((1,) * rank, (1,) * rank, tuple(amounts[2 * (rank - 1 - i)] for i in range(rank)), (1,) * rank)


def _pad(call: Call, see: See, mode: str) -> Footprint | None:
    field: Footprint | None = _only(call, see)[0]
    for i in range(len(call.args[1]) // 2):
        before, after = call.args[1][2 * i : 2 * i + 2]
        if field is not None and (before or after):
            field = field.slide(-1 - i, taps.pad(field.shape[-1 - i], before, after, mode))
    return field


@rule(aten.constant_pad_nd, window=pad_window)
def constant_pad(call: Call, see: See) -> Footprint | None:
    """Units that see nothing around; crops where negative."""
    return _pad(call, see, "constant")


@rule(aten.reflection_pad1d, aten.reflection_pad2d, aten.reflection_pad3d, window=pad_window)
def reflection_pad(call: Call, see: See) -> Footprint | None:
    """Mirrored at the border."""
    return _pad(call, see, "reflect")


@rule(aten.replication_pad1d, aten.replication_pad2d, aten.replication_pad3d, window=pad_window)
def replication_pad(call: Call, see: See) -> Footprint | None:
    """The border repeated."""
    return _pad(call, see, "replicate")


@rule(WRITE)
def write(call: Call, see: See) -> Footprint | None:
    """A base with what a view shows replaced: the view, run backwards."""
    base, part, view_call, index = call.args
    return _write(see(base), see(part), base, view_call, index, see)


def _write(
    field: Footprint | None, part: Footprint | None, base: Value, view_call: Call, index: int, see: See
) -> Footprint | None:
    name = view_call.op.overloadpacket.__name__.rstrip("_")
    rank = len(base.shape)
    if name in ("view", "_unsafe_view", "_reshape_alias", "unsqueeze", "squeeze", "alias", "detach"):
        return None if part is None else part.reshape(base.shape)
    if name == "permute":
        order = [d % rank for d in view_call.args[1]]
        return None if part is None else part.permute([order.index(d) for d in range(rank)])
    if name in ("transpose", "t"):
        return None if part is None else part.permute(_swapped(view_call, rank))
    if name == "as_strided" and view_call.outputs[0] is not None and view_call.outputs[0].shape == base.shape:
        return part
    dim, places = _region(view_call, base.shape, index, name)
    if part is not None and name in ("select", "unbind"):
        part = part.unsqueeze(dim)
    return place(field, part, dim, places, base.shape, see)


def _region(view_call: Call, shape: Sequence[int], index: int, name: str) -> tuple[int, list[int]]:
    """The dimension a slicing view cuts, and the indices it shows."""
    if name == "slice":
        dim = view_call.argument(1, "dim", 0) % len(shape)
        start, step = _start(view_call, shape[dim]), view_call.argument(4, "step", 1)
        return dim, [start + step * i for i in range(view_call.output.shape[dim])]
    if name == "select":
        dim = view_call.args[1] % len(shape)
        return dim, [view_call.args[2] % shape[dim]]
    if name == "unbind":
        return view_call.argument(1, "dim", 0) % len(shape), [index]
    if name in ("split", "split_with_sizes", "chunk"):
        dim = view_call.argument(2, "dim", 0) % len(shape)
        sizes = [v.shape[dim] for v in view_call.outputs if v is not None]
        return dim, list(range(sum(sizes[:index]), sum(sizes[: index + 1])))
    raise NoRule(f"a write through {name}")


def place(
    field: Footprint | None, part: Footprint | None, dim: int, places: list[int], shape: tuple[int, ...], see: See
) -> Footprint | None:
    """Put ``part`` at some indices of a dimension, the rest of ``field`` around it."""
    n, m = shape[dim], len(places)
    if m == n:
        return part
    if m == 0:
        return field
    if field is None and part is None:
        return None
    if field is None and part is not None:
        step = places[1] - places[0] if m > 1 else 1
        if step == 1:
            return part.slide(dim, taps.pad(m, places[0], n - m - places[0], "constant"))
    doubled = see.concat([field, part], dim, [n, m], (*shape[:dim], n + m, *shape[dim + 1 :]))
    table = np.arange(n)
    table[places] = n + np.arange(m)
    if doubled is None:
        return None
    at_border = (
        field is not None and 2 * m <= n and (places[0] == 0 or places[-1] == n - 1) and places[-1] - places[0] == m - 1
    )
    if at_border and field is not None:
        return doubled.slide(dim, Taps(table[:, None], None, 1, 0, 0)).with_lines_of(field)  # type: ignore[union-attr]
    return doubled.slide(dim, taps.lookup(table))
