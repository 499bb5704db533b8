"""From maps of gradients to figures. NumPy only; a map has one entry per position of the input, none below 0.

Every figure is that of the mean map over the inputs. Its standard error is the delete-one jackknife's (Efron and Stein 1981):
the figure is computed again with each input left out, and of those n figures t_i

    error^2 = (n - 1) / n * sum (t_i - mean t)^2

Sides of squares are whole numbers of pixels; for their error the side is interpolated between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from rfkit.effective.result import CountedSquare, Disc, Estimate, Square, Width
from rfkit.report import Number

Floats = NDArray[np.float64]

SHARES = (0.2, 0.3, 0.5, 0.99)
"""Shares that Ding et al. (2022), table 7, give squares for."""

FIRST_CENTRE = 0.5
_ROUNDING = 1e-9


def jackknife(profiles: Floats, statistic: Callable[[Floats], float]) -> float | None:
    """Standard error of a statistic of the sum of profiles, (inputs, n); None for fewer than two inputs."""
    count = len(profiles)
    if count < 2:
        return None
    total = profiles.sum(axis=0)
    without = np.array([statistic(total - each) for each in profiles])
    return float(sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))


def offsets(shape: Sequence[int], centre: Sequence[float]) -> list[Floats]:
    """Per axis the distance of every pixel's centre from ``centre``, broadcastable to the map."""
    grids = np.ogrid[tuple(slice(n) for n in shape)]
    return [np.abs(grid + FIRST_CENTRE - c) for grid, c in zip(grids, centre, strict=True)]


def squares(maps: Floats, centre: Sequence[float], shares: Sequence[float] = SHARES) -> tuple[Square, ...]:
    """The smallest squares around the centre that hold these shares.

    A square holds the pixels whose centres are within half its side less half a pixel, along every axis: of odd sides where
    the centre is that of a pixel, of even ones where it lies between two.

    Args:
        maps: (inputs, *positions).
        centre: in pixels, 0.5 being the centre of the first.
        shares: of the gradient, above 0 up to 1.
    """
    shape = maps.shape[1:]
    distance = np.maximum.reduce(np.broadcast_arrays(*offsets(shape, centre))).ravel().round(6)
    steps, place = np.unique(distance, return_inverse=True)
    place = place.reshape(-1)
    profiles = np.stack([np.bincount(place, each.ravel(), len(steps)) for each in maps]).astype(np.float64)
    pixels = np.cumsum(np.bincount(place, minlength=len(steps))) / distance.size
    held = np.cumsum(profiles.sum(axis=0))
    sides = 2 * steps + 1
    found = []
    for share in shares:
        index = min(int(np.searchsorted(held, share * held[-1] - _ROUNDING * held[-1])), len(steps) - 1)
        error = jackknife(profiles, partial(_side, sides=sides, share=share))
        found.append(Square(share, Estimate(float(sides[index]), error), float(pixels[index])))
    return tuple(found)


def _side(profile: Floats, sides: Floats, share: float) -> float:
    """The side that holds a share, between whole numbers of pixels."""
    held = np.concatenate([[0.0], np.cumsum(profile)])
    return float(np.interp(share * held[-1], held, np.concatenate([[0.0], sides])))


def counted_squares(mean: Floats, shares: Sequence[float] = SHARES) -> tuple[CountedSquare, ...]:
    """Squares as ``erf/analyze_erf.py`` of RepLKNet counts them (Ding et al. 2022, section 5), for two axes.

    Around the pixel in the middle of the image, of sides 3, 5, ..., the first that holds more than the share of log10(1 + g),
    where g is the mean over inputs of the positive part of the gradient, summed over channels and not scaled.

    Args:
        mean: g, (height, width).
        shares: the script's thresholds.
    """
    if mean.ndim != 2:
        return ()
    scores = np.log10(mean + 1)
    (high, wide), whole = scores.shape, scores.sum()
    row, column = high // 2, wide // 2
    found = []
    for share in shares:
        side = area = None
        for i in range(1, row):
            inside = scores[row - i : row + 1 + i, max(column - i, 0) : column + 1 + i].sum()
            if inside > share * whole:
                side, area = 2 * i + 1, (2 * i + 1) / high * (2 * i + 1) / wide
                break
        found.append(CountedSquare(share, side, area))
    return tuple(found)


def discs(maps: Floats, centre: Sequence[float], radii: Sequence[float]) -> tuple[Disc, ...]:
    """The share of the gradient within each radius, in pixels, of the centre."""
    squared = np.add.reduce(np.broadcast_arrays(*[d**2 for d in offsets(maps.shape[1:], centre)]))
    found = []
    for radius in radii:
        inside = (squared <= radius**2 + _ROUNDING).ravel()
        parts = maps.reshape(len(maps), -1)
        profiles = np.stack([parts[:, inside].sum(axis=1), parts[:, ~inside].sum(axis=1)], axis=1)
        total = profiles.sum(axis=0)
        found.append(Disc(radius, Estimate(_first_part(total), jackknife(profiles, _first_part))))
    return tuple(found)


def _first_part(parts: Floats) -> float:
    return float(parts[0] / parts.sum())


def width(maps: Floats, axis: int, size: Number | None) -> Width:
    """The Gaussian along an axis with the mean and variance of the gradient: its fit by maximum likelihood.

    Args:
        maps: (inputs, *positions).
        axis: which of the positions' axes.
        size: the theoretical receptive field along it; None: nothing to compare with.
    """
    others = tuple(a + 1 for a in range(maps.ndim - 1) if a != axis)
    profiles = maps.sum(axis=others)
    total = profiles.sum(axis=0)
    mean, sigma = _mean(total), _sigma(total)
    error = jackknife(profiles, _sigma)
    ratio = None
    if size is not None:
        ratio = Estimate(4 * sigma / float(size), None if error is None else 4 * error / float(size))
    return Width(mean, Estimate(sigma, error), ratio, _overlap(total / total.sum(), mean, sigma))


def _positions(profile: Floats) -> Floats:
    return np.arange(len(profile), dtype=np.float64) + FIRST_CENTRE


def _mean(profile: Floats) -> float:
    return float(profile @ _positions(profile) / profile.sum())


def _sigma(profile: Floats) -> float:
    spread = (_positions(profile) - _mean(profile)) ** 2
    return sqrt(max(float(profile @ spread / profile.sum()), 0.0))


def gaussian(count: int, mean: float, sigma: float) -> Floats:
    """Share of a Gaussian on each of so many pixels; all of it in one where its width is 0."""
    edges = np.arange(count + 1) - mean
    scaled = [erf(edge / (max(sigma, 1e-6) * sqrt(2))) for edge in edges]
    shares: Floats = np.diff(np.array(scaled, dtype=np.float64)) / 2
    return shares


def _overlap(profile: Floats, mean: float, sigma: float) -> float:
    curve = gaussian(len(profile), mean, sigma)
    outside = 1 - curve.sum()
    return float(1 - (np.abs(profile - curve).sum() + outside) / 2)


def usual_radii(size: Sequence[int]) -> tuple[float, ...]:
    """1, 2, 4, ... to the first that reaches half of the longer side of what is seen; the last six of these."""
    found = [1.0]
    while found[-1] < max(size) / 2:
        found.append(found[-1] * 2)
    return tuple(found[-6:])
