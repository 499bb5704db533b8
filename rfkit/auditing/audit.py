"""The audit of a table: align, judge, gather, and say it in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rfkit.auditing import diagnose, totals, verdict
from rfkit.auditing.align import align
from rfkit.auditing.entries import Entry, branches, entries
from rfkit.auditing.judge import judge
from rfkit.auditing.ledger import Ledger, States
from rfkit.auditing.model import Audit, Claim, Column, Numbers, Pattern, Row, Table, Verdict
from rfkit.auditing.network import Node, nodes_of
from rfkit.auditing.tables import from_mappings
from rfkit.auditing.values import NotANumberError, numbers
from rfkit.errors import UsageError
from rfkit.report import Report


def audit(
    report: Report, rows: Sequence[Table] | Sequence[Mapping[str, Any]], *, more_than: int | None = None
) -> Audit:
    """Check a hand calculation of receptive fields, jumps and sizes against a report, and diagnose what is wrong.

    Args:
        report: the network, as ``rfkit.trace`` gives it.
        rows: the tables that ``read_table`` found, or one mapping from heading to value per row.
        more_than: a limit, in pixels, that the sentence compares both receptive fields with.

    Returns:
        What is right, wrong or inherited in every row, which mistakes give exactly the wrong numbers, and the
        corrected table. Lengths in input pixels.

    Raises:
        UsageError: there are no rows, or no headings that are understood.
    """
    notes: list[str] = []
    tables = [_read_best(report, table, notes) for table in _tables(rows)]
    found = _judged(report, tables, notes)
    judged = tuple(row for ledger in found for row in ledger.rows)
    result = Audit(
        report.target, report.input_shape, tables[0].source, rows=judged,
        claims=tuple(_claims(report, tables, judged)), patterns=_patterns(found), missing=_missing(report, found),
        unread=tuple(column.heading for table in tables for column in table.columns if not column.meanings),
        notes=tuple(dict.fromkeys(notes)), verdict="", tables=tuple(tables),
    )  # fmt: skip
    return replace(result, verdict=verdict.sentence(result, report, more_than))


def audit_claim(report: Report, claimed: object, *, more_than: int | None = None) -> Audit:
    """Check one number claimed as the receptive field of a whole network.

    Args:
        report: the network.
        claimed: a number, or one per axis: ``47``, ``"47"``, ``"47x55"``, ``(47, 55)``; in input pixels.
        more_than: a limit that the sentence compares both receptive fields with.

    Raises:
        UsageError: it is no number, or has not as many numbers as the input has axes.
    """
    words = "x".join(map(str, claimed)) if isinstance(claimed, (tuple, list)) else str(claimed)
    axes = len(report.spatial)
    try:
        found = numbers(words)
    except NotANumberError:
        raise UsageError(f"--claim {words!r} is not a number of pixels; expected 47, or 47x55 per axis") from None
    if len(found) not in (1, axes):
        raise UsageError(
            f"--claim {words!r} has {len(found)} numbers; the input has {axes} axes, so expected 1 or {axes}"
        )
    stated: Numbers = found[:1] if len(set(found)) == 1 else found
    result = Audit(
        report.target, report.input_shape, f"the claim {words}", rows=(), claims=(totals.claim(report, stated),),
        patterns=(), missing=(), unread=(), notes=(), verdict="",
    )  # fmt: skip
    return replace(result, verdict=verdict.sentence(result, report, more_than))


def _tables(rows: Sequence[Table] | Sequence[Mapping[str, Any]]) -> list[Table]:
    tables = [row for row in rows if isinstance(row, Table)]
    if not rows:
        raise UsageError("there are no rows to audit")
    return tables or [from_mappings([row for row in rows if not isinstance(row, Table)])]


def _judged(report: Report, tables: Sequence[Table], notes: list[str]) -> list[Ledger]:
    """Every branch of every table aligned and judged, in order."""
    nodes = nodes_of(report)
    carried: dict[int, States] = {}
    used: frozenset[int] = frozenset()
    ledgers: list[Ledger] = []
    for table in tables:
        for branch in branches(entries(table, len(report.spatial), notes)):
            layers = [entry for entry in branch if not _is_total(entry)]
            if not layers:
                continue
            alignment = align(layers, nodes, used)
            ledger = judge(alignment, nodes, len(ledgers), carried)
            carried |= {v: ledger.own[v] for v in ledger.stated}
            used |= frozenset(ledger.stated)
            ledgers.append(ledger)
    return ledgers


def _is_total(entry: Entry) -> bool:
    return entry.kind == "total" and "k" not in entry.stated


def _claims(report: Report, tables: Sequence[Table], rows: Sequence[Row]) -> list[Claim]:
    """The totals of the tables; one that repeats the size of the last row is as right as that."""
    axes = len(report.spatial)
    found = [entry for table in tables for entry in entries(table, axes, []) if _is_total(entry)]
    claims = []
    for entry in found:
        stated = entry.stated.get("r_out", entry.stated.get("r_in"))
        if stated is None:
            continue
        claim = totals.claim(report, stated, entry.line)
        above = [row["r_out"] for row in rows if row.line < entry.line and _states(row, "r_out")]
        if claim.verdict is Verdict.WRONG and above and above[-1].stated == stated:
            claim = replace(claim, verdict=Verdict.INHERITED, diagnoses=())
        claims.append(claim)
    return claims


def _states(row: Row, quantity: str) -> bool:
    return any(check.quantity == quantity for check in row.checks)


def _read_best(report: Report, table: Table, notes: list[str]) -> Table:
    """The table with columns that leave it open read as before or behind the layer, whichever makes fewer mistakes."""
    for i, column in enumerate(table.columns):
        before = column.meanings[0].replace("_out", "_in") if column.meanings else ""
        taken = any(before in other.meanings for other in table.columns)
        if column.certain or before not in ("j_in", "n_in") or taken:
            continue
        columns = (*table.columns[:i], Column(column.heading, (before,)), *table.columns[i + 1 :])
        other = replace(table, columns=columns)
        if _faults(_judged(report, [other], [])) < _faults(_judged(report, [table], [])):
            table = other
            notes.append(f"{column.heading!r} is read as the number in front of each layer, which fits better")
    return table


def _faults(ledgers: Sequence[Ledger]) -> int:
    checks = [check for ledger in ledgers for row in ledger.rows for check in row.checks]
    return sum(check.verdict in (Verdict.WRONG, Verdict.INHERITED) for check in checks)


def _missing(report: Report, found: Sequence[Ledger]) -> tuple[str, ...]:
    seen = {v for ledger in found for v in ledger.stated}
    nodes: Sequence[Node] = nodes_of(report)
    return tuple(node.label for i, node in enumerate(nodes) if node.changes and node.kind != "join" and i not in seen)


def _patterns(found: Sequence[Ledger]) -> tuple[Pattern, ...]:
    """Every mistake that was named, where, and how many of the stated numbers it would give if made in every row."""
    places: dict[tuple[str, str], list[Row]] = {}
    for ledger in found:
        for row in ledger.rows:
            for check in row.wrong:
                for name in dict.fromkeys(name for d in check.diagnoses for name in d.mistakes):
                    places.setdefault((check.quantity, name), []).append(row)
    patterns = [_pattern(found, quantity, name, rows) for (quantity, name), rows in places.items()]
    return tuple(sorted(patterns, key=lambda pattern: (-len(pattern.lines), pattern.lines)))


def _pattern(found: Sequence[Ledger], quantity: str, name: str, rows: Sequence[Row]) -> Pattern:
    cases = [case for ledger in found for case in ledger.cases if case[1] == quantity]
    made = [(diagnose.reproduced(quantity[0], name, case), stated) for _, _, case, stated in cases]
    explanation, formula = diagnose.meaning(name)
    hits = sum(value == stated for value, stated in made if value is not None)
    return Pattern(name, explanation, formula, quantity, tuple(row.line for row in rows), hits, len(made))
