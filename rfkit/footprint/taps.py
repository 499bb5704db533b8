"""Taps: which input units a sliding operator reads for each of its output units, along one dimension.

Every function returns a ``Taps``: the exact index table, and the same in closed form. Sources: Dumoulin & Visin,
"A guide to convolution arithmetic for deep learning" (2016), relationships 1-14; PyTorch's documentation of each operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """What an operator reads along one dimension.

    Attributes:
        index: ``(units, taps)`` input units that each output unit reads; a tap outside the input repeats one inside.
        dead: ``(units,)`` True where every tap lies outside, or None where there is no such unit.
        scale: distance in input units between the windows of neighbouring output units.
        first, last: first and last input unit that output unit 0 reads, as if the input had no border.
        regular: whether scale, first and last hold for every unit (true) or are only a hull (false).
    """

    index: Index
    dead: NDArray[np.bool_] | None
    scale: Fraction | int
    first: Fraction | int
    last: Fraction | int
    regular: bool = True


def _inside(index: Index, n: int) -> tuple[Index, NDArray[np.bool_] | None]:
    """Replace taps outside ``0..n-1`` by one of the same unit that is inside; say which units have none."""
    valid = (index >= 0) & (index < n)
    if valid.all():
        return index, None
    fallback = np.take_along_axis(index, valid.argmax(axis=1)[:, None], axis=1)
    dead = np.logical_not(valid.any(axis=1))
    index = np.where(valid, index, fallback)
    index[dead] = 0
    return index, (dead if dead.any() else None)


@lru_cache(maxsize=1024)
def window(n: int, units: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """Convolution and pooling: unit u reads ``u*stride - padding + dilation*t`` for t < kernel (negative padding crops)."""
    index = np.arange(units)[:, None] * stride - padding + np.arange(kernel) * dilation
    inside, dead = _inside(index, n)
    return Taps(inside, dead, stride, -padding, dilation * (kernel - 1) - padding)


@lru_cache(maxsize=1024)
def fan(n: int, units: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """The windows of ``window`` laid out one tap a unit: ``units*kernel`` units; a tap outside sees nothing."""
    index = np.arange(units)[:, None] * stride - padding + np.arange(kernel) * dilation
    inside, dead = _inside(index.reshape(-1, 1), n)
    return Taps(inside, dead, 0, -padding, -padding)


@lru_cache(maxsize=1024)
def transposed_window(n: int, units: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """Transposed convolution: unit u reads every i with ``u + padding - i*stride = dilation*t``, 0 <= t < kernel.

    The closed form is that of the widest phase: ``ceil((dilation*(kernel-1) + 1) / stride)`` units.
    """
    span = dilation * (kernel - 1)
    tap = np.arange(units)[:, None] + padding - np.arange(kernel) * dilation
    index = np.where(tap % stride == 0, tap // stride, -1)
    inside, dead = _inside(index, n)
    centre = Fraction(2 * padding - span, 2 * stride)
    half = Fraction(ceil(Fraction(span + 1, stride)) - 1, 2)
    return Taps(inside, dead, Fraction(1, stride), centre - half, centre + half)


@lru_cache(maxsize=1024)
def adaptive(n: int, units: int) -> Taps:
    """Adaptive pooling: unit u reads ``floor(u*n/units)`` to ``ceil((u+1)*n/units) - 1``."""
    bins = [range(u * n // units, -(-(u + 1) * n // units)) for u in range(units)]
    return _hull(bins, Fraction(n, units))


def _hull(bins: Sequence[range], scale: Fraction) -> Taps:
    width = max(len(b) for b in bins)
    index = np.array([[b[min(t, len(b) - 1)] for t in range(width)] for b in bins])
    centre = (scale - 1) / 2
    return Taps(index, None, scale, centre - Fraction(width - 1, 2), centre + Fraction(width - 1, 2))


def _around(start: NDArray[np.floating], first: int, last: int, n: int, ratio: Fraction, centre: Fraction) -> Taps:
    """Taps ``start + first .. start + last`` clamped to the image, as interpolation does at its border."""
    index = np.clip(start.astype(np.int64)[:, None] + np.arange(first, last + 1), 0, n - 1)
    half = Fraction(last - first, 2)
    return Taps(index, None, ratio, centre - half, centre + half)


@lru_cache(maxsize=1024)
def interpolation(n: int, units: int, taps: int, align_corners: bool, scale: float | None, exact: bool = False) -> Taps:
    """Nearest (1 tap), linear (2) and cubic (4) resampling, computed in float32 as the kernels do.

    Source positions, with q = 1/scale where a scale factor was given and n/units otherwise: nearest ``floor(u*q)``,
    nearest-exact ``floor((u + 0.5)*q)``, linear and cubic ``(u + 0.5)*q - 0.5``, or ``u*(n-1)/(units-1)`` with aligned corners.
    A tap whose weight happens to be zero is read all the same.
    """
    u = np.arange(units, dtype=np.float32)
    if align_corners:
        ratio = Fraction(n - 1, units - 1) if units > 1 else Fraction(0)
        centre = Fraction(0)
    else:
        ratio = 1 / Fraction(scale).limit_denominator(1 << 16) if scale else Fraction(n, units)
        centre = (ratio - 1) / 2
    q = np.float32(1.0 / scale) if scale and not align_corners else np.float32(float(ratio))
    if taps == 1:
        position = (u + np.float32(0.5)) * q if exact else u * q
        return _around(np.floor(position), 0, 0, n, ratio, centre)
    position = u * q if align_corners else (u + np.float32(0.5)) * q - np.float32(0.5)
    if taps == 2:
        return _around(np.floor(np.maximum(position, 0)), 0, 1, n, ratio, centre)
    return _around(np.floor(position), -1, 2, n, ratio, centre)


@lru_cache(maxsize=1024)
def antialiased(n: int, units: int, taps: int, align_corners: bool, scale: float | None) -> Taps:
    """Linear (2 taps) and cubic (4) resampling with antialiasing: the support widens with the ratio when shrinking."""
    if align_corners:
        ratio = Fraction(n - 1, units - 1) if units > 1 else Fraction(0)
    else:
        ratio = 1 / Fraction(scale).limit_denominator(1 << 16) if scale else Fraction(n, units)
    q = np.float32(float(ratio))
    support = np.float32(taps / 2) * max(q, np.float32(1))
    bins = []
    for u in range(units):
        centre = q * np.float32(u + 0.5)
        low, high = int(centre - support + np.float32(0.5)), int(centre + support + np.float32(0.5))
        bins.append(range(max(low, 0), min(high, n)))
    return _hull(bins, ratio)


@lru_cache(maxsize=1024)
def crop(start: int, step: int, units: int) -> Taps:
    """A slice ``[start::step]`` of that many units; a negative step runs backwards."""
    return Taps((start + step * np.arange(units))[:, None], None, step, start, start)


@lru_cache(maxsize=1024)
def roll(n: int, shift: int) -> Taps:
    """A circular shift by ``shift`` units; the closed form is that of the units which do not wrap around."""
    shift = shift % n
    moved = shift if shift <= n // 2 else shift - n
    return Taps(((np.arange(n) - shift) % n)[:, None], None, 1, -moved, -moved)


@lru_cache(maxsize=1024)
def pad(n: int, before: int, after: int, mode: str) -> Taps:
    """Padding (cropping where negative): ``constant`` units see nothing, those of other modes what they repeat."""
    index = np.arange(-before, n + after)
    if mode == "reflect":
        index = np.abs(index)
        index = np.where(index > n - 1, 2 * (n - 1) - index, index)
    elif mode == "replicate":
        index = np.clip(index, 0, n - 1)
    elif mode == "circular":
        index = index % n
    inside, dead = _inside(index[:, None], n)
    return Taps(inside, dead, 1, -before, -before)


def lookup(index: Index) -> Taps:
    """A gather with a constant table, ``(units,)`` or ``(units, taps)``; its closed form is exact where the table is affine."""
    table = index if index.ndim == 2 else index[:, None]
    first, last = table.min(axis=1), table.max(axis=1)
    steps = np.diff(first)
    affine = bool((steps == steps[0]).all() and (last - first == last[0] - first[0]).all()) if len(first) > 1 else True
    if affine:
        return Taps(table, None, int(steps[0]) if len(steps) else 1, int(first[0]), int(last[0]))
    return Taps(table, None, 0, int(first.min()), int(last.max()), regular=False)


@lru_cache(maxsize=64)
def cumulative(n: int) -> Taps:
    """A running sum: unit u reads all units up to u."""
    index = np.minimum(np.arange(n)[:, None], np.arange(n))
    return Taps(index, None, 0, 0, n - 1, regular=False)
