"""``trainer evaluate``: how well a run's network does on a split of its data."""

from __future__ import annotations

from typing import Annotated

import typer

from trainer.cli.output import WEIGHTS, Debug, Device, Output, Run, Target, Weights, check_choice, say, write

FORMATS = ("text", "json")
SPLITS = ("test", "validation", "train")

EVALUATE = """Evaluate a run: accuracy, loss, every class, the most frequent mistakes.

\b
  trainer evaluate runs/Net-20260101-120000
  trainer evaluate runs/Net-20260101-120000 --weights last --split validation
  trainer evaluate runs/Net-20260101-120000 --format json
  trainer evaluate runs/Net-20260101-120000 --data folder:elsewhere/images

Weights: best did best on the validation images, as an average where the run has one (--ema); last are those at the end;
ema is the average at the end. What is found on the run's own data is kept in its folder, evaluation/; trainer report shows
that of the best weights on the test images.
"""


def evaluate(
    run: Run,
    weights: Weights = "best",
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="test, validation or train.")] = "test",
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="NAME", help="For Grad-CAM. Default: the last feature map.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text or json.")] = "text",
    output: Output = None,
    target: Target = None,
    device: Device = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="SOURCE", help="Where the data lies now, or other data. Default: the run's."),
    ] = None,
    data_root: Annotated[
        str | None,
        typer.Option("--data-root", metavar="FOLDER", help="Where downloaded data lies now. Default: where it did."),
    ] = None,
    _debug: Debug = False,
) -> None:
    """``trainer evaluate``."""
    check_choice("--weights", weights, WEIGHTS)
    check_choice("--split", split, SPLITS)
    check_choice("--format", form, FORMATS)
    from trainer.record import read_record

    record = read_record(run)
    from trainer.evaluation import text
    from trainer.evaluation.evaluate import evaluate as run_evaluation

    shown = text.as_json if form == "json" else text.as_text
    run_evaluation(
        record,
        say,
        split=split,
        weights=weights,
        layer=layer,
        target=target,
        device=device,
        source=data,
        data_root=data_root,
        show=lambda evaluation: write(shown(evaluation), output),
    )
