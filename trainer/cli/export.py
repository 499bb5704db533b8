"""``trainer export``: a run's network as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.output import WEIGHTS, Debug, Run, Target, Weights, check_choice, say, write

FORMATS = ("onnx", "torchscript", "pt2")

EXPORT = """Write a run's network as ONNX, TorchScript or torch.export's archive, and check that it computes the same.

\b
  trainer export runs/Net-20260101-120000 --format onnx -o net.onnx
  trainer export runs/Net-20260101-120000 --format pt2 -o net.pt2 --bytes

The file takes batches of any size of normalised images, (N, C, H, W) float32; with --bytes of images as they are,
(N, H, W, C) uint8. It is run on random images and kept only if its scores are the network's own; it carries the names
of the classes, the mean and the standard deviation.
"""


def export(
    run: Run,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="onnx, torchscript or pt2.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file.")],
    weights: Weights = "best",
    takes_bytes: Annotated[
        bool, typer.Option("--bytes", help="Put the normalisation into the file: it takes images as they are.")
    ] = False,
    target: Target = None,
    _debug: Debug = False,
) -> None:
    """``trainer export``."""
    check_choice("--format", form, FORMATS)
    check_choice("--weights", weights, WEIGHTS)
    from trainer.record import read_record

    record = read_record(run)
    from trainer.export import export as write_network
    from trainer.trained import load_trained

    trained = load_trained(record, weights, say, target=target, device="cpu")
    done = write_network(trained, form, output, takes_bytes=takes_bytes)
    write(
        f"{done.path}: {done.bytes / 2**20:.2f} MiB; on {done.images} random images its scores differ from the network's by at "
        f"most {done.difference:.2g}, with scores up to {done.scale:.3g}\n",
        None,
    )
