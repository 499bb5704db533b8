"""``rfkit erf``: measure what a layer's centre unit depends on, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rfkit.cli.messages import check_choice
from rfkit.cli.options import Args, Debug, Input
from rfkit.cli.output import destination, say, width
from rfkit.cli.progress import progress
from rfkit.errors import UsageError

if TYPE_CHECKING:
    from rfkit.cli.measuring import Request
    from rfkit.effective import Measurement

ERF = """Measure the effective receptive field: how much a layer's centre unit depends on each input position.

\b
  rfkit erf model.py:Net                        the last feature map
  rfkit erf model.py:Net conv2.0 -o erf.png     a layer, with a picture
  rfkit erf model.py:Net --all -o growth.png    how it grows, layer by layer
  rfkit erf model.py:Net --weights best.safetensors --images photos
  rfkit erf --run runs/Net-1                    before and after a training

Gradients are taken on the CPU, in eval mode. -o writes a picture (.png) or figures (.json).
"""

FORMATS = ("text", "json")
FILES = (".png", ".json")
TEXT_WIDTH = 80


def erf(
    target: Annotated[
        str | None,
        typer.Argument(metavar="TARGET", help="model.py:Net or package.module:factory; of --run by default its own."),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Argument(metavar="LAYER", help="As the report names it, or a pattern. Default: the last feature map."),
    ] = None,
    all_layers: Annotated[
        bool, typer.Option("--all", help="Up to twelve layers that show how the field grows.")
    ] = False,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="FOLDER", help="A run of trainer: before and after the training.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="Trained weights: .safetensors, .pt or .pth.")
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option("--images", metavar="PATH", help="Measure on these images: a file or a folder. Repeatable."),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option("--mean", metavar="NUMBERS", help="Of the channels, e.g. 0.49,0.48,0.45. Default: the images'."),
    ] = None,
    std: Annotated[str | None, typer.Option("--std", metavar="NUMBERS", help="Likewise.")] = None,
    count: Annotated[
        int, typer.Option("--inputs", "-n", metavar="N", min=1, help="So many random inputs, or images at most.")
    ] = 16,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of the random inputs and the initial weights.")
    ] = 0,
    radii: Annotated[
        str | None, typer.Option("--radii", metavar="NUMBERS", help="In pixels, e.g. 8,16,32. Default: powers of two.")
    ] = None,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write a .png or .json, whole or not at all. Repeatable."),
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text or json.")] = "text",
    input_shape: Input = None,
    arguments: Args = None,
    _debug: Debug = False,
) -> None:
    """``rfkit erf``: load, measure, write."""
    check_choice("--format", form, FORMATS)
    for path in outputs or []:
        if path.suffix.lower() not in FILES:
            raise UsageError(f"-o {path}: expected a name that ends in {' or '.join(FILES)}")
    if run is not None and layer is None and target is not None and not _is_target(target):
        target, layer = None, target
    _check(target, layer, all_layers, run, weights)
    if (mean or std) and not images:
        say("--mean and --std make no difference without --images")
    from rfkit.cli.measuring import Request

    request = Request(
        layer=layer,
        all_layers=all_layers,
        input_shape=input_shape,
        arguments=tuple(arguments or ()),
        seed=seed,
        count=count,
        images=tuple(images or ()),
        mean=_numbers("--mean", mean),
        std=_numbers("--std", std),
        radii=_numbers("--radii", radii),
    )
    _run(request, target, run, weights, outputs or [], form)


def _is_target(word: str) -> bool:
    return ":" in word or word.endswith(".py")


def _check(target: str | None, layer: str | None, all_layers: bool, run: Path | None, weights: Path | None) -> None:
    if target is None and run is None:
        raise UsageError("give a target such as model.py:Net, or --run with the folder of a training")
    if all_layers and layer is not None:
        raise UsageError(f"--all and the layer {layer} do not go together: give one of them")
    if run is not None and weights is not None:
        raise UsageError("--run takes the weights of the run: give it or --weights, not both")


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """``0.49,0.48,0.45`` as numbers, none below 0."""
    if text is None:
        return None
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError:
        values = ()
    if not values or not all(0 <= value < float("inf") for value in values):
        raise UsageError(f"{option} {text!r}: expected numbers of at least 0 with commas between them, e.g. 0.5,1,2")
    return values


def _run(
    request: Request, target: str | None, run: Path | None, weights: Path | None, outputs: Sequence[Path], form: str
) -> None:
    from rfkit.cli import measuring

    with ExitStack() as stack:
        stores = [(path.suffix.lower(), stack.enter_context(destination(path))) for path in outputs]
        write = stack.enter_context(destination(None))
        found: list[Measurement] = []
        note = ""
        with progress() as tell:
            request = replace(request, tell=tell)
            if run is not None:
                found, note = measuring.of_run(run, target, request)
            elif target is not None:
                found = [measuring.of_target(target, request, weights)]
        if note:
            say(note)
        if form == "json":
            stores.append((".json", write))
        for suffix, store in stores:
            store(_drawn(found) if suffix == ".png" else _as_json(found))
        if form == "text":
            from rfkit.render import erf as words

            write(words.render(found, width=max(min(width(), 120), TEXT_WIDTH)))


def _drawn(found: Sequence[Measurement]) -> bytes:
    from rfkit.effective import pictures

    return pictures.draw(found)


def _as_json(found: Sequence[Measurement]) -> str:
    from rfkit.effective.as_dict import to_json

    return to_json(found)
