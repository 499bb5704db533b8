"""The commands of ``rfkit``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rfkit import __version__
from rfkit.cli import audit, baseline, check, diff, erf, graph, init, report, rule, suggest, verify

ABOUT = """What every layer of a PyTorch network sees, and what it costs.

\b
  rfkit report model.py:Net                          a table of its layers
  rfkit check model.py:Net --rf '> 44'               a gate for CI
  rfkit audit model.py:Net --table calculation.csv   what is wrong, and why
"""

app = typer.Typer(
    name="rfkit",
    help=ABOUT,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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


for name, function, text, summary in (
    ("report", report.report, report.REPORT, "What every layer sees and costs."),
    ("explain", report.explain, report.EXPLAIN, "One layer's receptive field, worked out by hand."),
    ("check", check.check, check.CHECK, "Fail when a network is out of spec."),
    ("init", init.init, init.INIT, "Write a spec for rfkit check."),
    ("rule", rule.rule, rule.RULE, "What a rule means, and how to fix what breaks it."),
    ("diff", diff.diff, diff.DIFF, "What changed between two networks or revisions."),
    ("suggest", suggest.suggest, suggest.SUGGEST, "The smallest edits with which a network passes."),
    ("audit", audit.audit, audit.AUDIT, "Check a hand calculation, and find its mistakes."),
    ("graph", graph.graph, graph.GRAPH, "A picture of the network."),
    ("erf", erf.erf, erf.ERF, "Measure what a layer depends on, and how much."),
    ("verify", verify.verify, verify.VERIFY, "Prove the report with real forwards."),
):
    app.command(name, help=text, short_help=summary)(function)
app.add_typer(baseline.app, name="baseline", help=baseline.BASELINE, short_help="Figures that must not get worse.")

COMMANDS = tuple(
    name
    for name in (*(entry.name for entry in app.registered_commands), *(entry.name for entry in app.registered_groups))
    if isinstance(name, str)
)
