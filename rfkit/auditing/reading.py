"""Tables from files: CSV, TSV, Markdown, XLSX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rfkit.auditing.model import Table
from rfkit.auditing.tables import Cells, tables_of
from rfkit.errors import UsageError

XLSX_REMEDY = "pip install 'rfkit[xlsx]'"
ELSEWHERE = {".xls": "an old Excel file", ".ods": "an OpenDocument sheet", ".numbers": "a Numbers file"}
_SEPARATOR = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$|^\s*\|\s*:?-+:?\s*\|\s*$")
_PIPE = re.compile(r"(?<!\\)\|")


def read_table(path: Path | str) -> list[Table]:
    """The tables of a file in which at least two headings are understood, in order.

    The form is told by the name (``.csv``, ``.tsv``, ``.md``, ``.xlsx``); where the name does not say, by the content.

    Raises:
        UsageError: there is no such file, it is no table, openpyxl is missing for an XLSX file, or no heading row is
            found; the message says which.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"no file {path}; give the table of the hand calculation as CSV, TSV, Markdown or XLSX")
    if not path.is_file():
        raise UsageError(f"{path} is not a file; give the table of the hand calculation as CSV, TSV, Markdown or XLSX")
    suffix = path.suffix.lower()
    if suffix in ELSEWHERE:
        raise UsageError(f"{path} is {ELSEWHERE[suffix]}, which rfkit does not read; save it as .xlsx or .csv")
    if suffix in (".xlsx", ".xlsm"):
        return _found([(sheet, False) for sheet in _sheets(path)], path)
    words = _text(path)
    if suffix in (".md", ".markdown") or any(_SEPARATOR.match(line) for line in words.splitlines()):
        return _found([(_markdown(words), False)], path)
    delimiter = "\t" if suffix == ".tsv" else _delimiter(words)
    return _found([(_delimited(words, delimiter, path), delimiter == ";")], path)


def _found(grids: Sequence[tuple[list[Cells], bool]], path: Path) -> list[Table]:
    tables = [table for grid, comma in grids for table in tables_of(grid, path.name, decimal_comma=comma)]
    if tables:
        return tables
    first = next((line for grid, _ in grids for line in grid if any(line.cells)), None)
    if first is None:
        raise UsageError(f"{path} is empty; expected a table with headings such as layer, k, s, p, r_out, n_out, j_out")
    shown = ", ".join(cell for cell in first.cells if cell)[:60]
    raise UsageError(
        f"{path}: no row of headings with a number to check (the first line is {shown!r}); "
        "expected headings such as layer, k, s, p, r_out, n_out, j_out"
    )


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in data:
        raise UsageError(f"{path} is not a text file; give the table as CSV, TSV, Markdown or XLSX")
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _delimiter(words: str) -> str:
    """The separator that cuts most lines alike: of ``;``, a tab, ``,`` and ``|``."""
    lines = [line for line in words.splitlines() if line.strip()][:50]
    counts = {mark: sorted(line.count(mark) for line in lines) for mark in (";", "\t", ",", "|")}
    middle = {mark: found[len(found) // 2] if found else 0 for mark, found in counts.items()}
    return next((mark for mark in (";", "\t", "|") if middle[mark] >= 2), ",")


def _delimited(words: str, delimiter: str, path: Path) -> list[Cells]:
    reader = csv.reader(io.StringIO(words, newline=""), delimiter=delimiter, skipinitialspace=True)
    grid, before = [], 0
    try:
        for cells in reader:
            grid.append(Cells(before + 1, tuple(cell.strip() for cell in cells)))
            before = reader.line_num
    except csv.Error as error:
        raise UsageError(f"{path}, line {before + 1}: {error}; save the table as plain CSV") from None
    return grid


def _markdown(words: str) -> list[Cells]:
    """The rows of all Markdown tables, and the headings above them as rows of a single cell."""
    lines, grid = words.splitlines(), []
    for number, line in enumerate(lines, 1):
        if _SEPARATOR.match(line):
            continue
        if _PIPE.search(line):
            inner = re.sub(r"(?<!\\)\|\s*$", "", re.sub(r"^\s*\|", "", line))
            cells = tuple(cell.strip().replace("\\|", "|") for cell in _PIPE.split(inner))
            grid.append(Cells(number, cells, starts=number < len(lines) and bool(_SEPARATOR.match(lines[number]))))
        elif line.startswith("#"):
            grid.append(Cells(number, (line.strip("# "),), heading=True))
    return grid


def _sheets(path: Path) -> Iterator[list[Cells]]:
    """The cells of every sheet, as a spreadsheet shows them; formulas as the values that were saved with them."""
    try:
        import openpyxl
    except ImportError:
        raise UsageError(f"reading {path} needs openpyxl: {XLSX_REMEDY}") from None
    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"cannot read {path} as XLSX: {reason}; save it again, or as CSV") from None
    for sheet in book.worksheets:
        yield [
            Cells(number, tuple(_shown(value) for value in row))
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1)
        ]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
