"""``rfkit init``: write a spec, from a template or from a network as it is now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rfkit.cli.options import Args, Debug, Device, Input, Strict, StubMissing
from rfkit.cli.output import destination, say
from rfkit.cli.tracing import traced
from rfkit.errors import UsageError

INIT = """Write a spec for rfkit check.

\b
  rfkit init --template assignment       the CIFAR-10 assignment, every requirement commented
  rfkit init model.py:Net --headroom 5%  what a network is now, and a little more

It is written to rfkit.toml; -o - shows it. A file that is there already is left alone.
"""


def init(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="model.py:Net or package.module:factory.")
    ] = None,
    template: Annotated[
        str | None, typer.Option("--template", metavar="NAME", help="A ready spec: assignment.")
    ] = None,
    headroom: Annotated[
        str, typer.Option("--headroom", metavar="SHARE", help="By so much each number may get worse, e.g. 5%.")
    ] = "0%",
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of the network in the spec.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to.")] = Path("rfkit.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    input_shape: Input = None,
    arguments: Args = None,
    strict: Strict = False,
    device: Device = "meta",
    stub_missing: StubMissing = False,
    _debug: Debug = False,
) -> None:
    """``rfkit init``: a spec, in a file."""
    from rfkit.gate.spec import init as now
    from rfkit.gate.spec import templates

    if target is None and template is None:
        raise UsageError("give a target such as model.py:Net, or --template assignment")
    if not force and output.exists() and output.is_file():
        raise UsageError(f"{output} is there already; --force replaces it, -o names another file")
    share = now.parse_headroom(headroom)
    with destination(output) as write:
        if template is not None:
            write(templates.template(template, target))
        elif target is not None:
            report = traced(target, input_shape, arguments or (), device, strict=strict, stub_missing=stub_missing)
            write(now.spec_from_report(report, report.target, name or _named(report.target), share, arguments or ()))
    if str(output) != "-":
        say(
            f"wrote {output}; rfkit check{'' if output.name in ('rfkit.toml', '.rfkit.toml') else f' --spec {output}'} uses it"
        )


def _named(target: str) -> str:
    """A name for a network in the spec: of ``models/net.py:Net`` its file, ``net``; of a generic file its class."""
    source, _, attribute = target.rpartition(":")
    stem = os.path.basename(source).removesuffix(".py").rpartition(".")[2]
    return attribute if stem in ("model", "models", "__init__", "") else stem
