"""The commands of ``rfkit``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rfkit import __version__
from rfkit.lazy_commands import PLAIN, Command, group_of

ABOUT = """What every layer of a PyTorch network sees, and what it costs.

\b
  rfkit report model.py:Net                          a table of its layers
  rfkit check model.py:Net --rf '> 44'               a gate for CI
  rfkit audit model.py:Net --table calculation.csv   what is wrong, and why
"""

_ENTRIES = (
    ("report", "What every layer sees and costs.", "report"),
    ("explain", "One layer's receptive field, worked out by hand.", "report"),
    ("check", "Fail when a network is out of spec.", "check"),
    ("init", "Write a spec for rfkit check.", "init"),
    ("rule", "What a rule means, and how to fix what breaks it.", "rule"),
    ("diff", "What changed between two networks or revisions.", "diff"),
    ("suggest", "The smallest edits with which a network passes.", "suggest"),
    ("audit", "Check a hand calculation, and find its mistakes.", "audit"),
    ("graph", "A picture of the network.", "graph"),
    ("erf", "Measure what a layer depends on, and how much.", "erf"),
    ("verify", "Prove the report with real forwards.", "verify"),
    ("baseline", "Figures that must not get worse.", "baseline"),
)
COMMANDS = {name: Command(summary, f"rfkit.cli.{module}") for name, summary, module in _ENTRIES}

app = typer.Typer(
    name="rfkit",
    cls=group_of(COMMANDS),
    help=ABOUT,
    context_settings={"help_option_names": ["-h", "--help"]},
    **PLAIN,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"rfkit {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def rfkit(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{context.get_help()}\n")
