"""The report as CSV: one line per layer, one column per key of the JSON."""

from __future__ import annotations

import csv
import io
from typing import Any

from rfkit.render.rows import entries
from rfkit.report import Report

LISTS = ("inputs", "context", "flags", "global")
UNITS = ("lo", "hi", "reached")


def render(report: Report, *, layers: str | None = None) -> str:
    """Every layer on a line: values per axis joined by ``x`` (``11x11``, ``1/2x1/2``), lists of names by spaces.

    What is not known or does not apply is empty; positions (``lo``, ``hi`` and ``reached``) are left to the JSON.

    Args:
        report: what a trace found.
        layers: a shell pattern for the layers to write, e.g. ``conv*``.

    Raises:
        UsageError: no layer matches ``layers``.
    """
    rows = [_row(entry) for entry in entries(report, layers)]
    names = list(rows[0]) if rows else []
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _row(entry: dict[str, Any]) -> dict[str, str]:
    return {key: _cell(key, value) for key, value in entry.items() if key not in UNITS}


def _cell(key: str, value: Any) -> str:
    if isinstance(value, list):
        if all(item is None for item in value):
            return ""
        return (" " if key in LISTS else "x").join(_word(item) for item in value)
    return _word(value)


def _word(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
