"""Indexing: with constant tables it moves units, with tables made from the input it cannot be decided."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from rfkit.footprint import Footprint, taps
from rfkit.rules.registry import NoNumbers, NoRule, See, rule
from rfkit.rules.shape import place
from rfkit.tracing import Call, Value

aten = torch.ops.aten


def _constant(call: Call, see: See, value: Value) -> NDArray[np.int64]:
    name = call.op.overloadpacket.__name__
    if see(value) is not None:
        raise NoRule(f"{name} by an index computed from the input")
    numbers = see.constant(value)
    if numbers is None:
        raise NoNumbers(f"{name} by an index whose numbers are not at hand")
    return numbers


@rule(aten.index)
def index(call: Call, see: See) -> Footprint | None:
    """``x[i, :, j]``: gathers along the indexed dimensions together."""
    field, tables = see(call.args[0]), call.args[1]
    if field is None:
        fields = [see(t) for t in tables if t is not None]
        return _beside_index(see, [f for f in fields if f is not None], tables, call.output.shape)
    dims = [d for d, table in enumerate(tables) if table is not None]
    if any(table.dtype in (torch.bool, torch.uint8) for table in tables if table is not None):
        return _mask(call, see, field, dims)
    constants = [_constant(call, see, tables[d]) % field.shape[d] for d in dims]
    joint = list(np.broadcast_arrays(*constants))
    adjacent = dims == list(range(dims[0], dims[-1] + 1))
    if len(dims) == 1:
        moved = field.gather(dims[0], taps.lookup(joint[0].reshape(-1)))
        return None if moved is None else moved.reshape(call.output.shape)
    if all(not field.varies(d) for d in dims):
        flat = field.reduce(dims)
        at = dims[0] if adjacent else 0
        for i, n in enumerate(joint[0].shape):
            flat = flat.unsqueeze(at + i).expand((*flat.shape[: at + i], n, *flat.shape[at + i :]))
        return flat
    return _jointly(field, dims, joint, call.output.shape, dims[0] if adjacent else 0)


def _beside_index(
    see: See, fields: list[Footprint], tables: list[Value | None], shape: tuple[int, ...]
) -> Footprint | None:
    """A constant table read at places that depend on the input: each unit sees what its index sees."""
    if tables[0] is None:
        raise NoRule("index of a constant along later dimensions by an index computed from the input")
    indexed = [t for t in tables if t is not None]
    rank = max(len(t.shape) for t in indexed)
    wide = [f.reshape((*f.shape, *(1 for _ in range(len(shape) - rank)))) for f in fields]
    return see.union(list(wide), shape)


def _mask(call: Call, see: See, field: Footprint, dims: list[int]) -> Footprint | None:
    mask = _constant(call, see, call.args[1][dims[0]])
    if len(dims) > 1:
        raise NoRule("index by several masks")
    merged = field.reshape((*field.shape[: dims[0]], mask.size, *field.shape[dims[0] + mask.ndim :]))
    return merged.gather(dims[0], taps.lookup(np.flatnonzero(mask)))


def _jointly(
    field: Footprint,
    dims: list[int],
    joint: list[NDArray[np.int64]],
    shape: tuple[int, ...],
    at: int,
) -> Footprint | None:
    """Bring the indexed dimensions together, flatten them, gather, and put the result where PyTorch does."""
    rest = [d for d in range(len(field.shape)) if d not in dims]
    sizes = [field.shape[d] for d in dims]
    flat = np.ravel_multi_index(joint, sizes).reshape(-1)
    front = field.permute([*dims, *rest]).reshape((int(np.prod(sizes)), *(field.shape[d] for d in rest)))
    moved = front.slide(0, taps.lookup(flat))
    if moved is None:
        return None
    order = [*range(1, at + 1), 0, *range(at + 1, len(rest) + 1)]
    return moved.permute(order).reshape(shape)


@rule(aten.index_put)
def index_put(call: Call, see: See) -> Footprint | None:
    """``x[i, j] = values`` with constant indices: the indexed dimensions flattened, written, and folded back."""
    target, tables, values = call.args[:3]
    field, part, shape = see(target), see(values), target.shape
    if field is None and part is None:
        return None
    dims = [d for d, table in enumerate(tables) if table is not None]
    rest = [d for d in range(len(shape)) if d not in dims]
    order, sizes = [*dims, *rest], [shape[d] for d in dims]
    if len(dims) == 1 and tables[dims[0]].dtype == torch.bool and len(tables[dims[0]].shape) == 1:
        places = np.flatnonzero(_constant(call, see, tables[dims[0]]))
    elif any(tables[d].dtype == torch.bool for d in dims):
        raise NoRule("index_put by a mask of several dimensions")
    else:
        joint = np.broadcast_arrays(*(_constant(call, see, tables[d]) % shape[d] for d in dims))
        places = np.ravel_multi_index(joint, sizes).reshape(-1)
        if joint[0].ndim != 1 and part is not None:
            raise NoRule("index_put of values by indices of several dimensions")
    flat = (int(np.prod(sizes)), *(shape[d] for d in rest))
    if part is not None:
        front = dims[0] if dims == list(range(dims[0], dims[-1] + 1)) else 0
        wide = part.expand([*(shape[d] for d in rest[:front]), len(places), *(shape[d] for d in rest[front:])])
        part = wide.permute([front, *range(front), *range(front + 1, len(rest) + 1)])
        if call.argument(3, "accumulate", False) and field is not None:
            raise NoRule("index_put that accumulates")
    whole = None if field is None else field.permute(order).reshape(flat)
    written = place(whole, part, 0, places.tolist(), flat, see)
    if written is None:
        return None
    return written.reshape([shape[d] for d in order]).permute([order.index(d) for d in range(len(shape))])


@rule(aten.index_select)
def index_select(call: Call, see: See) -> Footprint | None:
    """A gather along one dimension."""
    field = see(call.args[0])
    if field is None:
        raise NoRule("index_select by an index computed from the input")
    dim = call.args[1] % len(field.shape)
    return field.gather(dim, taps.lookup(_constant(call, see, call.args[2]).reshape(-1) % field.shape[dim]))


@rule(aten.gather)
def gather(call: Call, see: See) -> Footprint | None:
    """Element by element along one dimension; decided where the table is the same in all others."""
    field = see(call.args[0])
    if field is None:
        return see.union([see(call.args[2])], call.output.shape)
    dim = call.args[1] % len(field.shape)
    if not field.varies(dim) and see(call.args[2]) is None:
        return field.relabel(dim, call.output.shape[dim]) if call.output.shape[:dim] == field.shape[:dim] else None
    table = np.moveaxis(_constant(call, see, call.args[2]), dim, 0)
    row = table.reshape(table.shape[0], -1)[:, 0]
    same = (table == row.reshape(-1, *(1 for _ in table.shape[1:]))).all()
    rest_equal = all(a == b for d, (a, b) in enumerate(zip(call.output.shape, field.shape, strict=True)) if d != dim)
    if not same or not rest_equal:
        raise NoRule("gather by a table that differs between positions")
    return field.gather(dim, taps.lookup(row))


@rule(aten.embedding)
def embedding(call: Call, see: See) -> Footprint | None:
    """Each vector sees what its index sees."""
    field = see(call.args[1])
    if field is None:
        raise NoRule("embedding of a table computed from the input")
    return field.unsqueeze(len(field.shape)).expand(call.output.shape)


@rule(
    aten.index_add,
    aten.index_copy,
    aten.masked_scatter,
    aten.masked_select,
    aten.max_unpool2d,
    aten.max_unpool3d,
    aten.nonzero,
    aten.scatter,
    aten.scatter_add,
    aten.scatter_reduce,
    aten.grid_sampler_2d,
    aten.grid_sampler_3d,
    aten.unique_consecutive,
    aten._unique2,
)
def data_dependent(call: Call, see: See) -> Footprint | None:
    """Where these read or write depends on numbers: not decided."""
    raise NoRule(f"{call.op.overloadpacket.__name__} (which units it reads depends on the data)")
