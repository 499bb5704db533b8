"""Colours of boxes: five steps of one hue, light enough for black text, dark enough apart to be told without the hue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import floor, log10

from rfkit.render import text
from rfkit.render.rows import Row, largest_field
from rfkit.report import Report

STEPS = ("#f4f8fc", "#d8e7f4", "#b3d2ea", "#8fbfe0", "#6aaad5")
UNKNOWN = "#ffffff"

COLORS = ("coverage", "rf", "params", "macs")


@dataclass(frozen=True, slots=True)
class Scale:
    """What a colour says.

    Attributes:
        title: what is measured.
        classes: per step, lightest first, the range of values it stands for, in words.
        step: number of the step of a row, None where its value is not known.
    """

    title: str
    classes: tuple[str, ...]
    step: Callable[[Row], int | None]

    def color(self, row: Row) -> str:
        """Fill of the row's box, ``#rrggbb``."""
        step = self.step(row)
        return UNKNOWN if step is None else STEPS[step]


def scale(report: Report, rows: Iterable[Row], color: str) -> Scale:
    """The scale for one of ``COLORS``; that of costs reaches as far as the rows do."""
    if color == "coverage":
        return Scale("Share of the image that a unit sees", _SHARES, lambda row: _share(row.coverage))
    if color == "rf":
        return _sides(report)
    if color == "params":
        return _decades("Parameters", [row.params for row in rows], lambda row: row.params)
    return _decades("Multiply-accumulates", [row.macs for row in rows], lambda row: row.macs)


_SHARES = ("0–20%", "20–40%", "40–60%", "60–80%", "80–100%")
_RATIOS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2))


def _share(coverage: float | None) -> int | None:
    if coverage is None:
        return None
    return next((step for step in range(4) if coverage <= (step + 1) / 5), 4)


def _side(report: Report, row: Row) -> int | None:
    field = text.known(largest_field(row.ends))
    if field is None:
        return None
    ratio = max((Fraction(size) / side for size, side in zip(field, report.spatial, strict=True) if side), default=None)
    if ratio is None:
        return None
    return next((step for step, bound in enumerate(_RATIOS) if ratio <= bound), len(_RATIOS))


def _sides(report: Report) -> Scale:
    """Steps in pixels where all sides are equal, else in shares of a side; of several axes that with the largest share."""

    def step(row: Row) -> int | None:
        return _side(report, row)

    if len(set(report.spatial)) == 1:
        side = report.spatial[0]
        words = [f"to {floor(side * ratio):,}" for ratio in _RATIOS]
        return Scale(f"Receptive field; the image's side is {side:,}", (*words, "more"), step)
    return Scale("Receptive field by the image's side", (*(f"to {ratio}" for ratio in _RATIOS), "more"), step)


def _decades(title: str, counts: Iterable[int], of: Callable[[Row], int]) -> Scale:
    """Steps of a factor of ten, the darkest one for the largest count."""
    top = max(floor(log10(max(1, *counts, 1))), 3)
    bounds = [10 ** (top - 3 + i) for i in range(4)]
    words = [text.human(bound).replace(".0", "") for bound in bounds]
    classes = (f"under {words[0]}", *(f"{low}–{high}" for low, high in pairwise(words)), f"from {words[-1]}")
    return Scale(title, classes, lambda row: sum(of(row) >= bound for bound in bounds))
