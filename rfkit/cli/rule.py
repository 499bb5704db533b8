"""``rfkit rule``: what a code means, why it matters, how to fix it."""

from __future__ import annotations

from typing import Annotated

import typer

from rfkit.cli.options import Debug
from rfkit.cli.output import destination, width

RULE = """Explain a rule of the gate: what it means, why it matters, how to fix it.

\b
  rfkit rule RF101
  rfkit rule                             all of them, a line each
"""


def rule(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="e.g. RF101. Default: list all.")] = None,
    _debug: Debug = False,
) -> None:
    """``rfkit rule``: a page of the catalogue."""
    from rfkit.gate import catalogue

    with destination(None) as write:
        write(catalogue.listing() if code is None else catalogue.explain(code, width()))
