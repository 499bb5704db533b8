"""``rfkit verify``: the trace of a target, held against real forwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rfkit.cli.messages import check_choice
from rfkit.cli.options import Args, Debug, Input, Target
from rfkit.cli.output import color, destination, say, width
from rfkit.cli.progress import progress
from rfkit.errors import TargetError

if TYPE_CHECKING:
    from rfkit.target import LoadedModel
    from rfkit.verifying import Verification

VERIFY = """Prove the report: run the real network and compare, unit for unit, what it sees with what was traced.

\b
  rfkit verify model.py:Net
  rfkit verify model.py:Net --layers 'layer1.*' --quick
  rfkit verify torchvision.models:resnet18 --input 3x64x64 --format json

It runs on the CPU, with NaN in parts of the input, and takes gradients. Exit codes: 0 no layer is wrong, 1 one is,
2 nothing could be compared, or it cannot be run.
"""

FORMATS = ("text", "json")


def verify(
    target: Target,
    input_shape: Input = None,
    arguments: Args = None,
    layers: Annotated[
        str | None, typer.Option("--layers", metavar="PATTERN", help="Only these layers, e.g. 'conv*'.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few units per layer instead of every one.")] = False,
    all_layers: Annotated[bool, typer.Option("--all", help="Also list the layers that are equal.")] = False,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text or json.")] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
    ] = None,
    _debug: Debug = False,
) -> int:
    """``rfkit verify``: its exit code says whether a layer is wrong, and whether anything was compared."""
    check_choice("--format", form, FORMATS)
    with destination(output) as write:
        found = _verified(target, arguments or (), input_shape, layers, quick)
        from rfkit.render import verification

        if form == "json":
            write(verification.to_json(found))
        else:
            columns = width() if sys.stdout.isatty() or "COLUMNS" in os.environ else 80
            write(verification.render(found, columns, output is None and color(), all_layers))
    if not found.compared:
        say(verification.unproved(found))
    return found.exit_status


def _verified(
    target: str, arguments: Sequence[str], shape: str | None, layers: str | None, quick: bool
) -> Verification:
    from rfkit.target import load, parse_shape
    from rfkit.verifying import verify as verify_model

    given = None if shape is None else parse_shape(shape)
    loaded = load(target, arguments, device="cpu")
    try:
        with progress() as tell, loaded.running():
            sizes = given or _accepted(loaded)
            return verify_model(loaded.module, sizes, layers=layers, quick=quick, target=loaded.label, tell=tell)
    except SystemExit as error:
        raise TargetError(f"{loaded.label} calls sys.exit in its forward; take that out") from error


def _accepted(loaded: LoadedModel) -> tuple[int, ...]:
    """The first of the usual shapes that the network accepts."""
    from rfkit.analyze import trace
    from rfkit.trace_target import first_accepted

    found = first_accepted(
        loaded.input_shapes(), lambda sizes: trace(loaded.module, sizes, target=loaded.label), loaded.label, "--input"
    )
    return found.input_shape
