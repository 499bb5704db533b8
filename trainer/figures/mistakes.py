"""Images that the network got wrong, and what it looked at."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainer.figures.style import Theme, new_figure
from trainer.stored_evaluation import Evaluation
from trainer.tables import cut

COLUMNS = 5
"""Images in a row."""

EXPLAINED = 8
"""Images whose maps are drawn."""


def misclassified(evaluation: Evaluation, theme: Theme) -> Figure:
    """The mistakes that the network was surest of, each with what it is and what it was taken for.

    Args:
        evaluation: with errors, at least one.
        theme: of the figure.
    """
    assert evaluation.errors is not None
    images = evaluation.errors.images
    rows = -(-len(images) // COLUMNS)
    figure = new_figure(rows * 2.2)
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for number, axes in enumerate(grid.flat):
        bare(axes)
        if number < len(images):
            show(axes, images[number])
            _caption(axes, evaluation, number, theme)
    return figure


def grad_cam_of_mistakes(evaluation: Evaluation, theme: Theme) -> Figure:
    """Three rows: the image; what speaks for the class it was taken for; what speaks for the class it is.

    Args:
        evaluation: with errors and their maps.
        theme: of the figure.
    """
    assert evaluation.errors is not None
    assert evaluation.errors.maps is not None
    images, maps = evaluation.errors.images[:EXPLAINED], evaluation.errors.maps[:EXPLAINED]
    columns = max(len(images), 4)
    figure = new_figure(4.1)
    grid = figure.subplots(3, columns, squeeze=False)
    for column in range(columns):
        for row in range(3):
            bare(grid[row, column])
        if column >= len(images):
            continue
        show(grid[0, column], images[column])
        for row in (1, 2):
            show(grid[row, column], overlaid(images[column], maps[column, row - 1]))
        expected, predicted = _names(evaluation, column)
        for row, name, colour in ((1, predicted, theme.bad), (2, expected, theme.good)):
            grid[row, column].set_title(
                cut(name, 14), fontsize=8.5, fontweight="normal", color=colour, loc="center", pad=4
            )
    for row, text in enumerate(("image", "for predicted", "for expected")):
        grid[row, 0].set_ylabel(text, fontsize=8.5, color=theme.faint)
    return figure


def overlaid(image: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The map over the grey image: scaled to its own highest value, enlarged bilinearly; all zero leaves the image grey.

    Args:
        image: (H, W, C) uint8.
        heat: (h, w), 0 and above.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = image.shape[:2]
    scaled = heat / heat.max() if heat.max() > 0 else heat
    large = enlarged(scaled, height, width)[..., None]
    grey = image.mean(2, keepdims=True) / 255
    colours = mpl.colormaps["inferno"](large[..., 0])[..., :3]
    mixed = (1 - 0.6 * large) * grey + 0.6 * large * colours
    pixels: NDArray[np.uint8] = (255 * np.clip(mixed, 0, 1)).round().astype(np.uint8)
    return pixels


def enlarged(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """A map at another size, (height, width), bilinear between the centres of its places, constant beyond the outermost."""
    rows = (np.arange(height) + 0.5) * values.shape[0] / height - 0.5
    columns = (np.arange(width) + 0.5) * values.shape[1] / width - 0.5
    tall = np.stack([np.interp(rows, np.arange(values.shape[0]), column) for column in values.T], 1)
    return np.stack([np.interp(columns, np.arange(values.shape[1]), row) for row in tall])


def show(axes: Axes, image: NDArray[np.uint8]) -> None:
    """An image, grey or in colour, its pixels as they are where it is small."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    axes.imshow(
        pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest" if max(image.shape) <= 96 else "antialiased"
    )


def bare(axes: Axes) -> None:
    """Axes without ticks, lines and grid."""
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _caption(axes: Axes, evaluation: Evaluation, number: int, theme: Theme) -> None:
    assert evaluation.errors is not None
    expected, predicted = _names(evaluation, number)
    sure = evaluation.probabilities[evaluation.errors.rows[number]].max()
    axes.set_title(
        f"{cut(expected, 20)}\n ",
        fontsize=8.5,
        linespacing=1.6,
        fontweight="normal",
        color=theme.good,
        loc="center",
        pad=3,
    )
    said = f"{cut(predicted, 16)} {100 * sure:.0f}%"
    above: dict[str, Any] = {
        "xy": (0.5, 1),
        "xycoords": "axes fraction",
        "xytext": (0, 4),
        "textcoords": "offset points",
    }
    axes.annotate(said, **above, ha="center", va="bottom", fontsize=8.5, color=theme.bad, annotation_clip=False)


def _names(evaluation: Evaluation, number: int) -> tuple[str, str]:
    """Expected and predicted class of one of the errors."""
    assert evaluation.errors is not None
    row = evaluation.errors.rows[number]
    return evaluation.classes[evaluation.labels[row]], evaluation.classes[evaluation.predicted[row]]
