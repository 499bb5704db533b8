"""What a call costs: multiply-accumulates and bytes. One multiply-accumulate counts once; bias and pointwise work do not.

A transposed convolution is counted by its *input* positions, attention with both of its products, and a fused attention
with its projections.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch

from rfkit.tracing import WRITE, Call

aten = torch.ops.aten


def macs(call: Call) -> int:
    """Multiply-accumulates of one operator call; 0 for operators that make no products of sums."""
    if call.op is WRITE:
        return 0
    formula = _FORMULAS.get(call.op.overloadpacket)
    return formula(call) if formula else 0


def allocated(call: Call) -> int:
    """Bytes of new memory that one operator call writes its results to."""
    return sum(v.nbytes for v in call.outputs if v is not None) if call.allocates else 0


def _convolution(call: Call) -> int:
    """Positions * output channels * input channels per group * kernel; positions of the input when transposed."""
    source, weight, transposed = call.args[0], call.args[1], call.args[6]
    positions = source.shape[2:] if transposed else call.output.shape[2:]
    return int(source.shape[0] * prod(positions) * prod(weight.shape))


def _product(first: int) -> Callable[[Call], int]:
    def count(call: Call) -> int:
        """(..., i, k) @ (..., k, j): i * j * k."""
        a, b = call.args[first], call.args[first + 1]
        return int(prod(a.shape) * (b.shape[-1] if len(b.shape) > 1 else 1))

    return count


def _linear(call: Call) -> int:
    return int(prod(call.args[0].shape) * call.args[1].shape[0])


def _attention(call: Call) -> int:
    """(..., L, d), (..., S, d), (..., S, e): q @ k.T and weights @ v."""
    query, key, value = call.args[:3]
    return int(prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1]))


def _multi_head_attention(call: Call) -> int:
    """Projections of queries, keys, values and output, and both products: (N, L, E)."""
    (n, length, width), other = call.args[0].shape, call.args[1].shape[1]
    return int(n * 2 * width * (length * width + other * width + length * other))


def _encoder_layer(call: Call) -> int:
    """Self-attention as above, then the two linear layers."""
    arguments = call.bound()
    n, length, width = arguments["src"].shape
    attention = n * (4 * length * width * width + 2 * length * length * width)
    return int(attention + 2 * n * length * width * arguments["ffn_weight_1"].shape[0])


_FORMULAS: dict[object, Callable[[Call], int]] = {
    aten.convolution: _convolution,
    aten.mm: _product(0),
    aten.bmm: _product(0),
    aten.mv: _product(0),
    aten.dot: _product(0),
    aten.addmm: _product(1),
    aten.addmv: _product(1),
    aten.baddbmm: _product(1),
    aten._addmm_activation: _product(1),
    aten.linear: _linear,
    aten.mkldnn_linear: _linear,
    aten._scaled_dot_product_attention_math: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_fused_attention_overrideable: _attention,
    aten._native_multi_head_attention: _multi_head_attention,
    aten._transformer_encoder_layer_fwd: _encoder_layer,
}
