"""Operators whose result does not depend on the numbers of what they are given."""

from __future__ import annotations

import torch

from rfkit.rules.registry import See, rule
from rfkit.tracing import Call

aten = torch.ops.aten


@rule(
    aten.bernoulli_,
    aten.empty_like,
    aten.exponential_,
    aten.fill,
    aten.fill_,
    aten.full_like,
    aten.new_empty,
    aten.new_empty_strided,
    aten.new_full,
    aten.new_ones,
    aten.new_zeros,
    aten.normal_,
    aten.ones_like,
    aten.rand_like,
    aten.randint_like,
    aten.randn_like,
    aten.random_,
    aten.sym_size,
    aten.uniform_,
    aten.zero,
    aten.zero_,
    aten.zeros_like,
)
def create(call: Call, see: See) -> tuple[None, ...]:
    """Sees nothing."""
    return (None,) * len(call.outputs)
