"""Pictures of effective fields, as PNG: one layer, one layer before and after a training, many layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import ceil
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rfkit.axes import PLACES, axis_names
from rfkit.effective import panels
from rfkit.effective.panels import HALF, NEARLY_ALL
from rfkit.effective.result import EffectiveField, Measurement
from rfkit.effective.style import BEFORE, FAINT, GRID, INK, MEASURED, THEORY, TICKS, WIDTH, new_figure, saved, styled

TITLES = ("before the training", "after the training")
COLUMNS = 4
_LONGEST = 96
_LINE = 128


def draw(measurements: Sequence[Measurement]) -> bytes:
    """A PNG of one measurement, or of two of the same layers before and after a training."""
    with styled():
        if any(len(each.fields) > 1 for each in measurements):
            figure = _multiples(measurements)
        elif len(measurements) > 1:
            figure = _pair(measurements)
        else:
            figure = _single(measurements[0])
        return saved(figure)


def _single(found: Measurement) -> Figure:
    """The map with its boxes, beside it the profile along every axis."""
    field, axes = found.fields[0], len(found.spatial)
    view = panels.view([field], found.spatial)
    if axes == 1:
        figure = new_figure(3.6)
        only = figure.subplots()
        panels.profile(only, field, 0, view[0])
        only.set_xlabel("position of the input")
        only.set_ylabel("share of the gradient")
        _legend(figure, [*panels.key(field, (), found.spatial), *_curves()])
    elif axes == 2:
        high, wide = (edge - start for start, edge in view)
        left = WIDTH * 0.56
        figure = new_figure(min(max(left * high / wide, 3.2), 7.5) + 1.35)
        parts = figure.subplot_mosaic([["map", "down"], ["map", "across"]], width_ratios=[1.55, 1])
        _map(figure, parts["map"], field, view)
        for name, axis in (("down", 0), ("across", 1)):
            panels.profile(parts[name], field, axis, view[axis])
            parts[name].set_title(f"in each {PLACES[2][axis]}")
        parts["across"].set_xlabel("pixels of the input")
        _legend(figure, [*panels.key(field, (HALF, NEARLY_ALL), found.spatial), *_curves()])
    else:
        figure = _slices(found, field, view)
    _title(figure, f"{field.layer}: what its centre unit depends on", found, f"{found.weights}, {found.inputs}")
    return figure


def _slices(found: Measurement, field: EffectiveField, view: Sequence[panels.Span]) -> Figure:
    """Of three axes the slices through the centre, and the profiles under them."""
    names = axis_names(len(found.spatial))
    figure = new_figure(6.2)
    pairs = list(combinations(range(len(names)), 2))[:3]
    grid = figure.subplots(2, 3, height_ratios=[2, 1], squeeze=False)
    image: Any = None
    for axes, (down, right) in zip(grid[0], pairs, strict=True):
        image = panels.heat(axes, field, view, (down, right))
        axes.set_aspect("auto")
        panels.boxes(axes, field, (HALF,), (down, right))
        axes.set_title("slice through the centre")
        axes.set_xlabel(names[right])
        axes.set_ylabel(names[down])
    _scale(figure, image, list(grid[0]), "share of the peak")
    for axis, axes in enumerate(grid[1]):
        panels.profile(axes, field, axis, view[axis])
        axes.set_title(f"at each {names[axis]}")
    _legend(figure, [*panels.key(field, (HALF,), found.spatial), *_curves()])
    return figure


def _pair(measurements: Sequence[Measurement]) -> Figure:
    """Two maps side by side at one scale, under them both profiles along every axis."""
    before, after = (each.fields[0] for each in measurements)
    found, axes = measurements[0], len(measurements[0].spatial)
    view = panels.view([before, after], found.spatial)
    places = PLACES.get(axes) or axis_names(axes)
    if axes == 1:
        figure = new_figure(3.6)
        lower = [figure.subplots()]
    else:
        high, wide = (edge - start for start, edge in view[-2:])
        figure = new_figure(min(max(0.4 * WIDTH * high / wide, 2.4), 6) + 3.1)
        parts: Any = figure.subfigures(2, 1, height_ratios=[2.3, 1])
        top, bottom = parts
        upper = top.subplots(1, 2)
        image: Any = None
        for place, field, title in zip(upper, (before, after), TITLES, strict=True):
            image = panels.heat(place, field, view)
            panels.boxes(place, field, (HALF, NEARLY_ALL))
            half = next(square for square in field.squares if square.share == HALF)
            sides = " × ".join([f"{half.side.value:g}"] * axes)
            place.set_title(f"{title}: half of the gradient in {sides}")
        _scale(top, image, list(upper), "share of the peak")
        lower = list(bottom.subplots(1, axes))
    for axis, place in enumerate(lower):
        panels.profile(place, after, axis, view[axis], before)
        place.set_title(f"{'in' if axes == 2 else 'at'} each {places[axis]}")
    lines = [
        Line2D([], [], color=BEFORE, linewidth=1.6, label="before"),
        Line2D([], [], color=MEASURED, linewidth=1.6, label="after"),
    ]
    _legend(figure, [*panels.key(after, (), found.spatial), *(_frames() if axes > 1 else []), *lines])
    _title(
        figure, f"{after.layer}: what its centre unit depends on", found, f"{measurements[1].weights}, {found.inputs}"
    )
    return figure


def _multiples(measurements: Sequence[Measurement]) -> Figure:
    """All layers at one scale, each with its boxes; before and after a training under one another."""
    found, axes = measurements[0], len(measurements[0].spatial)
    count, rows_each = len(found.fields), len(measurements)
    columns = min(COLUMNS if axes > 1 else 3, count)
    blocks = ceil(count / columns)
    view = panels.view([field for each in measurements for field in each.fields], found.spatial)
    ratio = 0.55 if axes == 1 else (view[-2][1] - view[-2][0]) / (view[-1][1] - view[-1][0])
    panel = (WIDTH - 1.1) / max(columns, 2) * min(ratio, 1.6) * 0.97 + 0.45
    figure = new_figure(blocks * rows_each * panel + 1)
    grid = figure.subplots(blocks * rows_each, columns, squeeze=False)
    image: Any = None
    for place in grid.flat:
        place.set_visible(False)
    for row, each in enumerate(measurements):
        for i, field in enumerate(each.fields):
            place = grid[i // columns * rows_each + row, i % columns]
            place.set_visible(True)
            image = _small(place, field, view, axes) or image
            size = " × ".join("?" if r is None else str(r) for r in field.receptive_field)
            head = _cut(field.layer, 118 // columns) if row == 0 else ""
            when = f"{TITLES[row].split()[0]}, " if rows_each > 1 else ""
            half = next(square for square in field.squares if square.share == HALF)
            sides = " × ".join([f"{half.side.value:g}"] * axes)
            place.set_title(f"{head}\n{when}{'global' if all(field.global_) else size}, half in {sides}", fontsize=8.5)
    if image is not None:
        _scale(figure, image, list(grid.flat), "share of each layer's own peak")
    _legend(figure, _frames(theory=True) if axes > 1 else _curves(theory=True))
    weights = " / ".join(dict.fromkeys(each.weights for each in measurements))
    _title(figure, "What the centre unit of each layer depends on", found, f"{weights}, {found.inputs}")
    return figure


def _small(place: Axes, field: EffectiveField, view: Sequence[panels.Span], axes: int) -> Any:
    if axes == 1:
        panels.profile(place, field, 0, view[0])
        return None
    image = panels.heat(place, field, view)
    panels.boxes(place, field, (HALF,))
    panels.bare(place)
    return image


def _map(figure: Figure, axes: Axes, field: EffectiveField, view: Sequence[panels.Span]) -> None:
    image = panels.heat(axes, field, view)
    panels.boxes(axes, field, (HALF, NEARLY_ALL))
    axes.set_xlabel("pixels of the input")
    _scale(figure, image, [axes], "share of the peak")


def _scale(figure: Any, image: Any, axes: Sequence[Axes], label: str) -> None:
    """The colour bar, with ticks that say how the scale runs."""
    bar = figure.colorbar(image, ax=list(axes), shrink=0.8, aspect=32, pad=0.015, ticks=TICKS)
    bar.ax.set_yticklabels([f"{100 * tick:g}%" for tick in TICKS])
    bar.set_label(label)
    bar.outline.set_color(GRID)


def _frames(theory: bool = False) -> list[Any]:
    """What frames mean where their sizes differ from panel to panel."""
    frames = [Patch(fill=False, edgecolor=THEORY, linewidth=1.6, label="theoretical field")] if theory else []
    half = Patch(fill=False, edgecolor=INK, linewidth=1.1, linestyle=panels.LINES[HALF], label="half of the gradient")
    most = Patch(fill=False, edgecolor=INK, linewidth=1.1, linestyle=panels.LINES[NEARLY_ALL], label="99% of it")
    return [*frames, half, *([] if theory else [most])]


def _curves(bell: bool = True, theory: bool = False) -> list[Any]:
    """What the parts of a profile mean."""
    bar = Patch(facecolor=MEASURED, alpha=0.3, label="gradient")
    line = Line2D(
        [], [], color=INK, linewidth=1.1, linestyle=panels.GAUSSIAN, label="Gaussian of its mean and variance"
    )
    edge = Line2D([], [], color=THEORY, linewidth=1.4, label="theoretical field")
    return [bar, *([line] if bell else []), *([edge] if theory else [])]


def _legend(figure: Figure, entries: Sequence[Any]) -> None:
    figure.legend(handles=list(entries), loc="outside lower left", ncols=3, handlelength=2.4, columnspacing=2.2)


def _title(figure: Figure, head: str, found: Measurement, below: str) -> None:
    """The title, and under it what was measured, in space of their own."""
    target = _cut(f"{found.target}, input {'x'.join(map(str, found.input_shape[1:]))}", _LONGEST)
    words = f"{target}; {below}"
    if len(words) > _LINE:
        words = f"{target}\n{_cut(below, _LINE)}"
    top, height = 0.72 if "\n" in words else 0.56, figure.get_figheight()
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, 0, 1, 1 - top / height))
    figure.text(0.012, 1 - 0.1 / height, _cut(head, 88), ha="left", va="top", fontsize=12, fontweight="bold", color=INK)
    figure.text(0.012, 1 - 0.34 / height, words, ha="left", va="top", fontsize=8.5, color=FAINT, linespacing=1.35)


def _cut(words: str, letters: int) -> str:
    """The middle left out where the words are too long; the end tells layers and files apart."""
    if len(words) <= letters:
        return words
    head = letters // 3
    return f"{words[:head]}…{words[len(words) - (letters - head - 1) :]}"
