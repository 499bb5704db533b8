"""Attention, in every fused form PyTorch runs: each query position reads all key and value positions."""

from __future__ import annotations

import torch

from rfkit.footprint import Footprint
from rfkit.rules.registry import Result, See, rule
from rfkit.tracing import Call, Value

aten = torch.ops.aten


def _attend(see: See, query: Value, key: Value, value: Value, shape: tuple[int, ...]) -> Footprint | None:
    """(..., L, d) queries with (..., S, d) keys and values: one row of queries, all rows of keys and values."""
    q, k, v = see(query), see(key), see(value)
    parts = [
        None if q is None else q.reduce([-1], keepdim=True),
        None if k is None else k.reduce([-2, -1], keepdim=True),
        None if v is None else v.reduce([-2], keepdim=True),
    ]
    return see.union([_repeat_heads(p, shape) for p in parts], shape)


def _repeat_heads(part: Footprint | None, shape: tuple[int, ...]) -> Footprint | None:
    """Grouped-query attention shares the heads (third dimension from the end) of keys and values among the queries."""
    if part is None or len(shape) < 3 or part.shape[-3] in (1, shape[-3]):
        return part
    heads = part.shape[-3]
    wide = part.unsqueeze(len(part.shape) - 2)
    wide = wide.expand([*part.shape[:-2], shape[-3] // heads, *part.shape[-2:]])
    return wide.reshape((*part.shape[:-3], shape[-3], *part.shape[-2:]))


@rule(
    aten._scaled_dot_product_attention_math,
    aten._scaled_dot_product_cudnn_attention,
    aten._scaled_dot_product_efficient_attention,
    aten._scaled_dot_product_flash_attention,
    aten._scaled_dot_product_flash_attention_for_cpu,
    aten._scaled_dot_product_fused_attention_overrideable,
    aten.scaled_dot_product_attention,
)
def scaled_dot_product_attention(call: Call, see: See) -> Result:
    """``softmax(q @ k.T) @ v``."""
    field = _attend(see, call.args[0], call.args[1], call.args[2], call.output.shape)
    return (field, *(None for _ in call.outputs[1:]))


@rule(aten._native_multi_head_attention)
def multi_head_attention(call: Call, see: See) -> Result:
    """The fused eval path of ``nn.MultiheadAttention``: (N, L, E) each, projections included."""
    q, k, v = (see(arg) for arg in call.args[:3])
    parts = [None if f is None else f.reduce([-1], keepdim=True) for f in (q,)]
    parts += [None if f is None else f.reduce([-2, -1], keepdim=True) for f in (k, v)]
    field = see.union(parts, call.output.shape)
    weights = call.outputs[1] if len(call.outputs) > 1 else None
    if weights is None or field is None or 0 in weights.shape:
        return (field, None)
    rows = field.reduce([-1], keepdim=True)
    rows = rows if len(weights.shape) == 3 else rows.unsqueeze(1)
    return (field, rows.expand(weights.shape))


@rule(aten._transformer_encoder_layer_fwd)
def transformer_encoder_layer(call: Call, see: See) -> Footprint | None:
    """The fused eval path of ``nn.TransformerEncoderLayer``: (N, L, E) in and out."""
    field = see(call.args[0])
    assert field is not None
    return see.union([field.reduce([-1], keepdim=True), field.reduce([-2, -1], keepdim=True)], field.shape)
