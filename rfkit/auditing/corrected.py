"""The table as it should have been: same rows, columns, order and headings, the wrong numbers replaced."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from rfkit.auditing.entries import Entry, entries
from rfkit.auditing.model import Audit, Check, Claim, Line, Numbers, Table, Verdict
from rfkit.auditing.values import rewritten


def to_csv(audit: Audit) -> str:
    """All tables of the audit as CSV, a blank line between tables that have headings of their own.

    A number is replaced inside what stands around it: ``32x32`` becomes ``16x16``, ``7 px`` becomes ``11 px``. Cells
    that are right, blank or not understood stay as they were written, as do rows that fit no layer.
    """
    out = io.StringIO()
    checks = {row.line: row.checks for row in audit.rows}
    claims = {claim.line: claim for claim in audit.claims}
    for i, table in enumerate(audit.tables):
        delimiter = ";" if table.decimal_comma else ","
        writer = csv.writer(out, lineterminator="\n", delimiter=delimiter)
        if i:
            out.write("\n")
        writer.writerow(table.headings)
        by_line = {entry.line: entry for entry in entries(table, len(audit.input_shape) - 2, [])}
        for line in table.lines:
            writer.writerow(
                _line(table, line, by_line[line.number], checks.get(line.number, ()), claims.get(line.number))
            )
    return out.getvalue()


def _line(table: Table, line: Line, entry: Entry, checks: Sequence[Check], claim: Claim | None) -> list[str]:
    cells = list(line.cells)
    for check in checks:
        if check.verdict in (Verdict.WRONG, Verdict.INHERITED) and check.right is not None:
            _put(cells, entry, check.quantity, check.right, table)
    if claim is not None and claim.verdict is not Verdict.RIGHT and claim.right is not None:
        _put(cells, entry, "r_out" if "r_out" in entry.places else "r_in", claim.right, table)
    return cells


def _put(cells: list[str], entry: Entry, quantity: str, right: Numbers, table: Table) -> None:
    """Replace the numbers of a quantity in its cell; one that stands for all axes becomes one per axis where it must."""
    if quantity not in entry.places:
        return
    column, places = entry.places[quantity]
    if len(right) > len(places) and len(table.columns[column].meanings) == 1:
        cells[column] = "x".join(map(str, right))
        return
    values = right * len(places) if len(right) == 1 else right[: len(places)]
    new = dict(zip(places, values, strict=True))
    several = len(table.columns[column].meanings) > 1
    cells[column] = rewritten(cells[column], new, decimal_comma=table.decimal_comma, several=several)
