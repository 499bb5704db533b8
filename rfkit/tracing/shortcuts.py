"""Quick ``meta`` kernels for the commonest operators, where the result's shape, type and strides are plain to see.

Many of PyTorch's own ``meta`` kernels are Python and take 50 to 200 microseconds, most of what a trace takes. Each function here
takes the operator's arguments and returns what it would, or ``NotImplemented`` for any case that is not plain (memory formats,
broadcasting to new shapes, mixed types, sizes that do not fit): then PyTorch's kernel runs, and raises its own error.
Batch norm's saved statistics, which only training makes, have no elements, as on other devices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten

_FULL = (torch.float32, torch.float64)
"""Types whose norms keep statistics of the same type."""


def _dense(*tensors: Tensor) -> bool:
    """Whether all are contiguous floating-point tensors of one type on ``meta``."""
    dtype = tensors[0].dtype
    return dtype.is_floating_point and all([t.is_meta and t.dtype == dtype and t.is_contiguous() for t in tensors])


def _unary(x: Tensor, *_: Any, **__: Any) -> Any:
    return x.new_empty(x.shape) if _dense(x) else NotImplemented


def _scaled(x: Tensor, factor: Any) -> Any:
    return _unary(x) if isinstance(factor, (int, float)) else NotImplemented


def _roll(x: Tensor, _: list[int], dims: Any = ()) -> Any:
    return _unary(x) if all([-x.dim() <= d < x.dim() for d in dims]) else NotImplemented


def _unary_in_place(x: Tensor, *_: Any, **__: Any) -> Any:
    return x if x.is_meta and x.dtype.is_floating_point else NotImplemented


def _fits(x: Tensor, other: Any) -> bool:
    """Whether ``other`` broadcasts to the shape of ``x`` and both are dense and of one type."""
    if not isinstance(other, Tensor):
        return isinstance(other, (int, float)) and _dense(x)
    return _dense(x, other) and _broadcasts(other.shape, x.shape)


def _broadcasts(small: torch.Size, large: torch.Size) -> bool:
    if small == large:
        return True
    tail = large[len(large) - len(small) :]
    return len(small) <= len(large) and all([n in (1, m) for n, m in zip(small, tail, strict=True)])


def _binary(x: Any, other: Any, *_: Any, **__: Any) -> Any:
    if not isinstance(x, Tensor):
        return NotImplemented
    if _fits(x, other):
        return x.new_empty(x.shape)
    if isinstance(other, Tensor) and _fits(other, x):
        return other.new_empty(other.shape)
    return NotImplemented


def _binary_in_place(x: Tensor, other: Any, *_: Any, **__: Any) -> Any:
    return x if _fits(x, other) else NotImplemented


def _convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> Any:
    lists = (stride, padding, dilation, output_padding)
    if weight.dim() != x.dim() or any([len(items) != x.dim() - 2 for items in lists]) or not _dense(x, weight):
        return NotImplemented
    channels, taken = (
        (weight.shape[1] * groups, weight.shape[0]) if transposed else (weight.shape[0], weight.shape[1] * groups)
    )
    if x.shape[1] != taken or channels % groups or (bias is not None and bias.shape != (channels,)):
        return NotImplemented
    shape = [x.shape[0], channels]
    for n, k, s, p, d, o in zip(x.shape[2:], weight.shape[2:], *lists, strict=True):
        if s < 1 or p < 0 or d < 1 or (o and not transposed) or o >= max(s, d):
            return NotImplemented
        span = d * (k - 1)
        shape.append((n - 1) * s - 2 * p + span + o + 1 if transposed else (n + 2 * p - span - 1) // s + 1)
    return x.new_empty(shape) if min(shape) > 0 else NotImplemented


def _pooled(
    x: Tensor, kernel: list[int], stride: list[int], padding: list[int], dilation: list[int]
) -> list[int] | None:
    """The shape after pooling the last two of four dimensions, without ceil mode; None where that is not plain."""
    lists = (kernel, stride or kernel, padding, dilation)
    if x.dim() != 4 or not _dense(x) or any([len(items) != 2 for items in lists]):
        return None
    shape = list(x.shape[:2])
    for n, k, s, p, d in zip(x.shape[2:], *lists, strict=True):
        units = (n + 2 * p - d * (k - 1) - 1) // s + 1 if s > 0 else 0
        if units < 1 or p < 0 or 2 * p > k or d < 1:
            return None
        shape.append(units)
    return shape


def _avg_pool2d(
    x: Tensor, kernel: list[int], stride: Any = (), padding: Any = (0, 0), ceil_mode: bool = False, *rest: Any
) -> Any:
    shape = (
        None if ceil_mode or (len(rest) > 1 and rest[1] is not None) else _pooled(x, kernel, stride, padding, [1, 1])
    )
    return NotImplemented if shape is None else x.new_empty(shape)


def _max_pool2d(
    x: Tensor,
    kernel: list[int],
    stride: Any = (),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    ceil_mode: bool = False,
) -> Any:
    shape = None if ceil_mode else _pooled(x, kernel, stride, padding, dilation)
    return NotImplemented if shape is None else (x.new_empty(shape), x.new_empty(shape, dtype=torch.int64))


def _adaptive_avg_pool2d(x: Tensor, size: list[int]) -> Any:
    if x.dim() != 4 or not _dense(x) or len(size) != 2 or min(size) < 1 or x.shape[2:] == (1, 1):
        return NotImplemented
    return x.new_empty((*x.shape[:2], *size))


def _batch_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Any, var: Any, training: bool, *_: Any
) -> Any:
    given = [t for t in (weight, bias, mean, var) if t is not None]
    if (
        training
        or mean is None
        or var is None
        or x.dtype not in _FULL
        or not _dense(x, *given)
        or any([t.shape != (x.shape[1],) for t in given])
    ):
        return NotImplemented
    return x.new_empty(x.shape), x.new_empty(0), x.new_empty(0)


def _layer_norm(x: Tensor, normalized: list[int], weight: Tensor | None, bias: Tensor | None, _: float) -> Any:
    given = [t for t in (weight, bias) if t is not None]
    rank = len(normalized)
    if not x.is_meta or x.dtype not in _FULL or list(x.shape[x.dim() - rank :]) != list(normalized):
        return NotImplemented
    if any([t.dtype != x.dtype or list(t.shape) != list(normalized) for t in given]):
        return NotImplemented
    statistics = [*x.shape[: x.dim() - rank], *(1 for _ in normalized)]
    return x.new_empty(x.shape), x.new_empty(statistics), x.new_empty(statistics)


def _mean(x: Tensor, dims: list[int] | None, keepdim: bool = False, **kwargs: Any) -> Any:
    rank = x.dim()
    if kwargs or not dims or not _dense(x) or any([not -rank <= d < rank for d in dims]):
        return NotImplemented
    gone = {d % rank for d in dims}
    shape = [1 if d in gone else n for d, n in enumerate(x.shape) if keepdim or d not in gone]
    return x.new_empty(shape) if len(gone) == len(dims) else NotImplemented


def _group_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, n: int, c: int, positions: int, groups: int, _: float
) -> Any:
    given = [t for t in (weight, bias) if t is not None]
    if x.dtype not in _FULL or not _dense(x, *given) or any([t.shape != (c,) for t in given]) or c % groups:
        return NotImplemented
    if x.shape[:2] != (n, c) or x.numel() != n * c * positions:
        return NotImplemented
    return x.new_empty(x.shape), x.new_empty((n, groups)), x.new_empty((n, groups))


def _pad(x: Tensor, amounts: list[int], _: Any = 0) -> Any:
    if not _dense(x) or len(amounts) % 2 or len(amounts) > 2 * x.dim() or x.dim() != 4 or x.shape[1] == 1:
        return NotImplemented
    shape = list(x.shape)
    for i in range(len(amounts) // 2):
        shape[-1 - i] += amounts[2 * i] + amounts[2 * i + 1]
    return x.new_empty(shape) if min(shape) > 0 else NotImplemented


def _upsample2d(x: Tensor, size: list[int], *_: Any, **__: Any) -> Any:
    if x.dim() != 4 or not _dense(x) or len(size) != 2 or min(size) < 1 or x.shape[2:] == (1, 1) or x.shape[1] == 1:
        return NotImplemented
    return x.new_empty((*x.shape[:2], *size))


def _plain_matrices(a: Tensor, b: Tensor, rank: int) -> bool:
    """Whether these multiply: of one floating-point type on ``meta``, in whatever strides."""
    return (
        a.is_meta
        and b.is_meta
        and a.dtype == b.dtype
        and a.dtype.is_floating_point
        and a.dim() == rank == b.dim()
        and a.shape[-1] == b.shape[-2]
    )


def _addmm(bias: Tensor, a: Tensor, b: Tensor, **scales: Any) -> Any:
    if scales or not _plain_matrices(a, b, 2) or bias.dtype != a.dtype or bias.shape != b.shape[1:]:
        return NotImplemented
    return a.new_empty((a.shape[0], b.shape[1]))


def _mm(a: Tensor, b: Tensor) -> Any:
    return a.new_empty((a.shape[0], b.shape[1])) if _plain_matrices(a, b, 2) else NotImplemented


def _bmm(a: Tensor, b: Tensor) -> Any:
    if not _plain_matrices(a, b, 3) or a.shape[0] != b.shape[0]:
        return NotImplemented
    return a.new_empty((a.shape[0], a.shape[1], b.shape[2]))


def _softmax(x: Tensor, dim: int, *rest: Any, **kwargs: Any) -> Any:
    if (
        x.dim() and not -x.dim() <= dim < x.dim()
    ):  # the one misfit that PyTorch's meta kernel lets pass, and no other does
        raise IndexError(f"Dimension out of range (expected [{-x.dim()}, {x.dim() - 1}], but got {dim})")
    if any(rest) or kwargs or not _dense(x):
        return NotImplemented
    return x.new_empty(x.shape)


def _cat(tensors: list[Tensor], dim: int = 0) -> Any:
    first = tensors[0]
    if not -first.dim() <= dim < first.dim() or not _dense(*tensors) or any([t.dim() != first.dim() for t in tensors]):
        return NotImplemented
    dim %= first.dim()
    shape = list(first.shape)
    if any([t.shape[d] != shape[d] for t in tensors for d in range(first.dim()) if d != dim]):
        return NotImplemented
    shape[dim] = sum([t.shape[dim] for t in tensors])
    return first.new_empty(shape)


def _clone(x: Tensor, memory_format: torch.memory_format | None = None) -> Any:
    if not x.is_meta:
        return NotImplemented
    if memory_format is torch.contiguous_format:
        return x.new_empty(x.shape)
    return x.new_empty(x.shape) if memory_format is None and x.is_contiguous() else NotImplemented


SHORTCUTS: dict[Any, Callable[..., Any]] = {
    aten.convolution.default: _convolution,
    aten.native_batch_norm.default: _batch_norm,
    aten.native_layer_norm.default: _layer_norm,
    aten.addmm.default: _addmm,
    aten.mm.default: _mm,
    aten.bmm.default: _bmm,
    aten._adaptive_avg_pool2d.default: _adaptive_avg_pool2d,
    aten.avg_pool2d.default: _avg_pool2d,
    aten.max_pool2d_with_indices.default: _max_pool2d,
    aten._log_softmax.default: _softmax,
    aten._softmax.default: _softmax,
    aten._safe_softmax.default: _softmax,
    aten.cat.default: _cat,
    aten.clone.default: _clone,
    aten.mean.dim: _mean,
    aten.sum.dim_IntList: _mean,
    aten.amax.default: _mean,
    aten.native_group_norm.default: _group_norm,
    aten.constant_pad_nd.default: _pad,
    aten.upsample_nearest2d.default: _upsample2d,
    aten.upsample_bilinear2d.default: _upsample2d,
    aten.mul.Scalar: _scaled,
    aten.roll.default: _roll,
    **dict.fromkeys((aten.add.Tensor, aten.mul.Tensor, aten.sub.Tensor, aten.div.Tensor), _binary),
    **dict.fromkeys((aten.add_.Tensor, aten.mul_.Tensor, aten.sub_.Tensor, aten.div_.Tensor), _binary_in_place),
    **dict.fromkeys(
        (
            aten.abs.default,
            aten.elu.default,
            aten.exp.default,
            aten.gelu.default,
            aten.hardsigmoid.default,
            aten.hardswish.default,
            aten.hardtanh.default,
            aten.leaky_relu.default,
            aten.mish.default,
            aten.neg.default,
            aten.relu.default,
            aten.rsqrt.default,
            aten.sigmoid.default,
            aten.silu.default,
            aten.softplus.default,
            aten.sqrt.default,
            aten.tanh.default,
        ),
        _unary,
    ),
    **dict.fromkeys(
        (
            aten.hardsigmoid_.default,
            aten.hardswish_.default,
            aten.hardtanh_.default,
            aten.elu_.default,
            aten.leaky_relu_.default,
            aten.relu_.default,
            aten.silu_.default,
        ),
        _unary_in_place,
    ),
}
