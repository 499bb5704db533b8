"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEVICES = ("meta", "cpu")

Target = Annotated[str, typer.Argument(metavar="TARGET", help="model.py:Net or package.module:factory.")]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Channels and positions, e.g. 3x32x32. Default: what the model states, else 3x32x32, 3x224x224 "
        "or 1x28x28, whichever it accepts.",
    ),
]
Args = Annotated[
    list[str] | None,
    typer.Option("--arg", metavar="VALUE", help="For the constructor: dropout=0.1, or 10 by position. Repeatable."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Count context too: gates, norms over positions, pooled branches."),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="meta, or cpu where the forward needs real numbers."),
]
StubMissing = Annotated[
    bool, typer.Option("--stub-missing", help="Stand in for packages that are missing and not needed.")
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="TARGET", help="Names in the spec, model.py:Net, or patterns. Default: all of the spec."),
]
SpecFile = Annotated[Path | None, typer.Option("--spec", metavar="FILE", help="The spec. Default: the nearest.")]
SpecInput = Annotated[
    str | None, typer.Option("--input", metavar="SHAPE", help="e.g. 3x32x32. Default: as the spec says.")
]
SpecDevice = Annotated[
    str | None, typer.Option("--device", metavar="NAME", help="meta or cpu. Default: as the spec says.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="So many at once.")]
Timeout = Annotated[str | None, typer.Option("--timeout", metavar="SECONDS", help="For each. Default: 60.")]
Memory = Annotated[str | None, typer.Option("--memory", metavar="SIZE", help="For each. Default: 4 GiB.")]
Tolerance = Annotated[
    str | None, typer.Option("--tolerance", metavar="SHARE", help="By so much a figure may be worse, e.g. 2%.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
