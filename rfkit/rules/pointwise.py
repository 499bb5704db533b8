"""Pointwise operators that PyTorch, or its oldest version in use, does not tag as such."""

from __future__ import annotations

import torch

from rfkit.footprint import Footprint, taps
from rfkit.rules.registry import See, pointwise, rule
from rfkit.tracing import Call

aten = torch.ops.aten

rule(
    aten._assert_async,
    aten._fused_dropout,
    aten._prelu_kernel,
    aten._to_copy,
    aten.bernoulli,
    aten.celu_,
    aten.copysign,
    aten.dropout,
    aten.elu_,
    aten.feature_dropout,
    aten.floor_divide,
    aten.hardsigmoid_,
    aten.hardswish,
    aten.hardtanh_,
    aten.ldexp,
    aten.leaky_relu,
    aten.leaky_relu_,
    aten.masked_fill,
    aten.prelu,
    aten.selu_,
    aten.tril,
    aten.triu,
)(pointwise)


@rule(aten.native_dropout, aten.rrelu_with_noise)
def first_output(call: Call, see: See) -> tuple[Footprint | None, ...]:
    """Operators whose second output is a mask."""
    field = pointwise(call, see)
    return tuple(field if i == 0 else None for i in range(len(call.outputs)))


@rule(aten.copy)
def copy(call: Call, see: See) -> Footprint | None:
    """The target takes the source's footprint; what it held is gone."""
    return see.union([see(call.args[1])], call.args[0].shape)


@rule(aten.glu)
def glu(call: Call, see: See) -> Footprint | None:
    """Gated linear unit: the first half of a dimension times a gate made of the second."""
    field, dim = see(call.args[0]), call.argument(1, "dim", -1)
    assert field is not None
    n = field.shape[dim] // 2
    halves = [field.gather(dim, taps.crop(start, 1, n)) for start in (0, n)]
    return see.union(halves, call.output.shape)
