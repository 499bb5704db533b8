"""``rfkit diff``: what changed between two networks, two reports, or one network at two revisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rfkit.cli.messages import check_choice
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
    Timeout,
    Tolerance,
)
from rfkit.cli.output import color, destination, say, width
from rfkit.errors import UsageError

DIFF = """Compare two networks: layers added, removed, changed; the figures of the whole.

\b
  rfkit diff net.py:Net                  the working tree with where the branch left main
  rfkit diff net.py:Net --base HEAD~1    with another revision
  rfkit diff old.py:Net new.py:Net
  rfkit diff old.json new.json           reports of rfkit report --format json
  rfkit diff --fail-on-regression        every network of the spec

Revisions are checked out into temporary folders; the index and the working tree stay as they are.
Exit codes: 0 compared, 1 a figure is worse (--fail-on-regression), 2 a network could not be run, 3 a fault of ours.
"""


def diff(
    context: typer.Context,
    old: Annotated[
        str | None, typer.Argument(metavar="[OLD]", help="A target, a report, or the one target of two revisions.")
    ] = None,
    new: Annotated[str | None, typer.Argument(metavar="[NEW]", help="What it is compared with.")] = None,
    base: Annotated[
        str | None, typer.Option("--base", metavar="REV", help="The old revision. Default: the merge base.")
    ] = None,
    head: Annotated[
        str | None, typer.Option("--head", metavar="REV", help="The new one. Default: the working tree.")
    ] = None,
    spec_file: SpecFile = None,
    input_shape: SpecInput = None,
    arguments: Args = None,
    strict: Strict = False,
    device: SpecDevice = None,
    stub_missing: StubMissing = False,
    jobs: Jobs = 1,
    timeout: Timeout = None,
    memory: Memory = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            envvar="RFKIT_FORMAT",
            show_envvar=False,
            help="full, concise, json, markdown, csv, junit, sarif, github or gitlab.",
        ),
    ] = "full",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
    ] = None,
    all_layers: Annotated[
        bool, typer.Option("--all", help="Also layers with another name only, or that only follow from others.")
    ] = False,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit with 1 where a figure of the whole is worse.")
    ] = False,
    tolerance: Tolerance = None,
    _debug: Debug = False,
) -> int:
    """``rfkit diff``: write what changed; the exit code says whether it matters."""
    from rfkit.cli import comparing
    from rfkit.gate.history import diff_formats

    check_choice("--format", form, diff_formats.FORMATS)
    if new is not None and (base or head):
        raise UsageError(f"{old} and {new} are two networks already; --base and --head are for one")
    spec = comparing.spec_of(spec_file, context, old, new)
    with destination(output) as write:
        compared = comparing.compared(spec, old, new, base, head, jobs)
        options = comparing.options_of(width(terminal=output is None), output is None and color())
        settings = diff_formats.Settings(options, spec.settings.tolerance, fail_on_regression, all_layers)
        write(diff_formats.render(form, compared, settings))
    for line in comparing.failures(compared):
        say(line)
    return comparing.exit_code(compared, settings)
