"""An audit for a terminal: the table with the right numbers beside the wrong ones, the diagnoses, the sentence."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rfkit.auditing.diagnose import phrase
from rfkit.auditing.model import QUANTITIES, Audit, Check, Claim, Pattern, Row, Verdict
from rfkit.auditing.verdict import together
from rfkit.render import text
from rfkit.render.table import BOLD, DIM, NARROWEST, PIPED_WIDTH

RED, GREEN, YELLOW = "31", "32", "33"
MARKS = {Verdict.WRONG: "✗", Verdict.INHERITED: "↑", Verdict.UNCHECKED: "·", Verdict.RIGHT: ""}
STYLES = {Verdict.WRONG: RED, Verdict.INHERITED: YELLOW, Verdict.UNCHECKED: DIM, Verdict.RIGHT: ""}
LEGEND = {
    Verdict.WRONG: "✗ wrong, with the right number behind it",
    Verdict.INHERITED: "↑ worked out correctly from a wrong number",
    Verdict.UNCHECKED: "· not checked",
}
DROPPED_FIRST = ("p", "k", "d", "s", "n_in", "j_in", "n_out", "j_out", "r_in")
GAP = "  "
MOST = 12
"""Slips that are written out."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: what each cell states, what stands behind it (mark and right number), and its style."""

    title: str
    stated: tuple[str, ...]
    behind: tuple[str, ...]
    styles: tuple[str, ...]
    left: bool = False

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of the terminal for what is stated and for what stands behind it."""
        first = max([text.width(cell) for cell in self.stated], default=0)
        second = max([text.width(cell) for cell in self.behind], default=0)
        return max(first, text.width(self.title) - second), second

    @property
    def width(self) -> int:
        """Columns of the terminal in all."""
        return sum(self.widths)


def render(audit: Audit, width: int | None = None, color: bool = False) -> str:
    """The audit as text, ending in a newline.

    Args:
        audit: what was found.
        width: columns that no line exceeds (at least 40); None: those of the terminal, 120 without one.
        color: with ANSI colours.
    """
    width = max(width or shutil.get_terminal_size((PIPED_WIDTH, 24)).columns, NARROWEST)
    size = text.area(audit.input_shape[1:])
    parts = [_wrapped(f"{audit.source} against {audit.target}, input {size}", width, indent=0)]
    if audit.rows:
        parts.append(_table(audit, width, color))
    parts.append([*_legend(audit, width), *_hidden(audit, width)])
    parts += [_painted(lines, color) for lines in _diagnoses(audit, width)]
    parts += [_patterns(audit, width), _remarks(audit, width)]
    style = GREEN if audit.exit_status == 0 else BOLD
    parts.append([_style(line, style, color) for line in _wrapped(audit.verdict, width)])
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _style(words: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{words}\x1b[0m" if color and code and words else words


def _wrapped(words: str, width: int, indent: int = 1, hanging: int | None = None) -> list[str]:
    later = " " * (indent if hanging is None else hanging)
    return textwrap.wrap(
        words, width, initial_indent=" " * indent, subsequent_indent=later, break_on_hyphens=False
    ) or [""]


# -- the table ---------------------------------------------------------------------------------------------------------


def _table(audit: Audit, width: int, color: bool) -> list[str]:
    columns, _ = _fit(audit, width)
    titles = [text.pad(column.title, column.width, "<" if column.left else ">") for column in columns]
    lines = [" " + _style(GAP.join(_title(column) for column in columns).rstrip(), DIM, color)] if titles else []
    for i, row in enumerate(audit.rows):
        if i and row.table != audit.rows[i - 1].table:
            lines.append("")
        lines.append((" " + GAP.join(_cell(column, i, color) for column in columns)).rstrip())
    return lines


def _title(column: Column) -> str:
    first, second = column.widths
    if column.left:
        return text.pad(column.title, first)
    if text.width(column.title) <= first:
        return text.pad(text.pad(column.title, first, ">"), first + second)
    return text.pad(column.title, first + second)


def _cell(column: Column, i: int, color: bool) -> str:
    first, second = column.widths
    stated = text.pad(column.stated[i], first, "<" if column.left else ">")
    behind = column.behind[i]
    return stated + _style(behind, column.styles[i], color) + " " * (second - text.width(behind))


def _fit(audit: Audit, width: int) -> tuple[list[Column], list[str]]:
    """The columns that fit, and the quantities left out: those that are right throughout first."""
    shown = [name for name in QUANTITIES if any(_check(row, name) is not None for row in audit.rows)]
    numbers = {name: _numbers(audit, name) for name in shown}
    hidden: list[str] = []
    clean = [name for name in DROPPED_FIRST if name in shown and _right(audit, name)]
    rest = [name for name in DROPPED_FIRST if name not in clean]
    for names, out in ((24, ""), (14, ""), *((14, name) for name in clean), (9, ""), *((9, name) for name in rest)):
        heads = _heads(audit, names)
        hidden += [out] if out in shown and len(hidden) + 1 < len(shown) else []
        columns = [*heads, *(numbers[name] for name in shown if name not in hidden)]
        if _total(columns) <= width:
            break
    return columns, [name for name in QUANTITIES if name in hidden]


def _total(columns: Sequence[Column]) -> int:
    return 1 + sum(column.width for column in columns) + len(GAP) * (len(columns) - 1)


def _right(audit: Audit, quantity: str) -> bool:
    checks = [check for row in audit.rows if (check := _check(row, quantity)) is not None]
    return all(check.verdict is Verdict.RIGHT for check in checks)


def _check(row: Row, quantity: str) -> Check | None:
    return next((check for check in row.checks if check.quantity == quantity), None)


def _heads(audit: Audit, names: int) -> list[Column]:
    blank = ("",) * len(audit.rows)
    found = [Column("line", tuple(str(row.line) for row in audit.rows), blank, blank)]
    if any(row.name for row in audit.rows):
        cells = tuple(text.shorten(row.name, names) for row in audit.rows)
        found.append(Column("row", cells, blank, blank, left=True))
    layers = tuple(text.shorten(row.layer or ("" if row.fits else "none"), names) for row in audit.rows)
    return [*found, Column("layer", layers, blank, blank, left=True)]


def _numbers(audit: Audit, quantity: str) -> Column:
    checks = [_check(row, quantity) for row in audit.rows]
    return Column(
        quantity,
        tuple("" if check is None else text.sizes(check.stated) for check in checks),
        tuple("" if check is None else _behind(check) for check in checks),
        tuple("" if check is None else STYLES[check.verdict] for check in checks),
    )


def _behind(check: Check) -> str:
    mark = MARKS[check.verdict]
    right = "" if check.right is None or check.verdict is Verdict.RIGHT else f" {text.sizes(check.right)}"
    return f" {mark}{right}" if mark else ""


def _legend(audit: Audit, width: int) -> list[str]:
    columns, _ = _fit(audit, width) if audit.rows else ([], [])
    seen = "".join(cell for column in columns for cell in column.behind)
    found = [words for verdict, words in LEGEND.items() if MARKS[verdict] in seen]
    return _wrapped("; ".join(found) + ".", width) if found else []


def _hidden(audit: Audit, width: int) -> list[str]:
    _, hidden = _fit(audit, width) if audit.rows else ([], [])
    if not hidden:
        return []
    right = [name for name in hidden if _right(audit, name)]
    rest = [name for name in hidden if name not in right]
    parts = (
        [f"{together(right, 9)}, right throughout, {'is' if len(right) == 1 else 'are'} left out here"] if right else []
    )
    parts += [f"{together(rest, 9)}: not shown at this width"] if rest else []
    return _wrapped("; ".join(parts) + ".", width)


# -- below it ----------------------------------------------------------------------------------------------------------


def _diagnoses(audit: Audit, width: int) -> Iterator[list[str]]:
    """One paragraph per slip; rows whose slip has the very same arithmetic share one."""
    groups: dict[str, list[tuple[Row, Check]]] = {}
    for row in audit.rows:
        for check in row.wrong:
            groups.setdefault(f"{check.quantity} {_explained(check)}", []).append((row, check))
    for members in list(groups.values())[:MOST]:
        lines = [str(row.line) for row, _ in members]
        labels = list(dict.fromkeys(row.layer or "" for row, _ in members))
        noun = "line" if len(lines) == 1 else "lines"
        where = f"✗ {noun} {together(lines, 8)}, {members[0][1].quantity} of {together(labels)}"
        yield [*_wrapped(where, width, hanging=3), *_wrapped(_explained(members[0][1]), width, 3)]
    if len(groups) > MOST:
        yield _wrapped(f"✗ {len(groups) - MOST} more slips; --format json lists them all.", width, hanging=3)
    if lost := audit.unfitting:
        called = [f"{row.line} ({row.name})" if row.name else str(row.line) for row in lost]
        words = f"✗ line {called[0]} fits" if len(lost) == 1 else f"✗ lines {together(called, 8)} fit"
        yield _wrapped(f"{words} no layer of the network.", width, hanging=3)
    for claim in audit.claims:
        if claim.verdict is Verdict.WRONG and claim.diagnoses:
            yield list(_on_claim(claim, width))


def _painted(lines: Sequence[str], color: bool) -> list[str]:
    return [line.replace("✗", _style("✗", RED, color), 1) if line.startswith(" ✗") else line for line in lines]


def _explained(check: Check) -> str:
    """What makes a number and what is right: ``7 = 3 + (3-1)*2, the dilation 2 left out; right: 3 + (3-1)*2*2 = 11.``."""
    stated = text.sizes(check.stated)
    if not check.diagnoses:
        found = f"{stated}: no mistake that rfkit knows gives this number"
    else:
        first, *others = check.diagnoses
        equation = f"{stated}: " if first.working == stated else f"{stated} = {first.working}, "
        found = equation + first.remark
        for other in others:
            found += f"; also {other.remark}" if other.working == stated else f"; also {other.working}, {other.remark}"
    right = check.correction or (text.sizes(check.right) if check.right is not None else "")
    return f"{found}; right: {right}." if right else f"{found}."


def _on_claim(claim: Claim, width: int) -> Iterator[str]:
    where = f"line {claim.line}, the total" if claim.line else "the claim"
    yield from _wrapped(f"✗ {where} {text.sizes(claim.stated)} comes out", width, hanging=3)
    for diagnosis in claim.diagnoses:
        yield from _wrapped(f"when {diagnosis.remark}: {diagnosis.working}", width, 3, 5)


def _patterns(audit: Audit, width: int) -> list[str]:
    """How far each mistake goes: how many numbers it would give if it were made in every row."""
    found = []
    for pattern in audit.patterns:
        if pattern.reproduced and len(pattern.lines) > 1:
            found += _wrapped(_reach(pattern), width, hanging=3)
    slips = [slip for row in audit.rows for check in row.wrong for slip in check.diagnoses]
    if any(slip.mistakes == ("jump_left_out",) and ")*" in slip.working for slip in slips):
        found += _wrapped(FORMULA_HINT, width, hanging=3)
    return found


FORMULA_HINT = (
    "r + (k-1)*d is the formula that write-ups of dilated convolutions print; "
    "rfkit audit --formula shows where it holds and where it does not."
)


def _reach(pattern: Pattern) -> str:
    formula = f" ({pattern.formula})" if pattern.formula else ""
    every = "all" if pattern.reproduced == pattern.stated else f"{pattern.reproduced} of the"
    clause = phrase(pattern.mistake)
    return f"If in every row {clause}{formula}, {every} {pattern.stated} {pattern.quantity} of the table come out."


def _remarks(audit: Audit, width: int) -> list[str]:
    found = [
        f"The total {text.sizes(claim.stated)} in line {claim.line} is right, {together(claim.means)}."
        for claim in audit.claims
        if claim.line and claim.means
    ]
    if audit.rows and audit.missing:
        found.append(f"Without a row: {together(audit.missing, 8)}.")
    if audit.unread:
        found.append(f"Columns that were not read: {together([repr(word) for word in audit.unread], 8)}.")
    found += [f"{note[:1].upper()}{note[1:]}." for note in audit.notes]
    return [line for words in found for line in _wrapped(words, width, hanging=3)]
