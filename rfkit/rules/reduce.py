"""Reductions: mean, sum, extrema, norms; running sums; sorting."""

from __future__ import annotations

import torch

from rfkit.footprint import taps
from rfkit.rules.registry import Result, See, Window, rule
from rfkit.tracing import Call

aten = torch.ops.aten


def _dims(call: Call) -> list[int]:
    arguments = call.bound()
    dims = arguments.get("dim")
    rank = len(call.args[0].shape)
    if dims is None or dims == []:
        return list(range(rank))
    return [dims % max(rank, 1)] if isinstance(dims, int) else [d % max(rank, 1) for d in dims]


def reduce_window(call: Call) -> Window | None:
    """Over spatial dimensions a reduction is a window as large as the map."""
    shape = call.args[0].shape
    kernel = tuple(shape[d] for d in sorted(_dims(call)) if d >= 2)
    if len(shape) < 3 or len(kernel) != len(shape) - 2:
        return None
    return Window(kernel, kernel, (0,) * len(kernel), (1,) * len(kernel))


@rule(
    aten.all,
    aten.amax,
    aten.amin,
    aten.any,
    aten.argmax,
    aten.argmin,
    aten.count_nonzero,
    aten.linalg_vector_norm,
    aten.logsumexp,
    aten.max,
    aten.mean,
    aten.median,
    aten.min,
    aten.mode,
    aten.nanmean,
    aten.nanmedian,
    aten.nansum,
    aten.norm,
    aten.prod,
    aten.std,
    aten.std_mean,
    aten.sum,
    aten.var,
    aten.var_mean,
    window=reduce_window,
)
def reduce(call: Call, see: See) -> Result:
    """All units along some dimensions become one. ``max(a, b)`` of two tensors is pointwise."""
    if len(call.inputs) == 2:
        return see.union([see(v) for v in call.inputs], call.output.shape)
    field = see(call.args[0])
    assert field is not None
    reduced = field.reduce(_dims(call), keepdim=len(call.output.shape) == len(field.shape))
    return (reduced,) * len(call.outputs)


@rule(aten.cumsum, aten.cumprod, aten.cummax, aten.cummin, aten.logcumsumexp)
def scan(call: Call, see: See) -> Result:
    """Unit u reads all units up to u."""
    field, dim = see(call.args[0]), call.args[1]
    assert field is not None
    field = field.slide(dim, taps.cumulative(field.shape[dim])) if field.varies(dim % len(field.shape)) else field
    return (field,) * len(call.outputs)


@rule(aten.sort, aten.topk, aten.kthvalue, aten.msort, aten.argsort)
def sort(call: Call, see: See) -> Result:
    """Any unit may come from anywhere along the dimension."""
    field = see(call.args[0])
    assert field is not None
    position = {"topk": 2, "kthvalue": 2}.get(call.op.overloadpacket.__name__, 1)
    dim = call.argument(position, "dim", 0 if call.op.overloadpacket is aten.msort else -1)
    dim = call.bound().get("dim", dim) % max(len(field.shape), 1)
    keep = len(call.output.shape) == len(field.shape)
    reduced = field.reduce([dim], keepdim=keep)
    return (reduced.expand(call.output.shape) if keep else reduced,) * len(call.outputs)
