"""Shapes of what operators return when what they are given has other shapes than it had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch

from rfkit.tracing import WRITE, Call, Value
from rfkit.tracing.shortcuts import SHORTCUTS

aten = torch.ops.aten

_VIEWS = (aten.view.default, aten._unsafe_view.default, aten.reshape.default)
_DECIDED = {
    aten.add.Tensor, aten.add_.Tensor, aten.addmm.default, aten.avg_pool2d.default, aten.bmm.default, aten.cat.default,
    aten.convolution.default, aten.max_pool2d_with_indices.default, aten.mm.default, aten.mul.Tensor, aten.mul_.Tensor,
    aten.native_batch_norm.default,
}  # fmt: skip
"""Operators whose quick kernel, where it takes some shapes, takes all that fit (but operands that broadcast to each other).

PyTorch's own kernels for most of them import its compiler before they refuse: that takes longer than a whole search.
"""


class Misfit(Exception):  # noqa: N818 - it is an answer, not an error
    """The changes cannot be made, or what follows them does not fit; the argument says why."""


def with_values(arg: Any, change: Callable[[Value], Any]) -> Any:
    """An argument with its values changed."""
    if isinstance(arg, Value):
        return change(arg)
    if isinstance(arg, list) and any([isinstance(a, Value) for a in arg]):
        return [with_values(a, change) for a in arg]
    return arg


def _meta(arg: Any) -> Any:
    if isinstance(arg, Value):
        return torch.empty(arg.shape, dtype=arg.dtype, device="meta")
    if isinstance(arg, list) and any([isinstance(a, Value) for a in arg]):
        return [_meta(a) for a in arg]
    return arg


def shapes_of(call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[tuple[int, ...] | None]:
    """Shapes of what an operator returns, by running it on ``meta``.

    Raises:
        Misfit: if it does not take what it is given.
    """
    if call.op is WRITE:
        return [args[0].shape]
    try:
        result = _run(call, args, kwargs)
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        raise Misfit(f"{call.op} does not take {[v.shape for v in args if isinstance(v, Value)]}") from error
    results = result if isinstance(result, (tuple, list)) else (result,)
    if len(results) != len(call.outputs):
        raise Misfit(f"{call.op} returns {len(results)} tensors, not {len(call.outputs)}")
    return [tuple(r.shape) if isinstance(r, torch.Tensor) else None for r in results]


def _run(call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What an operator returns; PyTorch's own kernel is asked where the quick one does not know."""
    result = _quickly(call.op, args, kwargs)
    if result is not NotImplemented:
        return result
    if call.op in _DECIDED and _quickly(call.op, call.args, call.kwargs) is not NotImplemented:
        raise ValueError("it took the shapes that it was given before, and would take these if they fitted")
    return call.op(*map(_meta, args), **{key: _meta(arg) for key, arg in kwargs.items()})


def _quickly(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    quick = SHORTCUTS.get(op)
    if quick is None:
        return NotImplemented
    return quick(*map(_meta, args), **{key: _meta(arg) for key, arg in kwargs.items()})


def refitted(call: Call, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments of a view whose sizes were worked out from those of its input: worked out anew."""
    if call.op not in _VIEWS or min(args[1], default=0) < 0:
        return args
    return (args[0], reshaped(call.args[0].shape, call.args[1], args[0].shape), *args[2:])


def reshaped(before: Sequence[int], sizes: Sequence[int], after: Sequence[int]) -> list[int]:
    """The sizes of a view whose input has another shape than the one that they were worked out for.

    Dimensions that were merged are merged again; one that changed and was split has no answer.

    Raises:
        Misfit: if there is no answer.
    """
    result: list[int] = []
    i = 0
    for j, size in enumerate(sizes):
        start = i
        i = min(i + 1, len(before))
        while i < len(before) and prod(before[start:i]) < size:
            i += 1
        if j == len(sizes) - 1:
            i = len(before)
        if prod(before[start:i]) == size:
            result.append(prod(after[start:i]))
        elif tuple(before[start:]) == tuple(after[start:]):
            return [*result, *sizes[j:]]
        else:
            raise Misfit(f"a view of {tuple(before)} as {tuple(sizes)} has no like of {tuple(after)}")
    return result
