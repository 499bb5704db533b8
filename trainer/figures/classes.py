"""How the classes fare: which are taken for which, and how many of each are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainer.figures.style import Theme, new_figure
from trainer.stored_evaluation import ClassScore
from trainer.tables import cut

NUMBERED = 25
"""Classes up to which every cell of the confusion matrix has its number."""

NAMED = 60
"""Classes up to which every row has its name."""

CELLS = 430
"""Points that the cells of the largest matrix have side by side; a digit takes 0.7 of its size."""

BARS = 40
"""Classes that are drawn as bars; of more, those that fare worst."""


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str], theme: Theme) -> Figure:
    """Expected classes (rows) against predicted (columns); a cell's colour is its share of the row.

    Args:
        counts: (classes, classes).
        classes: their names.
        theme: of the figure.
    """
    number = len(classes)
    side = min(max(3.6, 0.5 * number + 1.6), 8.6)
    figure = new_figure(side - 0.5, side + 0.5)
    axes = figure.subplots()
    axes.grid(False)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap=theme.colormap, vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel("predicted")
    axes.set_ylabel("expected")
    for spine in axes.spines.values():
        spine.set_visible(False)
    if number <= NAMED:
        names = [cut(name, 16) for name in classes]
        size = 8.5 if number <= NUMBERED else 6
        long = max(map(len, names), default=0) > 6
        slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {}
        axes.set_xticks(range(number), names, fontsize=size, **slanted)
        axes.set_yticks(range(number), names, fontsize=size)
    axes.set_xticks(np.arange(number + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(number + 1) - 0.5, minor=True)
    if number <= NAMED:
        axes.grid(True, which="minor", color=theme.paper, linewidth=1.2 if number <= NUMBERED else 0.4)
    axes.tick_params(which="minor", length=0)
    if number <= NUMBERED:
        _number_cells(figure, counts, shares, theme)
    return figure


def accuracy_per_class(scores: Sequence[ClassScore], theme: Theme) -> Figure:
    """A bar for each class, the best first; the line is the mean over the classes.

    Args:
        scores: of the classes that have images.
        theme: of the figure.
    """
    known = [(each.recall, each) for each in scores if each.recall is not None]
    known.sort(key=lambda pair: -pair[0])
    shown = known[-BARS:]
    figure = new_figure(0.27 * len(shown) + 0.85)
    axes = figure.subplots()
    places = range(len(shown))
    values = [recall for recall, _ in shown]
    axes.barh(places, values, color=theme.series[0], height=0.68)
    axes.set_yticks(places, [cut(each.name, 24) for _, each in shown])
    axes.tick_params(axis="y", colors=theme.ink)
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.invert_yaxis()
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 106)
    axes.set_xticks(range(0, 101, 20), [f"{value}%" for value in range(0, 101, 20)])
    behind = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1}
    for place, (recall, _) in zip(places, shown, strict=True):
        axes.text(recall + 0.8, place, f"{recall:.1f}", va="center", fontsize=8.5, color=theme.ink, bbox=behind)
    mean = sum(recall for recall, _ in known) / len(known)
    axes.axvline(mean, color=theme.series[1], linewidth=1.1, linestyle=(0, (4, 3)))
    rest = f"; the {len(shown)} lowest of {len(known)} classes" if len(shown) < len(known) else ""
    axes.set_title(f"Accuracy per class (mean {mean:.1f}%, dashed{rest})")
    return figure


def _number_cells(figure: Figure, counts: NDArray[np.int64], shares: NDArray[np.float64], theme: Theme) -> None:
    axes = figure.axes[0]
    largest = len(f"{counts.max(initial=0)}")
    size = min(8.5, CELLS / len(counts) / (0.7 * max(largest, 2)))
    colours = theme.colormap(shares)
    for (row, column), count in np.ndenumerate(counts):
        if not count:
            continue
        red, green, blue = colours[row, column][:3]
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.55
        colour = "#1f2328" if light else "#f4f6f9"
        axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=colour)
