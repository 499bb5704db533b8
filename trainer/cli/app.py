"""The commands of ``trainer``."""

from __future__ import annotations

import typer

from trainer.cli import compare, data, evaluate, export, fit, lr_find, predict, report

ABOUT = """Train the networks that rfkit's gate passes, and keep what came of it.

\b
  trainer fit net.py:Net                         train on CIFAR-10
  trainer fit net.py:Net --data shapes           on drawn shapes, anywhere, at once
  trainer fit --resume runs/Net-20260101-120000  go on with a run
"""

app = typer.Typer(
    name="trainer",
    help=ABOUT,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def trainer(context: typer.Context) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for name, function, text, summary in (
    ("fit", fit.fit, fit.FIT, "Train a network."),
    ("lr-find", lr_find.lr_find, lr_find.LR_FIND, "Try learning rates."),
    ("data", data.data, data.DATA, "Show what is in a data set."),
    ("report", report.report, report.REPORT, "Make the figures and the page of a run again."),
    ("compare", compare.compare, compare.COMPARE, "Put runs side by side."),
    ("evaluate", evaluate.evaluate, evaluate.EVALUATE, "Accuracy, every class, the most frequent mistakes."),
    ("predict", predict.predict, predict.PREDICT, "Say what is on images."),
    ("export", export.export, export.EXPORT, "Write ONNX, TorchScript or PT2, and check it."),
):
    app.command(name, help=text, short_help=summary)(function)
