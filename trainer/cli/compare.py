"""``trainer compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.cli.output import Debug, Output, check_choice, say, width, write
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from trainer.compare import Entry

FORMATS = ("table", "json", "csv", "markdown")

COMPARE = """Put runs side by side: accuracy, size, time, and the settings in which they differ.

\b
  trainer compare runs/*
  trainer compare runs/a runs/b --baseline all --figure comparison.png
  trainer compare runs/* --format csv -o runs.csv

--baseline adds the training logs of the documents: two_branch_net, four_block_net or all.
Of runs that differ in their seed only, the mean and the standard deviation are told too.
"""


def compare(
    runs: Annotated[list[Path] | None, typer.Argument(metavar="RUN...", help="Run folders.")] = None,
    baselines: Annotated[
        list[str] | None, typer.Option("--baseline", metavar="NAME", help="Also a document's log, or all. Repeatable.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="table, json, csv or markdown.")] = "table",
    output: Output = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Also draw the accuracies: .png, .svg or .pdf.")
    ] = None,
    _debug: Debug = False,
) -> None:
    """``trainer compare``."""
    check_choice("--format", form, FORMATS)
    from trainer import compare as comparing

    compared = comparing.entries(runs or [], baselines or [])
    forms = {
        "table": lambda: comparing.as_table(compared, width()),
        "json": lambda: comparing.as_json(compared),
        "csv": lambda: comparing.as_csv(compared),
        "markdown": lambda: comparing.as_markdown(compared),
    }
    if figure is not None:
        _draw(compared, figure)
    write(forms[form](), output)


def _draw(compared: list[Entry], path: Path) -> None:
    from trainer.files import check_writable, write_whole

    check_writable(path)
    try:
        from trainer.figures.comparison import comparison_file
    except ModuleNotFoundError as error:
        raise TrainerError(f"--figure needs {error.name}: pip install 'rfkit[train]'") from error
    write_whole(path, comparison_file(compared, path.suffix.lstrip(".").lower()))
    say(f"drew {path}")
