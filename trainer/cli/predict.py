"""``trainer predict``: what is on images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.output import WEIGHTS, Debug, Device, Output, Run, Target, Weights, check_choice, say, write
from trainer.errors import TrainerError

FORMATS = ("text", "json")

PREDICT = """Have a run's network say what is on images, the likeliest classes first.

\b
  trainer predict runs/Net-20260101-120000 cat.png dog.jpg
  trainer predict runs/Net-20260101-120000 photos/*.jpg --top 1 --format json

An image is scaled to cover the size that the network was trained on, and cut to it about its centre, as --size does in
training. One that cannot be read is named, the others are classified, and the exit code is 2.
"""


def predict(
    run: Run,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option("--top", metavar="N", help="How many classes to name.")] = 3,
    weights: Weights = "best",
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text or json.")] = "text",
    output: Output = None,
    target: Target = None,
    device: Device = None,
    _debug: Debug = False,
) -> int:
    """``trainer predict``."""
    check_choice("--weights", weights, WEIGHTS)
    check_choice("--format", form, FORMATS)
    if top < 1:
        raise TrainerError(f"--top {top}: name at least 1 class")
    from trainer.record import read_record

    record = read_record(run)
    from trainer import predict as predicting
    from trainer.trained import load_trained

    trained = load_trained(record, weights, say, target=target, device=device)
    predictions = predicting.predict(trained, images, top)
    write(predicting.as_json(predictions) if form == "json" else predicting.as_text(predictions), output)
    broken = [each.error for each in predictions if each.error is not None]
    for error in broken:
        say(error)
    return 2 if broken else 0
