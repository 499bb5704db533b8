"""The table of layers in a diff for a terminal: a row per layer, what does not fit its column continued below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rfkit.gate.formats.lines import DIM, GREEN, RED, YELLOW, styled, wrapped
from rfkit.gate.history.changes import Kind
from rfkit.gate.history.diff_formats.wording import ARROW, MARKS, Line
from rfkit.render import text

STYLES = {Kind.ADDED: GREEN, Kind.REMOVED: RED, Kind.CHANGED: YELLOW, Kind.RENAMED: DIM, Kind.AFFECTED: DIM}
_MARK, _GAP = 3, 2
_LEAST = {"name": (24, 16, 10), "type": (14, 10, 0), "what": (24, 18, 10)}
"""Columns that the three flexible cells keep at least, in three steps; without any left, the type goes."""


@dataclass(frozen=True, slots=True)
class Widths:
    """Columns of each cell; a type of 0 is left out."""

    name: int
    type: int
    what: int
    field: int
    params: int


def table(lines: Sequence[Line], width: int, color: bool) -> list[str]:
    """A heading and the rows, no line wider than ``width`` (at least 60); nothing where there are no layers."""
    if not lines:
        return []
    widths = _widths(lines, width)
    head = _row(widths, "layer", "", "", "RF", "params", "   ")
    return [styled(head, DIM, color), *(row for line in lines for row in _rows(line, widths, color))]


def _rows(line: Line, widths: Widths, color: bool) -> list[str]:
    names, whats = _names(line.names, widths.name), wrapped(line.what, widths.what)
    kind = text.cut(line.type, widths.type - 1) if text.width(line.type) > widths.type else line.type
    mark = f" {styled(MARKS[line.kind], STYLES[line.kind], color)} "
    found = []
    for i, (name, what) in enumerate(zip_longest(names, whats, fillvalue="")):
        rest = (line.field, line.params, mark) if i == 0 else ("", "", " " * _MARK)
        found.append(_row(widths, name, "" if i else kind, what, *rest))
    return found


def _row(widths: Widths, name: str, kind: str, what: str, field: str, params: str, mark: str) -> str:
    cells = [text.pad(name, widths.name), *([text.pad(kind, widths.type)] if widths.type else [])]
    cells += [text.pad(what, widths.what), text.pad(field, widths.field, ">"), text.pad(params, widths.params, ">")]
    return (mark + (" " * _GAP).join(cells)).rstrip()


def _names(names: Sequence[str], columns: int) -> list[str]:
    """The name in so many columns; an old and a new one on two lines where one is too short for both."""
    whole = f" {ARROW} ".join(names)
    if text.width(whole) <= columns or len(names) == 1:
        return [text.shorten(whole, columns)]
    return [f"{text.shorten(names[0], columns - len(ARROW) - 1)} {ARROW}", text.shorten(names[1], columns)]


def _widths(lines: Sequence[Line], width: int) -> Widths:
    """As wide as the cells are; where that is too much, the flexible ones shrink in turn, the widest first."""
    wanted = {
        "name": _longest("layer", *(f" {ARROW} ".join(line.names) for line in lines)),
        "type": _longest(*(line.type for line in lines)),
        "what": _longest("-", *(line.what for line in lines)),
    }
    field, params = (
        _longest("RF", *(line.field for line in lines)),
        _longest("params", *(line.params for line in lines)),
    )
    room = width - _MARK - field - params - 4 * _GAP
    for step in range(3):
        least = {cell: min(columns, _LEAST[cell][step]) for cell, columns in wanted.items()}
        if sum(least.values()) <= room:
            break
    spare = room - sum(least.values())
    for cell in ("type", "name", "what"):
        more = max(min(wanted[cell] - least[cell], spare), 0) if least[cell] else 0
        least[cell] += more
        spare -= more
    return Widths(least["name"], least["type"], least["what"], field, params)


def _longest(*cells: str) -> int:
    return max(map(text.width, cells))
