"""The figures of ``docs/receptive-fields.md``, drawn from what ``rfkit.trace`` reports.

``python -m docs.figures`` writes them to ``docs/images``. The same numbers give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.figures import charts, strips

IMAGES = Path(__file__).resolve().parents[1] / "images"

FIGURES: Mapping[str, Callable[[], str]] = {
    "start-and-jump": strips.start_and_jump,
    "dilation-and-jump": strips.dilation_and_jump,
    "border": charts.border,
    "two-paths": charts.two_paths,
    "gridding": strips.gridding,
    "growth": charts.growth,
    "nested-fields": charts.nested_fields,
}
"""What draws each figure, by the name of its file."""


def write(folder: Path = IMAGES) -> list[Path]:
    """Draw all figures into a folder; returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in FIGURES.items():
        path = folder / f"{name}.svg"
        path.write_text(draw(), encoding="utf-8", newline="\n")
        written.append(path)
    return written
