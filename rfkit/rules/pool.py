"""Pooling: max, average, adaptive, fractional; and im2col / col2im, which lay windows out as channels and back."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch

from rfkit.footprint import Footprint, taps
from rfkit.footprint.taps import Taps
from rfkit.rules.conv import per_dim
from rfkit.rules.registry import Result, See, Window, rule
from rfkit.tracing import Call

aten = torch.ops.aten


def pool_window(call: Call) -> Window:
    """Geometry of ``aten.{avg,max}_pool*(input, kernel_size, stride, padding, ...)``; an empty stride is the kernel."""
    rank = 3 if "3d" in call.op.__name__ else 1 if "1d" in call.op.__name__ else 2
    kernel = per_dim(call.args[1], rank)
    stride = per_dim(call.argument(2, "stride", None) or kernel, rank)
    padding = per_dim(call.argument(3, "padding", 0), rank)
    dilated = "max_pool" in call.op.__name__
    dilation = per_dim(call.argument(4, "dilation", 1), rank) if dilated else (1,) * rank
    return Window(kernel, stride, padding, dilation)


@rule(
    aten.avg_pool1d,
    aten.avg_pool2d,
    aten.avg_pool3d,
    aten.max_pool1d,
    aten.max_pool2d,
    aten.max_pool3d,
    aten.max_pool2d_with_indices,
    aten.max_pool3d_with_indices,
    aten.mkldnn_max_pool2d,
    aten.mkldnn_max_pool3d,
    window=pool_window,
)
def pool(call: Call, see: See) -> Result:
    """A window along each of the last dimensions; ceil mode shows in the output's size alone."""
    window, field = pool_window(call), see(call.args[0])
    rank = len(window.kernel)
    for i, geometry in enumerate(zip(window.kernel, window.stride, window.padding, window.dilation, strict=True)):
        d = i - rank
        if field is not None:
            field = field.slide(d, taps.window(call.args[0].shape[d], call.output.shape[d], *geometry))
    return (field,) * len(call.outputs)


