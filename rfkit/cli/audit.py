"""``rfkit audit``: a hand calculation, checked and diagnosed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rfkit.cli.messages import check_choice
from rfkit.cli.options import Args, Debug, Device, Input, Strict, StubMissing
from rfkit.cli.output import color, destination, width
from rfkit.cli.tracing import traced
from rfkit.errors import UsageError

AUDIT = """Check a hand calculation: what is right, what is wrong, and which mistake gives exactly that number.

\b
  rfkit audit model.py:Net --table rf.csv
  rfkit audit model.py:Net --table rf.xlsx -o fixed.csv
  rfkit audit model.py:Net --claim 47
  rfkit audit --formula                  formulas that are often seen, against PyTorch

Tables: CSV, TSV, Markdown, XLSX. Exit codes: 0 all right, 1 something is wrong, 2 it cannot be read.
"""

FORMATS = ("text", "json")


def audit(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="model.py:Net or package.module:factory.")
    ] = None,
    table: Annotated[Path | None, typer.Option("--table", metavar="FILE", help="The hand calculation.")] = None,
    claim: Annotated[
        str | None, typer.Option("--claim", metavar="SIZE", help="Only the receptive field: 47, or 47x55 per axis.")
    ] = None,
    more_than: Annotated[
        int | None, typer.Option("--more-than", metavar="SIZE", help="A limit to compare both with, e.g. 44.")
    ] = None,
    formula: Annotated[bool, typer.Option("--formula", help="Formulas that are often seen, against PyTorch.")] = False,
    corrected: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the corrected table, as CSV.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text or json.")] = "text",
    input_shape: Input = None,
    arguments: Args = None,
    strict: Strict = False,
    device: Device = "meta",
    stub_missing: StubMissing = False,
    _debug: Debug = False,
) -> int:
    """``rfkit audit``: its exit code says whether all is right."""
    from rfkit import auditing
    from rfkit.auditing import as_dict, formulas, text
    from rfkit.auditing import corrected as correction

    check_choice("--format", form, FORMATS)
    columns = width() if sys.stdout.isatty() or "COLUMNS" in os.environ else None
    if formula:
        with destination(None) as write:
            found = formulas.to_dict() if form == "json" else None
            write(formulas.render(columns or 120) if found is None else json.dumps(found, indent=2) + "\n")
        return 0
    if target is None or (table is None) == (claim is None):
        raise UsageError("give a target and either --table rf.csv or --claim 47; or --formula alone")
    if corrected is not None and table is None:
        raise UsageError("-o writes the corrected table; there is none with --claim")
    tables = None if table is None else auditing.read_table(table)
    with destination(corrected) as store, destination(None) as write:
        report = traced(target, input_shape, arguments or (), device, strict=strict, stub_missing=stub_missing)
        if tables is None:
            result = auditing.audit_claim(report, claim, more_than=more_than)
        else:
            result = auditing.audit(report, tables, more_than=more_than)
        if corrected is not None:
            store(correction.to_csv(result))
        write(as_dict.to_json(result) if form == "json" else text.render(result, columns, color()))
    return result.exit_status
