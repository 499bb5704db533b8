"""The baseline as a table for a terminal."""

from __future__ import annotations

from rfkit.gate.formats.lines import BOLD, DIM, styled
from rfkit.gate.formats.words import many, one_line
from rfkit.gate.history.baseline import Baseline, Entry
from rfkit.gate.history.metrics import METRICS
from rfkit.render import text

EXPENDABLE = ("activations", "coverage", "jump", "input", "MACs")
"""Columns that are left out, one after the other, where the terminal is too narrow."""
LEAST_NAME = 12


def render(baseline: Baseline, file: str, *, width: int = 80, color: bool = False) -> str:
    """A row per network, sorted by name, with every stored figure in full digits, as many columns as fit.

    Args:
        baseline: what is stored.
        file: where.
        width: columns that no line exceeds, at least 60.
        color: with ANSI colours.
    """
    head = f"{one_line(file)}: {many(len(baseline.models), 'network')}, measured by rfkit {one_line(baseline.version)}"
    if not baseline.models:
        return f"{head}\n"
    columns = _columns(baseline)
    left_out = []
    while _needed(columns) > max(width, 60) and (narrow := next((c for c in EXPENDABLE if c in columns), None)):
        left_out.append(narrow)
        del columns[narrow]
    names = columns["network"]
    room = max(max(width, 60) - _needed(columns) + min(max(map(text.width, names)), LEAST_NAME), LEAST_NAME)
    columns["network"] = [text.shorten(name, room) for name in names]
    lines = [styled(head, BOLD, color), "", *_rows(columns, color)]
    if left_out:
        lines += ["", styled(f" With more columns: {', '.join(reversed(left_out))}.", DIM, color)]
    return "".join(f"{line}\n" for line in lines)


def _columns(baseline: Baseline) -> dict[str, list[str]]:
    """The cells of every column by its heading, the heading first."""
    entries = sorted(baseline.models.items())
    found = {
        "network": ["network", *(one_line(name) for name, _ in entries)],
        "input": ["input", *(_input(entry) for _, entry in entries)],
    }
    for metric in METRICS:
        found[metric.heading] = [metric.heading, *(_figure(entry, metric.key) for _, entry in entries)]
    return found


def _figure(entry: Entry, key: str) -> str:
    metric = next(metric for metric in METRICS if metric.key == key)
    if key not in entry.figures:
        return ""
    return f"{'<= ' if key in entry.bounds else ''}{metric.amount(entry.figures[key])}"


def _input(entry: Entry) -> str:
    shape = entry.input_shape
    return text.area(shape[1:] if shape[0] == 1 else shape) + (" strict" if entry.strict else "")


def _needed(columns: dict[str, list[str]]) -> int:
    """Columns of the terminal that the table takes, with the shortest names."""
    widths = {name: max(map(text.width, cells)) for name, cells in columns.items()}
    widths["network"] = min(widths["network"], LEAST_NAME)
    return 1 + sum(widths.values()) + 2 * (len(widths) - 1)


def _rows(columns: dict[str, list[str]], color: bool) -> list[str]:
    widths = {name: max(map(text.width, cells)) for name, cells in columns.items()}
    found = []
    for i in range(len(columns["network"])):
        cells = [
            text.pad(column[i], widths[name], "<" if name == "network" else ">") for name, column in columns.items()
        ]
        line = f" {'  '.join(cells)}".rstrip()
        found.append(styled(line, DIM, color) if i == 0 else line)
    return found
