"""How the pictures look: dark on white, one ramp whose lightness falls evenly, lines that are told apart without colour."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from PIL import Image

WIDTH = 9.6
"""Inches, of every picture."""

INK, FAINT, GRID = "#1f2328", "#59636e", "#e3e7ec"
THEORY, BEFORE, MEASURED = "#c2410c", "#8a949e", "#12509e"

RAMP = LinearSegmentedColormap.from_list(
    "erf", ["#ffffff", "#cfe1f5", "#92bfec", "#4c8fd9", "#1c5fae", "#0a2f66", "#051633"]
)
"""From no gradient to its peak."""

SCALE = PowerNorm(0.5, vmin=0, vmax=1)
"""Colours go with the square root of the share of the peak, so that what is faint is seen beside the peak."""

TICKS = (0.01, 0.1, 0.25, 0.5, 1)

HALO = (Stroke(linewidth=2.8, foreground="white", alpha=0.85), Normal())
"""Keeps a thin line legible on any colour."""


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style; names are text and no formulas, and a letter that the font lacks is a box."""
    import warnings

    settings: Any = {
        "font.size": 9,
        "text.color": INK,
        "text.parse_math": False,
        "axes.facecolor": "white",
        "axes.edgecolor": FAINT,
        "axes.labelcolor": FAINT,
        "axes.titlecolor": INK,
        "axes.titlesize": 9.5,
        "axes.titlelocation": "left",
        "axes.titlepad": 7,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "lines.linewidth": 1.6,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def new_figure(height: float) -> Figure:
    """An empty figure, in inches, that leaves room for its labels."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def saved(figure: Figure, dpi: int = 150) -> bytes:
    """The figure as a PNG of 256 colours, a third of the size of one of all, without the time of day in it."""
    canvas: Any = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    buffer = io.BytesIO()
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        buffer, "png", optimize=True, dpi=(dpi, dpi)
    )
    return buffer.getvalue()
