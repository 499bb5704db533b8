"""The commands of ``trainer``."""

from __future__ import annotations

import typer

from rfkit.lazy_commands import PLAIN, Command, group_of

ABOUT = """Train the networks that rfkit's gate passes, and keep what came of it.

\b
  trainer fit net.py:Net                         train on CIFAR-10
  trainer fit net.py:Net --data shapes           on drawn shapes, anywhere, at once
  trainer fit --resume runs/Net-20260101-120000  go on with a run
"""

_SUMMARIES = {
    "fit": "Train a network.",
    "lr-find": "Try learning rates.",
    "data": "Show what is in a data set.",
    "report": "Make the figures and the page of a run again.",
    "compare": "Put runs side by side.",
    "evaluate": "Accuracy, every class, the most frequent mistakes.",
    "predict": "Say what is on images.",
    "export": "Write ONNX, TorchScript or PT2, and check it.",
}
COMMANDS = {name: Command(text, f"trainer.cli.{name.replace('-', '_')}") for name, text in _SUMMARIES.items()}

app = typer.Typer(
    name="trainer",
    cls=group_of(COMMANDS),
    help=ABOUT,
    context_settings={"help_option_names": ["-h", "--help"]},
    **PLAIN,
)


@app.callback(invoke_without_command=True)
def trainer(context: typer.Context) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
