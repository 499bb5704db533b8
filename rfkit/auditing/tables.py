"""From rows of cells to tables: where the headings are, what stands above them, which rows belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rfkit.auditing import headings
from rfkit.auditing.headings import plain
from rfkit.auditing.model import Column, Line, Table
from rfkit.auditing.values import is_blank
from rfkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a file. ``starts``: it is a heading row by the file's own form; ``heading``: it is a title."""

    number: int
    cells: tuple[str, ...]
    starts: bool = False
    heading: bool = False


def tables_of(grid: Sequence[Cells], source: str, *, decimal_comma: bool = False) -> Iterator[Table]:
    """The tables of a grid whose headings are understood.

    Rows above the first headings are titles, as are rows of a single cell that is no number; headings that are
    repeated are passed over. Tables under the same headings are one: what belongs to which branch is told later.

    Args:
        grid: the rows of a file.
        source: name of the file.
        decimal_comma: whether numbers are written ``7,5``.
    """
    columns: tuple[Column, ...] = ()
    lines: list[Line] = []
    header, block = 0, ""
    for row in grid:
        found = headings.columns(row.cells)
        if headings.is_header(found):
            if found != columns and lines:
                yield Table(columns, tuple(lines), source, header, decimal_comma)
            if found != columns:
                columns, lines, header = found, [], row.number
        elif row.starts:
            if lines:
                yield Table(columns, tuple(lines), source, header, decimal_comma)
            columns, lines = (), []
        elif row.heading or _is_title(row.cells, columns):
            block = next(plain(cell) for cell in row.cells if cell)
        elif columns and not all(is_blank(cell) for cell in row.cells):
            stated = _block(row.cells, columns)
            block = stated or block
            lines.append(Line(row.number, _fitted(row.cells, columns), block))
    if lines:
        yield Table(columns, tuple(lines), source, header, decimal_comma)


def from_mappings(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The table that a list of mappings from heading to value is; line numbers count from 1.

    Raises:
        UsageError: fewer than two of the headings are understood, or none is a number that can be checked.
    """
    names = list(dict.fromkeys(str(key) for row in rows for key in row))
    columns = headings.columns(names)
    if not headings.is_header(columns):
        shown = ", ".join(names)[:60]
        raise UsageError(
            f"no number to check under the headings {shown!r}; expected some of layer, k, s, p, r_out, n_out, j_out"
        )
    lines = []
    block = ""
    for number, row in enumerate(rows, 1):
        by_name = {str(key): value for key, value in row.items()}
        cells = tuple(_written(by_name.get(name)) for name in names)
        block = _block(cells, columns) or block
        lines.append(Line(number, cells, block))
    return Table(columns, tuple(lines))


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_title(cells: Sequence[str], columns: Sequence[Column]) -> bool:
    """Whether a row is a caption: one cell of words, where the headings have more columns."""
    filled = [plain(cell) for cell in cells if plain(cell)]
    return len(filled) == 1 and len(columns) != 1 and not any(char.isdecimal() for char in filled[0][:1])


def _block(cells: Sequence[str], columns: Sequence[Column]) -> str:
    pairs = zip(cells, columns, strict=False)
    return next((plain(cell) for cell, column in pairs if column.meanings == ("block",)), "")


def _fitted(cells: Sequence[str], columns: Sequence[Column]) -> tuple[str, ...]:
    """As many cells as there are headings; what is missing at the end is blank."""
    missing = len(columns) - len(cells)
    return (*cells[: len(columns)], *([""] * missing))
