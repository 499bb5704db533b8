"""Products: each output unit reads a row of one operand and a column of the other."""

from __future__ import annotations

import torch

from rfkit.footprint import Footprint
from rfkit.rules.registry import See, rule
from rfkit.tracing import Call, Value

aten = torch.ops.aten


def _product(see: See, a: Value, b: Value, shape: tuple[int, ...], extra: Footprint | None = None) -> Footprint | None:
    """(..., i, k) @ (..., k, j): row i of ``a`` and column j of ``b``."""
    rows, columns = see(a), see(b)
    parts = [
        None if rows is None else rows.reduce([-1], keepdim=True),
        None if columns is None else columns.reduce([-2], keepdim=True),
        extra,
    ]
    return see.union(parts, shape)


@rule(aten.mm, aten.bmm)
def matmul(call: Call, see: See) -> Footprint | None:
    """Matrix product."""
    return _product(see, call.args[0], call.args[1], call.output.shape)


@rule(aten._addmm_activation, aten.addmm, aten.baddbmm)
def add_matmul(call: Call, see: See) -> Footprint | None:
    """``input + a @ b``."""
    return _product(see, call.args[1], call.args[2], call.output.shape, see(call.args[0]))


@rule(aten.linear, aten.mkldnn_linear)
def linear(call: Call, see: See) -> Footprint | None:
    """``input @ weight.T``: the last dimension is mixed."""
    field, weight = see(call.args[0]), see(call.args[1])
    parts = [None if field is None else field.reduce([-1], keepdim=True)]
    if weight is not None:
        parts.append(weight.reduce([-1]))
    return see.union(parts, call.output.shape)


@rule(aten.mv, aten.dot, aten.vdot, aten.addmv)
def vector_product(call: Call, see: See) -> Footprint | None:
    """Products with a vector."""
    *extra, a, b = list(call.inputs)
    fields = [see(a), see(b)]
    parts = [None if f is None else f.reduce([-1]) for f in fields]
    return see.union([*parts, *(see(e) for e in extra)], call.output.shape)


@rule(aten._trilinear)
def trilinear(call: Call, see: See) -> Footprint | None:
    """``nn.Bilinear``: the product of three tensors, each given its missing dimensions, summed over some."""
    operands, expands, summed = call.args[:3], call.args[3:6], call.args[6]
    parts: list[Footprint | None] = []
    rank = len(operands[0].shape) + len(expands[0])
    shape = [1] * rank
    for operand, expand in zip(operands, expands, strict=True):
        sizes = list(operand.shape)
        for d in sorted(expand):
            sizes.insert(d, 1)
        shape = [max(n, m) for n, m in zip(shape, sizes, strict=True)]
        field = see(operand)
        parts.append(None if field is None else field.reshape(sizes))
    joined = see.union(parts, tuple(shape))
    return None if joined is None else joined.reduce(summed)
