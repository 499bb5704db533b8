"""Small tables: aligned for a terminal, Markdown, CSV; and how their values are written."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns side by side, the first `left` flush left, the others flush right."""
    table = [list(head), *[list(row) for row in rows]]
    widths = [max(width(row[column]) for row in table) for column in range(len(head))]
    lines = []
    for row in table:
        cells = [pad(cell, widths[column], right=column >= left) for column, cell in enumerate(row)]
        lines.append(" " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def wrapped(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> str:
    """Tables, one above the other, none wider than so many columns of a terminal; each begins with the first column."""
    widths = [max(width(row[column]) for row in [head, *rows]) + 2 for column in range(len(head))]
    shown: list[list[int]] = []
    room = 0
    for column in range(1, len(head)):
        if widths[column] > room:
            shown.append([0])
            room = columns + 1 - widths[0]
        shown[-1].append(column)
        room -= widths[column]
    return "\n\n".join(
        aligned([head[each] for each in part], [[row[each] for each in part] for row in rows]) for part in shown
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table of GitHub's Markdown, the first `left` columns flush left."""
    rule = ["---" if column < left else "---:" for column in range(len(head))]
    lines = [head, rule, *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def comma_separated(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """CSV with a line of names; None becomes an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return file.getvalue()


def width(text: str) -> int:
    """Columns that a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """The text filled up with spaces, flush left or flush right."""
    space = " " * max(columns - width(text), 0)
    return space + text if right else text + space


def cut(text: str, columns: int) -> str:
    """The text, its middle replaced by … where it is too long; both ends tell names apart."""
    if len(text) <= columns:
        return text
    head = (columns - 1) // 2
    return f"{text[:head]}…{text[len(text) - (columns - 1 - head) :]}"


def percent(value: float | None, digits: int = 2) -> str:
    """``86.41%``; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}%"


def human(count: float | None) -> str:
    """A count in at most five characters: ``320``, ``9.2k``, ``18.8M``; a dash where there is none."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("", "k", "M", "G"):
        if value < 999.5 or unit == "G":
            return f"{value:.0f}{unit}" if not unit or value >= 99.95 else f"{value:.1f}{unit}"
        value /= 1000
    raise AssertionError("every count has a unit")


def size(count: float) -> str:
    """An amount of bytes: ``640 bytes``, ``3.8 kB``, ``1.2 GB``."""
    if count < 999.5:
        return f"{count:.0f} bytes"
    for unit, bytes_of_it in (("kB", 1e3), ("MB", 1e6)):
        if count < 999.95 * bytes_of_it:
            return f"{count / bytes_of_it:.1f} {unit}"
    return f"{count / 1e9:,.1f} GB"


def counted(count: int, thing: str) -> str:
    """``1 layer``, ``3 layers``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def time(seconds: float | None) -> str:
    """``41s``, ``12m 05s``, ``3h 20m``; a dash where there is none."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole // 60 % 60:02}m"
