"""The rows of a table with their cells understood: which layer a row may be, and what numbers it states."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rfkit.auditing.headings import plain
from rfkit.auditing.model import GEOMETRY, OUTPUTS, Column, Line, Numbers, Table
from rfkit.auditing.values import NotANumberError, is_blank, numbers, per_axis, window
from rfkit.report import Number

KINDS = (
    (
        "total",
        r"^(?:(?:grand|overall|final|network|net|model) )*(?:total|sum|summary|overall|result|rf|receptive field)\b|^final$",
    ),
    ("up", r"transpose|deconv|upsampl|upconv"),
    ("conv", r"conv"),
    (
        "identity",
        r"relu|gelu|silu|sigmoid|softmax|tanh|batch ?norm|\bbn\d*\b|\bnorm|drop ?out|\bact\b|activation|flatten",
    ),
    ("input", r"^(?:input|image|img|input (?:image|layer)|data)$"),
    ("pool", r"pool|\bgap\b|\bmp\d*\b|average|\bavg"),
    ("linear", r"\bfc\d*\b|linear|dense\b|fully"),
    ("join", r"concat|\bcat\b|\badd\b|residual|\bskip\b"),
    ("conv", r"\bcon\d*\b|depth ?wise|point ?wise|\bdw|\bpw|\bds[bc]?\b|\bdps\b|separable|\d ?x ?\d"),
)
"""What a row's name says about its layer: the first pattern that is found."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: its line, what it is called, what kind of layer that suggests (empty: none), and the numbers it states.

    ``places`` says where in the line each stated number stands: the column, and the numbers of its cell per axis.
    """

    line: int
    name: str
    kind: str
    block: str
    stated: dict[str, Numbers]
    places: dict[str, tuple[int, tuple[int, ...]]]


def entries(table: Table, axes: int, notes: list[str]) -> list[Entry]:
    """The rows of a table in order; what cannot be read as a number is left out and named in ``notes``."""
    return [_entry(table, line, axes, notes) for line in table.lines]


def _entry(table: Table, line: Line, axes: int, notes: list[str]) -> Entry:
    stated: dict[str, Numbers] = {}
    places: dict[str, tuple[int, tuple[int, ...]]] = {}
    words = {meaning: plain(line.cells[i]) for i, meaning in _texts(table.columns)}
    for i, column in enumerate(table.columns):
        if column.meanings in ((), ("name",), ("type",), ("block",)) or is_blank(line.cells[i]):
            continue
        try:
            for quantity, value, place in _values(line.cells[i], column, axes, table.decimal_comma):
                stated[quantity], places[quantity] = value, (i, place)
        except NotANumberError as error:
            notes.append(f"line {line.number}, {plain(column.heading)}: {str(error)!r} is not a number; not checked")
    name = words.get("name") or words.get("type", "")
    if "name" not in words and "type" not in words:
        name = next(
            (plain(cell) for cell, column in zip(line.cells, table.columns, strict=True) if _label(cell, column)), ""
        )
    kind = _kind(name) or _kind(words.get("type", ""))
    return Entry(line.number, name, kind, line.block, stated, places)


def _label(cell: str, column: Column) -> bool:
    return not column.meanings and bool(re.search("[A-Za-z]", cell))


def _texts(columns: Sequence[Column]) -> Iterator[tuple[int, str]]:
    for i, column in enumerate(columns):
        if column.meanings in (("name",), ("type",), ("block",)):
            yield i, column.meanings[0]


def _values(
    cell: str, column: Column, axes: int, decimal_comma: bool
) -> Iterator[tuple[str, Numbers, tuple[int, ...]]]:
    """Quantity, numbers and their places in the cell, for every quantity of a column."""
    if len(column.meanings) == 1:
        (quantity,) = column.meanings
        found = numbers(cell, decimal_comma=decimal_comma and quantity not in GEOMETRY)
        places = per_axis(found, axes)
        yield quantity, _shortest([found[i] for i in places]), places
        return
    parts = window(cell)
    if len(parts) != len(column.meanings):
        raise NotANumberError(plain(cell))
    for i, quantity in enumerate(column.meanings):
        yield quantity, (parts[i],), (i,)


def _shortest(found: Sequence[Number]) -> Numbers:
    return tuple(found[:1]) if len(set(found)) == 1 else tuple(found)


def _kind(name: str) -> str:
    words = re.sub(r"[_\-./]+", " ", name).lower().strip()
    return next((kind for kind, pattern in KINDS if re.search(pattern, words)), "")


def branches(found: Sequence[Entry]) -> list[list[Entry]]:
    """The rows of one table, cut where it starts again from the input: the same first row, or an input, once more."""
    groups: list[list[Entry]] = []
    grown = False
    for entry in found:
        if entry.kind == "total" and groups:
            groups[-1].append(entry)
            continue
        if not groups or (grown and _starts_again(entry, groups[-1][0])):
            groups.append([])
            grown = False
        first = groups[-1][0] if groups[-1] else entry
        grown = grown or _grew(entry, first)
        groups[-1].append(entry)
    return groups


def _grew(entry: Entry, first: Entry) -> bool:
    pairs = ((entry.stated.get(name), first.stated.get(name)) for name in ("r_in", *OUTPUTS, "n_in", "j_in"))
    return entry is not first and any(a is not None and b is not None and a != b for a, b in pairs)


def _starts_again(entry: Entry, first: Entry) -> bool:
    if entry.kind == "input" or first.kind == "input":
        return entry.kind == first.kind
    before = [name for name in ("r_in", "j_in", "n_in") if name in first.stated]
    if "r_in" in before:
        return all(entry.stated.get(name) == first.stated[name] for name in before)
    same = [name for name in (*before, *GEOMETRY, *OUTPUTS) if name in first.stated]
    return entry.name == first.name and all(entry.stated.get(name) == first.stated[name] for name in same)
