"""Normalisation and softmax: statistics over some dimensions, given back to every unit of them."""

from __future__ import annotations

from collections.abc import Collection

import torch

from rfkit.footprint import Footprint
from rfkit.rules.registry import Result, See, present, rule
from rfkit.tracing import Call, Value

aten = torch.ops.aten


def _spread(call: Call, see: See, dims: Collection[int]) -> Result:
    field = see(call.args[0])
    if field is not None:
        field = field.spread(dims, see.local, see.cause)
    others = [see(v) for v in call.inputs if v is not call.args[0]]
    if any(o is not None for o in others):
        field = see.union([field, *(_beside(o, call.args[0]) for o in others)], call.args[0].shape)
    return (field, *(None for _ in call.outputs[1:]))


def _beside(field: Footprint | None, source: Value) -> Footprint | None:
    """A per-channel weight or statistic, brought beside the channels of what it scales."""
    if field is None or len(field.shape) != 1 or len(source.shape) < 3 or field.shape[0] != source.shape[1]:
        return field
    return field.reshape((1, field.shape[0], *(1 for _ in source.shape[2:])))


@rule(
    aten._batch_norm_no_update,
    aten._native_batch_norm_legit,
    aten._native_batch_norm_legit_no_training,
    aten.cudnn_batch_norm,
    aten.miopen_batch_norm,
    aten.native_batch_norm,
)
def batch_norm(call: Call, see: See) -> Result:
    """Pointwise with running statistics; with those of the batch (instance norm too) every position counts."""
    arguments = call.bound()
    uses_batch = arguments.get("training", arguments.get("train", False))
    rank = len(call.args[0].shape)
    return _spread(call, see, [d for d in range(rank) if d != 1] if uses_batch else [])


@rule(*present("native_layer_norm", "_fused_rms_norm", "rms_norm"))
def layer_norm(call: Call, see: See) -> Result:
    """Statistics over the last dimensions."""
    return _spread(call, see, range(-len(call.args[1]), 0))


@rule(aten.native_group_norm)
def group_norm(call: Call, see: See) -> Result:
    """Statistics over the channels of a group and all positions."""
    field, groups = see(call.args[0]), call.args[6]
    if field is not None:
        n, c, *rest = field.shape
        split = field.reshape((n, groups, c // groups, *rest))
        field = split.spread(range(2, 3 + len(rest)), see.local, see.cause).reshape(field.shape)
    return (field, *(None for _ in call.outputs[1:]))


@rule(aten._softmax, aten._log_softmax, aten._safe_softmax)
def softmax(call: Call, see: See) -> Footprint | None:
    """Each unit is divided by a sum over its dimension."""
    field = see(call.args[0])
    assert field is not None
    return field.spread([call.args[1]], see.local, see.cause) if field.shape else field
