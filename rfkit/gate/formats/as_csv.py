"""A line per network, for a spreadsheet: its name, what became of it, its figures, the codes of what does not hold."""

from __future__ import annotations

import csv
import io

from rfkit.gate.findings import Outcome, Verdict
from rfkit.gate.formats import words
from rfkit.gate.formats.options import Options

COLUMNS = (
    "model",
    "target",
    "status",
    "receptive_field",
    "receptive_field_features",
    "params",
    "macs",
    "broken",
    "undecided",
    "warnings",
    "error",
)


def render(outcome: Outcome, _options: Options) -> str:
    """The networks in their order below a heading. A text that a spreadsheet would take for a formula gets a ``'``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(verdict) for verdict in outcome.verdicts)
    return out.getvalue()


def _row(verdict: Verdict) -> list[str]:
    size, features, params, macs = words.figures(verdict)
    return [
        _text(verdict.model),
        _text(verdict.target),
        words.state(verdict),
        size,
        features,
        params.replace(",", ""),
        macs.replace(",", ""),
        *(words.codes(verdict, kind) for kind in ("broken", "undecided", "warnings")),
        "" if verdict.error is None else _text(words.reason(verdict)),
    ]


def _text(said: str) -> str:
    said = words.one_line(said)
    return f"'{said}" if said.startswith(("=", "+", "-", "@")) else said
