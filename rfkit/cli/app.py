"""The commands of ``rfkit``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rfkit import __version__
from rfkit.cli import report

ABOUT = """What every layer of a PyTorch network sees, and what it costs.

\b
  rfkit report model.py:Net              a table of its layers
  rfkit explain model.py:Net conv2.0     one layer's receptive field, by hand
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


app.command("report", help=report.REPORT)(report.report)
app.command("explain", help=report.EXPLAIN)(report.explain)

COMMANDS = tuple(command.name for command in app.registered_commands if command.name is not None)
