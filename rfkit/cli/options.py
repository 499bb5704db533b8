"""Options that several commands share."""

from __future__ import annotations

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
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
