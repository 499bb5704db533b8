"""Parts of the pictures: a map with its boxes, a profile along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rfkit.effective.result import EffectiveField, Width
from rfkit.effective.style import BEFORE, FAINT, GRID, HALO, INK, MEASURED, RAMP, SCALE, THEORY

Span = tuple[float, float]
"""From the left edge of a first pixel to the right edge of a last."""

HALF, NEARLY_ALL = 0.5, 0.99
FEW = 64
"""Pixels of which a profile still shows each with its outline."""


def heat(axes: Axes, found: EffectiveField, view: Sequence[Span], over: tuple[int, int] | None = None) -> AxesImage:
    """The map over two axes, its peak as 1; of three axes a slice through the centre.

    Args:
        axes: to draw on.
        found: with two axes or more.
        view: per axis of the input what is shown, in pixels.
        over: the axes of the input that run down and to the right; by default the last two.
    """
    down, right = over or (found.map.ndim - 2, found.map.ndim - 1)
    shown = _slice(found, down, right)
    peak = float(shown.max()) or 1.0
    high, wide = shown.shape
    image = axes.imshow(
        shown / peak, cmap=RAMP, norm=SCALE, extent=(0, wide, high, 0), interpolation="nearest", origin="upper"
    )
    axes.set_xlim(*view[right])
    axes.set_ylim(*reversed(view[down]))
    for each in (axes.xaxis, axes.yaxis):
        each.set_major_locator(MaxNLocator(8, integer=True))
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(GRID)
    return image


def _slice(found: EffectiveField, down: int, right: int) -> NDArray[np.float64]:
    at = tuple(
        slice(None) if axis in (down, right) else min(int(found.centre[axis]), n - 1)
        for axis, n in enumerate(found.map.shape)
    )
    shown: NDArray[np.float64] = found.map[at]
    return shown


def boxes(axes: Axes, found: EffectiveField, shares: Sequence[float], over: tuple[int, int] | None = None) -> None:
    """The theoretical field, and the smallest squares of some shares, around the map."""
    down, right = over or (found.map.ndim - 2, found.map.ndim - 1)
    for share in shares:
        side = next((square.side.value for square in found.squares if square.share == share), None)
        if side is not None:
            spans = [(found.centre[axis] - side / 2, found.centre[axis] + side / 2) for axis in (right, down)]
            _rectangle(axes, *spans, color=INK, linewidth=1.1, linestyle=LINES[share], path_effects=HALO)
    edges = theory(found)
    if edges is not None:
        _rectangle(axes, edges[right], edges[down], color=THEORY, linewidth=1.8)


def theory(found: EffectiveField) -> tuple[Span, ...] | None:
    """The theoretical field on this image, by its edges; None where it is not known or everything."""
    if found.box is None or all(found.global_):
        return None
    return tuple((lo, hi + 1) for lo, hi in found.box)


GAUSSIAN: Any = (0, (4, 2))
LINES: dict[float, Any] = {HALF: (0, (5, 2.5)), NEARLY_ALL: (0, (1.2, 1.8))}


def _rectangle(axes: Axes, across: Span, down: Span, **look: Any) -> None:
    """A frame; what lies beyond the view is left out, what lies on its edge is not cut in half."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    (x0, x1), (y0, y1) = (max(across[0], left), min(across[1], right)), (max(down[0], top), min(down[1], bottom))
    sides = [((x, x), (y0, y1)) for x in across if left <= x <= right]
    sides += [((x0, x1), (y, y)) for y in down if top <= y <= bottom]
    for xs, ys in sides if x0 < x1 and y0 < y1 else ():
        axes.plot(xs, ys, clip_on=False, solid_capstyle="projecting", zorder=3, **look)


def profile(axes: Axes, found: EffectiveField, axis: int, view: Span, before: EffectiveField | None = None) -> None:
    """The gradient along one axis, summed over the others, its Gaussian, and the edges of the theoretical field."""
    values = found.profile(axis)
    edges, (low, high) = np.arange(len(values) + 1), view
    axes.stairs(values, edges, fill=True, color=MEASURED, alpha=0.3, linewidth=0)
    if before is not None or high - low <= FEW:
        axes.stairs(values, edges, color=MEASURED, linewidth=1, baseline=None)
    if before is not None:
        axes.stairs(before.profile(axis), edges, color=BEFORE, linewidth=1, baseline=None)
    else:
        _bell(axes, found.widths[axis], view)
    span = theory(found)
    if span is not None:
        for edge in span[axis]:
            axes.axvline(edge, color=THEORY, linewidth=1.4, clip_on=False)
    axes.set_xlim(*view)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_ylim(0, None)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _bell(axes: Axes, width: Width, view: Span) -> None:
    """The Gaussian, in shares of a pixel; none where the gradient stands on a single one."""
    sigma = width.sigma.value
    if sigma > 0:
        x = np.linspace(*view, 400)
        curve = np.exp(-(((x - width.mean) / sigma) ** 2) / 2) / (sigma * sqrt(2 * pi))
        axes.plot(x, curve, color=INK, linewidth=1.1, linestyle=GAUSSIAN)


def key(found: EffectiveField, shares: Sequence[float], spatial: Sequence[int]) -> list[Patch]:
    """What the frames of a map mean, for a legend."""
    entries = []
    size = found.receptive_field
    if theory(found) is not None and all(r is not None for r in size):
        words = f"theoretical field, {_area(size)}"
        if any(r > n for r, n in zip(size, spatial, strict=True) if r is not None):
            words += ", cut off by the image"
        entries.append(Patch(fill=False, edgecolor=THEORY, linewidth=1.6, label=words))
    for square in found.squares:
        if square.share in shares:
            words = "half of the gradient" if square.share == HALF else f"{100 * square.share:.0f}% of it"
            sides = _area([f"{square.side.value:g}"] * found.map.ndim)
            look = {"edgecolor": INK, "linewidth": 1.1, "linestyle": LINES[square.share]}
            entries.append(Patch(fill=False, label=f"{words}, {sides}", **look))
    return entries


def _area(values: Sequence[object]) -> str:
    return " × ".join(map(str, values))


def view(fields: Sequence[EffectiveField], spatial: Sequence[int]) -> list[Span]:
    """What is shown along each axis: the image, or around the largest of small fields enough of it to see them."""
    shown = []
    for axis, length in enumerate(spatial):
        spans = [edges[axis] if (edges := theory(each)) is not None else (0, length) for each in fields]
        low, high = min(span[0] for span in spans), max(span[1] for span in spans)
        margin = max(0.15 * (high - low), 2)
        shown.append((max(low - margin, 0), min(high + margin, length)))
    if sum(high - low for low, high in shown) > 0.7 * sum(spatial):
        return [(0, length) for length in spatial]
    return shown


def bare(axes: Axes) -> None:
    """Without ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.tick_params(colors=FAINT)
