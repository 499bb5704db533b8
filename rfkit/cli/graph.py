"""``rfkit graph``: trace a target, draw it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rfkit.cli.messages import check_choice
from rfkit.cli.options import Args, Debug, Device, Input, Strict, StubMissing, Target
from rfkit.cli.output import destination
from rfkit.cli.tracing import traced
from rfkit.errors import UsageError

FORMS = ("svg", "pdf", "png", "dot")

GRAPH = """Draw a network: its layers, what each sees, and how they are joined.

\b
  rfkit graph model.py:Net -o net.svg
  rfkit graph torchvision.models:resnet18 --color params -o resnet18.pdf
  rfkit graph model.py:Net --depth 1 | dot -Tx11

The form is that of the file's name, or --format; stdout gets the source text unless --format says otherwise.
Pictures need the dot program of Graphviz.
"""


def graph(
    target: Target,
    input_shape: Input = None,
    arguments: Args = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="net.svg, .pdf, .png or .dot.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="FORM", help="svg, pdf, png or dot. Default: by the file's name.")
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", metavar="N", help="Fold modules to N components of their names. Default: to fit a page."
        ),
    ] = None,
    color: Annotated[
        str, typer.Option("--color", metavar="BY", help="What colours say: coverage, rf, params or macs.")
    ] = "coverage",
    all_rows: Annotated[bool, typer.Option("--all", help="Also norms, activations and dropouts.")] = False,
    strict: Strict = False,
    device: Device = "meta",
    stub_missing: StubMissing = False,
    _debug: Debug = False,
) -> None:
    """``rfkit graph``: trace a target, draw it."""
    from rfkit.render import graph as drawing

    check_choice("--color", color, drawing.COLORS)
    if depth is not None and depth < 1:
        raise UsageError(f"--depth {depth}: expected 1 or more components of a layer's name")
    form = form or _by_name(output)
    check_choice("--format", form, FORMS)
    if form != "dot":
        drawing.check_dot()
    with destination(output) as write:
        found = traced(target, input_shape, arguments or [], device, strict=strict, stub_missing=stub_missing)
        source = drawing.source(found, color=color, depth=depth, all_rows=all_rows)
        write(source if form == "dot" else drawing.draw(source, form))


def _by_name(output: Path | None) -> str:
    """The form by the file's name; dot on stdout. Raises UsageError for another name."""
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    if output is None or str(output) == "-" or ending in ("dot", "gv"):
        return "dot"
    if ending not in FORMS:
        raise UsageError(
            f"-o {output}: expected a name that ends in {', '.join(f'.{name}' for name in FORMS)}, or --format"
        )
    return ending