def adaptive_window(call: Call) -> Window | None:
    """Geometry of an adaptive pooling, where its bins are all alike."""
    rank = len(per_dim(call.args[1], 1)) if not isinstance(call.args[1], int) else 1
    sizes = [(call.args[0].shape[d], call.output.shape[d]) for d in range(-rank, 0)]
    if any(n % m for n, m in sizes):
        return None
    kernel = tuple(n // m for n, m in sizes)
    return Window(kernel, kernel, (0,) * rank, (1,) * rank)


@rule(
    aten._adaptive_avg_pool2d,
    aten._adaptive_avg_pool3d,
    aten.adaptive_avg_pool1d,
    aten.adaptive_avg_pool2d,
    aten.adaptive_max_pool1d,
    aten.adaptive_max_pool2d,
    aten.adaptive_max_pool3d,
    aten.mkldnn_adaptive_avg_pool2d,
    window=adaptive_window,
)
def adaptive_pool(call: Call, see: See) -> Result:
    """As many bins as asked for, overlapping where they do not divide the input."""
    field = see(call.args[0])
    assert field is not None
    rank = len(call.args[1])
    for d in range(-rank, 0):
        field = field.slide(d, taps.adaptive(call.args[0].shape[d], call.output.shape[d])) or field
    return (field,) * len(call.outputs)


@rule(aten.fractional_max_pool2d, aten.fractional_max_pool3d)
def fractional_pool(call: Call, see: See) -> Result:
    """Windows at random places: the union over all random draws (an upper bound; Graham 2014, section 2)."""
    field = see(call.args[0])
    assert field is not None
    rank = len(call.args[1])
    for d, kernel in zip(range(-rank, 0), call.args[1], strict=True):
        n, units = call.args[0].shape[d], call.output.shape[d]
        field = field.slide(d, _fractional(n, units, kernel)) or field
    return (field,) * len(call.outputs)


def _fractional(n: int, units: int, kernel: int) -> Taps:
    """Unit u starts at ``floor((u + r)*a) - floor(r*a)``, a = (n - kernel)/(units - 1), for r in [0, 1); the last at n - kernel."""
    if units == 1:
        return taps.window(n, 1, n, 1, 0, 1)
    a = (n - kernel) / (units - 1)
    draws = np.unique(np.concatenate([np.linspace(0, 1, 513)[:-1], [math.nextafter(1, 0)]]))
    starts = np.floor((np.arange(units)[:, None] + draws) * a) - np.floor(draws * a)
    low, high = starts.min(axis=1).astype(int), starts.max(axis=1).astype(int)
    low[-1] = high[-1] = n - kernel
    width = int((high - low).max()) + kernel
    index = np.clip(low[:, None] + np.arange(width), 0, (high + kernel - 1)[:, None])
    centre = (
        Fraction(n - kernel, 2) + Fraction(kernel - 1, 2) - Fraction(units - 1, 2) * Fraction(n - kernel, units - 1)
    )
    half = Fraction(width - 1, 2)
    return Taps(index, None, Fraction(n - kernel, units - 1), centre - half, centre + half)


@rule(aten.im2col)
def im2col(call: Call, see: See) -> Footprint | None:
    """``unfold``: (N, C, H, W) to (N, C*kh*kw, windows)."""
    source, kernel, dilation, padding, stride = call.args
    field = see(source)
    assert field is not None
    units = []
    for d, (k, r, p, s) in enumerate(zip(kernel, dilation, padding, stride, strict=True)):
        n = source.shape[d + 2]
        units.append((n + 2 * p - r * (k - 1) - 1) // s + 1)
        fan = field.fan(2 + 2 * d, units[-1], k, s, p, r)
        if fan is None:
            return None
        field = fan
    field = field.permute([0, 1, 3, 5, 2, 4])
    return field.reshape(call.output.shape)


@rule(aten.unfold)
def unfold(call: Call, see: See) -> Footprint | None:
    """``Tensor.unfold``: windows along one dimension, laid out in a new last dimension."""
    source, dim, size, step = call.args
    dim %= max(len(source.shape), 1)
    field = see(source)
    assert field is not None
    fan = field.fan(dim, call.output.shape[dim], size, step)
    if fan is None:
        return None
    order = [d for d in range(len(call.output.shape)) if d != dim + 1]
    return fan.permute([*order, dim + 1])


@rule(aten.col2im)
def col2im(call: Call, see: See) -> Footprint | None:
    """``fold``: the windows of (N, C*kh*kw, windows) summed where they overlap."""
    source, size, kernel, dilation, padding, stride = call.args
    field = see(source)
    assert field is not None
    geometry = list(zip(size, kernel, dilation, padding, stride, strict=True))
    units = [(n + 2 * p - r * (k - 1) - 1) // s + 1 for n, k, r, p, s in geometry]
    batch, channels = call.output.shape[-4:-2] if len(call.output.shape) == 4 else (1, call.output.shape[0])
    field = field.reshape((batch, channels, kernel[0], kernel[1], *units)).permute([0, 1, 2, 4, 3, 5])
    field = field.reshape((batch, channels, kernel[0] * units[0], kernel[1] * units[1]))
    for d, (n, k, r, p, s) in enumerate(geometry):
        slid = field.slide(2 + d, _overlap(n, k, r, p, s, units[d]))
        if slid is None:
            return None
        field = slid
    return field.reshape(call.output.shape)


def _overlap(n: int, kernel: int, dilation: int, padding: int, stride: int, units: int) -> Taps:
    """Entry ``tap*units + window`` lands at ``window*stride - padding + dilation*tap``."""
    place = np.arange(units) * stride - padding + dilation * np.arange(kernel)[:, None]
    sources = [np.flatnonzero(place.ravel() == y) for y in range(n)]
    width = max(1, *(len(s) for s in sources))
    dead = np.array([len(s) == 0 for s in sources])
    index = np.array([np.resize(s, width) if len(s) else np.zeros(width, int) for s in sources])
    return Taps(index, dead if dead.any() else None, 0, 0, kernel * units - 1, regular=False)
