"""The table for a terminal: never wider than asked for, numbers lined up, what is usual left blank."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from rfkit.render import summary, text
from rfkit.render.rows import MARKS, Row, select
from rfkit.report import Report

PIPED_WIDTH = 120
NARROWEST = 40

DIM, BOLD, BAR, WARNING, UNKNOWN = "2", "1", "36", "33", "31"


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay the table out, and how far names and types may shrink before the next one is tried.

    Attributes:
        gap: spaces between columns.
        bar: length of the coverage bar.
        percent: whether the coverage stands beside its bar.
        letters: letters that every word of a layer's path keeps.
        names: columns below which names are not cut, whatever their words.
        types: columns below which types are not cut.
        exact: whether parameters are written out to the last one.
        paths: whether the field is a range where paths differ.
        without: columns left out.
    """

    gap: int = 1
    bar: int = 0
    percent: bool = True
    letters: int = 1
    names: float = inf
    types: float = inf
    exact: bool = False
    paths: bool = True
    without: frozenset[str] = frozenset()


_BARE = frozenset({"type", "sees", "jump", "reads"})

LAYOUTS = (
    Layout(gap=2, bar=7, letters=99, exact=True),
    Layout(gap=2, bar=7, letters=5, names=32, types=12, exact=True),
    Layout(bar=7, letters=4, names=28, types=12, exact=True),
    Layout(bar=5, letters=4, names=24, types=11, exact=True),
    Layout(bar=5, letters=4, names=24, types=11),
    Layout(bar=4, letters=3, names=22, types=9),
    Layout(bar=4, percent=False, letters=3, names=22, types=9),
    Layout(bar=4, percent=False, letters=2, names=22, types=6),
    Layout(bar=4, percent=False, letters=1, names=22, types=6),
    Layout(bar=4, percent=False, letters=2, names=22, types=6, paths=False),
    Layout(bar=4, percent=False, names=18, types=6, paths=False),
    Layout(bar=4, percent=False, letters=2, names=18, without=frozenset({"type"})),
    Layout(bar=4, percent=False, names=16, paths=False, without=frozenset({"type"})),
    Layout(names=16, paths=False, without=frozenset({"type", "sees"})),
    Layout(names=14, paths=False, without=_BARE),
    Layout(names=10, paths=False, without=_BARE | {"MACs", "k s d"}),
    Layout(names=0, paths=False, without=_BARE | {"MACs", "k s d", "params"}),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its cells, the style of each cell (an SGR code, empty for none), and its heading if not its name."""

    name: str
    cells: Sequence[str]
    align: str = "<"
    styles: Sequence[str] = ()
    heading: str | None = None

    @property
    def title(self) -> str:
        """What stands above the column."""
        return self.name if self.heading is None else self.heading

    @property
    def width(self) -> int:
        """Columns of the terminal that it takes."""
        return max(text.width(cell) for cell in (self.title, *self.cells))


def render(
    report: Report,
    *,
    width: int | None = None,
    color: bool = False,
    all_rows: bool = False,
    layers: str | None = None,
    depth: int | None = None,
) -> str:
    """The report as a table with its totals, ending in a newline.

    Args:
        report: what a trace found.
        width: columns that no line exceeds (at least 40); None: those of the terminal, 120 without one.
        color: with ANSI colours.
        all_rows: with norms, activations and whatever else passes its input's field on unchanged.
        layers: a shell pattern for the layers to show, e.g. ``conv*``.
        depth: fold the layers that share this many components of their names into one row.

    Raises:
        UsageError: no layer matches ``layers``.
    """
    width = max(width or shutil.get_terminal_size((PIPED_WIDTH, 24)).columns, NARROWEST)
    selection = select(report, all_rows=all_rows, layers=layers, depth=depth)
    top = _head(report, width, color)
    columns, layout = _fit(selection.rows, width)
    body = _body(columns, layout.gap, len(selection.rows), color)
    remarks = summary.lines(report, selection)
    if not layout.paths and any(row.field != row.longest_field for row in selection.rows):
        remarks.append("RF is that of the longest path; with more columns, that of the shortest stands beside it.")
    if any(name != text.one_line(row.label) for name, row in zip(columns[0].cells, selection.rows, strict=True)):
        remarks.append(f"Names are shortened to fit {width} columns.")
    below = [_colored_mark(line, color) for line in _wrapped(remarks, width)]
    return "\n".join([*top, "", *body, "", *below]) + "\n"


def _head(report: Report, width: int, color: bool) -> list[str]:
    target, size, how = summary.head(report)
    line = f"{target}   {size}   {how}"
    if text.width(line) <= width:
        return [f"{_style(target, BOLD, color)}   {size}   {_style(how, DIM, color)}"]
    rest = f"{size}   {how}" if len(size) + len(how) + 3 <= width else size
    return [_style(text.shorten(target, width), BOLD, color), text.shorten(rest, width)]


def _body(columns: Sequence[Column], gap: int, rows: int, color: bool) -> list[str]:
    widths = [column.width for column in columns]
    titles = [text.pad(c.title, width, c.align) for c, width in zip(columns, widths, strict=True)]
    table = [" " + _style((" " * gap).join(titles).rstrip(), DIM, color)]
    for i in range(rows):
        cells = [_cell(column, i, width, color) for column, width in zip(columns, widths, strict=True)]
        table.append(" " + (" " * gap).join(cells))
    return [line.rstrip() for line in table]


def _cell(column: Column, i: int, width: int, color: bool) -> str:
    cell, style = column.cells[i], column.styles[i] if column.styles else ""
    space = " " * (width - text.width(cell))
    shown = _style(cell, style, color and bool(style) and bool(cell))
    return space + shown if column.align == ">" else shown + space


def _fit(rows: Sequence[Row], width: int) -> tuple[list[Column], Layout]:
    """The columns of the first layout that fits, names and types shortened only as far as they must be."""
    labels, types = [row.label for row in rows], [row.type for row in rows]
    longest, widest = _longest("layer", labels), _longest("type", types)
    for layout in LAYOUTS:
        typed = any(types) and "type" not in layout.without
        columns = [c for c in _columns(rows, layout) if c.name not in layout.without]
        room = width - 1 - sum(column.width + layout.gap for column in columns) - layout.gap * typed
        least = min(widest, layout.types) if typed else 0
        if room - least >= min(longest, layout.names, _longest("layer", _abbreviated(labels, layout.letters))):
            break
    space = int(max(min(longest, room - least), 5))
    names = Column("layer", _names(labels, space))
    if typed:
        columns.insert(0, Column("type", [text.cut(kind, int(room - names.width)) for kind in types]))
    return [names, *columns], layout


def _names(labels: Sequence[str], columns: int) -> list[str]:
    """The labels in so many columns: words cut to the same number of letters, then whatever is still too long."""
    for letters in (99, 8, 6, 5, 4, 3, 2, 1):
        names = _abbreviated(labels, letters)
        if _longest("layer", names) <= columns:
            break
    return [text.shorten(name, columns) for name in names]


def _abbreviated(labels: Sequence[str], letters: int) -> list[str]:
    return [text.abbreviate(label, letters) for label in labels]


def _longest(title: str, cells: Sequence[str]) -> int:
    return max(text.width(cell) for cell in (title, *cells))


def _columns(rows: Sequence[Row], layout: Layout) -> list[Column]:
    marked = [WARNING if row.marks else "" for row in rows]
    lost = [UNKNOWN if row.unknown else "" for row in rows]
    found = [
        Column("output", [row.output for row in rows], ">"),
        _windows(rows),
        Column("RF", [row.field if layout.paths else row.longest_field for row in rows], ">", lost),
        Column("jump", [row.jump for row in rows], ">"),
        Column("reads", [row.reads for row in rows], ">"),
        Column("hole", [row.hole for row in rows], ">"),
        Column("sees", [_sees(row, layout) for row in rows], "<", [BAR] * len(rows)),
        Column("params", [_count(row.params, layout.exact) for row in rows], ">"),
        Column("MACs", [text.human(row.macs) if row.macs else "" for row in rows], ">"),
        Column("", [row.marks for row in rows], "<", marked),
    ]
    return [column for column in found if column.name in _ALWAYS or any(column.cells)]


_ALWAYS = frozenset({"output", "RF", "params", "MACs"})
_MARKED = frozenset(f"{mark} " for mark in MARKS.values())


def _count(count: int, exact: bool) -> str:
    return "" if not count else f"{count:,}" if exact else text.human(count)


def _sees(row: Row, layout: Layout) -> str:
    if row.everything:
        return "everything" if layout.percent and layout.bar >= 5 else "all"
    if row.coverage is None:
        return "?" if row.unknown else ""
    bar = text.bar(row.coverage, layout.bar)
    return f"{bar} {text.percent(row.coverage):>4}" if layout.percent else bar.rstrip()


def _windows(rows: Sequence[Row]) -> Column:
    """Kernel, stride and dilation in one cell, each in its own place, so that a blank stride or dilation reads as 1."""
    widths = [max(1, *(len(row.window[i]) for row in rows)) if rows else 1 for i in range(3)]
    cells = []
    for row in rows:
        places = " ".join(text.pad(value, columns) for value, columns in zip(row.window[:3], widths, strict=True))
        cells.append(" ".join(part for part in (places.rstrip(), row.window[3]) if part))
    heading = " ".join(text.pad(letter, columns) for letter, columns in zip("ksd", widths, strict=True))
    return Column("k s d", cells, heading=heading.rstrip())


def _wrapped(lines: Sequence[str], width: int) -> list[str]:
    found: list[str] = []
    for line in lines:
        indent = "   " if line[:2] in _MARKED else " "
        found += textwrap.wrap(line, width, initial_indent=" ", subsequent_indent=indent, break_on_hyphens=False)
    return found


def _colored_mark(line: str, color: bool) -> str:
    return f" {_style(line[1], WARNING, color)}{line[2:]}" if line[1:3] in _MARKED else line


def _style(words: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{words}\x1b[0m" if color else words
