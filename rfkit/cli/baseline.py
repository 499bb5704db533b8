"""``rfkit baseline``: keep the figures that networks must not fall behind in a committed file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rfkit.cli.options import (
    Args,
    Debug,
    Jobs,
    Memory,
    SpecDevice,
    SpecFile,
    SpecInput,
    Strict,
    StubMissing,
    Targets,
    Timeout,
)
from rfkit.cli.output import color, destination, print_text, say, width

BASELINE = """Keep the figures that networks must not fall behind.

\b
  rfkit baseline write                   measure every network of the spec, write the file anew
  rfkit baseline update net              accept what net has now, better or worse; leave the others
  rfkit baseline show

rfkit check compares with the file that the spec names (baseline = "rfkit-baseline.json") or --baseline.
"""
WRITE = """Measure every network of the spec, or those that are named, and write the file with nothing else in it."""
UPDATE = """Accept what the named networks have now, better or worse; the others keep what is stored of them."""
SHOW = """Show what is stored, as a table."""

app = typer.Typer(help=BASELINE, rich_markup_mode=None)

File = Annotated[
    str | None,
    typer.Option("--baseline", metavar="FILE", help="Default: what the spec says, else rfkit-baseline.json beside it."),
]


@app.command("write", help=WRITE)
def write(
    context: typer.Context,
    targets: Targets = None,
    spec_file: SpecFile = None,
    baseline: File = None,
    input_shape: SpecInput = None,
    arguments: Args = None,
    strict: Strict = False,
    device: SpecDevice = None,
    stub_missing: StubMissing = False,
    jobs: Jobs = 1,
    timeout: Timeout = None,
    memory: Memory = None,
    _debug: Debug = False,
) -> int:
    """``rfkit baseline write``: the file has exactly these networks afterwards."""
    return _store(context, targets or [], spec_file, jobs, keep=False)


@app.command("update", help=UPDATE)
def update(
    context: typer.Context,
    targets: Targets = None,
    spec_file: SpecFile = None,
    baseline: File = None,
    input_shape: SpecInput = None,
    arguments: Args = None,
    strict: Strict = False,
    device: SpecDevice = None,
    stub_missing: StubMissing = False,
    jobs: Jobs = 1,
    timeout: Timeout = None,
    memory: Memory = None,
    _debug: Debug = False,
) -> int:
    """``rfkit baseline update``: the networks that were not named keep what is stored of them."""
    return _store(context, targets or [], spec_file, jobs, keep=True)


@app.command("show", help=SHOW)
def show(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Networks in the file. Default: all.")
    ] = None,
    spec_file: SpecFile = None,
    baseline: File = None,
    _debug: Debug = False,
) -> int:
    """``rfkit baseline show``: a table of what is stored."""
    from rfkit.cli import keeping

    table = keeping.table(keeping.spec_of(spec_file, context), names or [], width(), color())
    with destination(None) as out:
        out(table)
    return 0


def _store(context: typer.Context, targets: list[str], spec_file: Path | None, jobs: int, keep: bool) -> int:
    """Measure, write, say what became of each network; nothing is written where one could not be run."""
    from rfkit.cli import keeping

    stored = keeping.store(keeping.spec_of(spec_file, context), targets, jobs, keep)
    for error in stored.errors:
        say(error)
    print_text(stored.summary)
    return 2 if stored.errors else 0
