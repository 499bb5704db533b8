"""``rfkit report`` and ``rfkit explain``: trace a target, write what was found."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rfkit.cli.messages import check_choice
from rfkit.cli.options import Args, Debug, Device, Input, Strict, StubMissing, Target
from rfkit.cli.output import color, destination, say, width
from rfkit.cli.tracing import traced
from rfkit.errors import UsageError

if TYPE_CHECKING:
    from rfkit.report import Report

FORMATS = ("table", "json", "csv", "markdown", "html")
ENDINGS: Mapping[str, str] = {
    "": "table",
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
}
FORMS_OF: Mapping[str, tuple[str, ...]] = {
    "--units": ("json",),
    "--depth": ("table", "markdown"),
    "--layers": FORMATS[:-1],
    "--image": ("html",),
    "--spec": ("html",),
}

REPORT = """Report what every layer of a network sees and costs.

\b
  rfkit report model.py:Net
  rfkit report model.py:Net --arg dropout=0.1 --input 3x64x64 --all
  rfkit report torchvision.models:resnet18 -o resnet18.json
  rfkit report model.py:Net -o report.html --image photo.jpg

The form is that of the file's name, or --format; stdout gets a table unless --format says otherwise.
The table is as wide as the terminal, 120 columns when piped. COLUMNS, NO_COLOR and FORCE_COLOR are honoured.
"""

EXPLAIN = """Work out one layer's receptive field by hand, step by step.

\b
  rfkit explain model.py:Net conv2.0
"""


def report(
    target: Target,
    input_shape: Input = None,
    arguments: Args = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORM", help="table, json, csv, markdown or html. Default: by the file's name."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
    ] = None,
    layers: Annotated[
        str | None, typer.Option("--layers", metavar="PATTERN", help="Only these layers, e.g. 'conv*'.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", help="Fold layers to N components of their names.")
    ] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Also norms, activations and dropouts (JSON and CSV always have them).")
    ] = False,
    units: Annotated[bool, typer.Option("--units", help="What every single unit sees (JSON only).")] = False,
    holes: Annotated[
        bool,
        typer.Option(
            "--holes",
            help="Which positions each layer's centre unit reaches, and which it skips; with --units every unit.",
        ),
    ] = False,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="Picture to draw fields on (HTML only).")
    ] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="FILE", help="Also say which of its rules hold (HTML only).")
    ] = None,
    strict: Strict = False,
    device: Device = "meta",
    stub_missing: StubMissing = False,
    _debug: Debug = False,
) -> None:
    """``rfkit report``: trace a target, write the report."""
    form = form or _by_name(output)
    check_choice("--format", form, FORMATS)
    if depth is not None and depth < 1:
        raise UsageError(f"--depth {depth}: expected 1 or more components of a layer's name")
    _say_what_is_idle(form, {"--units": units, "--depth": depth, "--layers": layers, "--image": image, "--spec": spec})
    how = {"strict": strict, "stub_missing": stub_missing}
    with destination(output) as write:
        if form == "html":
            from rfkit.cli.page import page

            write(page(target, input_shape, arguments or [], device, image=image, spec=spec, **how))
            return
        found = traced(target, input_shape, arguments or [], device, units=units, holes=holes, **how)
        write(_rendered(found, form, output is None, all_rows=all_rows, layers=layers, depth=depth))


def explain(
    target: Target,
    layer: Annotated[str, typer.Argument(metavar="LAYER", help="A layer as the report names it, e.g. conv2.0.")],
    input_shape: Input = None,
    arguments: Args = None,
    strict: Strict = False,
    device: Device = "meta",
    stub_missing: StubMissing = False,
    _debug: Debug = False,
) -> None:
    """``rfkit explain``: trace a target, write the calculation of one layer."""
    from rfkit.render import explain as steps

    with destination(None) as write:
        found = traced(target, input_shape, arguments or [], device, strict=strict, stub_missing=stub_missing)
        wrap = sys.stdout.isatty() or "COLUMNS" in os.environ
        write(steps.render(found, layer, width=width() if wrap else None))


def _by_name(output: Path | None) -> str:
    """The form by the file's name; a table on stdout. Raises UsageError for another name."""
    ending = "" if output is None else output.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"-o {output}: expected a name that ends in {', '.join(filter(None, ENDINGS))}, or --format")
    return ENDINGS[ending]


def _say_what_is_idle(form: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value and form not in FORMS_OF[option]:
            say(f"{option} makes no difference to --format {form}; it is for {' and '.join(FORMS_OF[option])}")


def _rendered(found: Report, form: str, to_stdout: bool, **selection: Any) -> str:
    """The report in one of its forms; ``selection``: ``all_rows``, ``layers`` and ``depth``."""
    if form == "json":
        from rfkit.render import as_json

        return as_json.render(found, layers=selection["layers"])
    if form == "csv":
        from rfkit.render import as_csv

        return as_csv.render(found, layers=selection["layers"])
    if form == "markdown":
        from rfkit.render import markdown

        return markdown.render(found, **selection)
    from rfkit.render import table

    if to_stdout:
        return table.render(found, width=width(), color=color(), **selection)
    return table.render(found, width=width(terminal=False), **selection)
