"""How figures look: two themes, sizes, axes without clutter, and files that are the same for the same run."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

WIDTH = 9.4
"""Inches, of every figure: with 100 dots an inch the width of the report's text."""


@dataclass(frozen=True)
class Theme:
    """Colours of a figure.

    Attributes:
        name: light or dark.
        paper: behind it.
        ink: of text.
        faint: of axes and of what is said besides.
        grid: of lines behind curves.
        series: of curves, in order; they differ in lightness too.
        good: of what is right.
        bad: of what is wrong.
        ramp: from few to many, in a matrix.
    """

    name: str
    paper: str
    ink: str
    faint: str
    grid: str
    series: tuple[str, ...]
    good: str
    bad: str
    ramp: tuple[str, ...]

    @property
    def colormap(self) -> LinearSegmentedColormap:
        """The ramp as matplotlib takes it."""
        return LinearSegmentedColormap.from_list(f"trainer-{self.name}", list(self.ramp))


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1f2328",
    faint="#59636e",
    grid="#e3e7ec",
    series=("#1f6fd0", "#d1570b", "#3f8f3f", "#8d4bbb", "#b3893b", "#0f8a8a", "#c2416b", "#6b7480"),
    good="#2a7d3f",
    bad="#c0362c",
    ramp=("#ffffff", "#d5e5f8", "#8fbcec", "#3f86d6", "#12509e"),
)

DARK = Theme(
    name="dark",
    paper="#15191f",
    ink="#e6eaf0",
    faint="#9aa5b1",
    grid="#2b323b",
    series=("#5ea4f5", "#f0934a", "#6cc070", "#c191e8", "#d9b56c", "#4cc4c4", "#ee85a6", "#a3adb8"),
    good="#6cc070",
    bad="#f0736a",
    ramp=("#15191f", "#173252", "#1d5590", "#3f8be0", "#b5d6fb"),
)


@contextmanager
def styled(theme: Theme) -> Iterator[None]:
    """Draw in a theme; class names are text and no formulas, and a letter that the font lacks is a box and no warning."""
    settings: Any = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.color": theme.ink,
        "text.parse_math": False,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.faint,
        "axes.labelcolor": theme.faint,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 9,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "lines.linewidth": 1.7,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "svg.hashsalt": "trainer",
        "svg.fonttype": "path",
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure, in inches, that leaves room for its labels."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def whole_epochs(axes: Axes, epochs: int) -> None:
    """An axis of epochs: whole numbers, from the first to the last."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.set_xlim(min(1, epochs) if epochs > 1 else 0.5, max(epochs, 1.5))
    axes.set_xlabel("epoch")


def saved(figure: Figure, form: str, dpi: int = 200) -> bytes:
    """The figure as a PNG, SVG or PDF, without the time of day in it."""
    file = io.BytesIO()
    metadata: dict[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[form]
    figure.savefig(file, format=form, dpi=dpi, metadata=metadata)
    return file.getvalue()
