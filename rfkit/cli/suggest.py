"""``rfkit suggest``: the smallest edits with which a network meets its spec."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from rfkit.cli.check import check
from rfkit.cli.messages import check_choice
from rfkit.cli.options import Debug, SpecFile
from rfkit.cli.output import color, destination, width
from rfkit.cli.progress import progress

SUGGEST = """Find the smallest edits with which a network meets its spec.

\b
  rfkit suggest net.py:Net
  rfkit suggest net --spec rfkit.toml --only dilation,stride
  rfkit suggest net.py:Net --rf '> 44' --params '< 200k' --limit 3

Every suggestion is made to a copy of the network, which is then checked. The spec and its options are those of rfkit check.
Exit codes: 0 suggestions, or nothing needs to be changed; 1 none was found; 2 it could not be run.
"""

FORMATS = ("text", "json")


_ABOUT_RUNNING = {
    "context",
    "targets",
    "spec_file",
    "jobs",
    "timeout",
    "memory",
    "stub_missing",
    "baseline",
    "tolerance",
}
_ABOUT_PRINTING = {"form", "outputs", "quiet", "exit_zero", "show_config", "_debug"}
"""Options of ``rfkit check`` that say how it runs and what it prints, not what is asked of a network."""


def _asking(command: Callable[..., int]) -> Callable[..., int]:
    """A command with the options of ``rfkit check`` that say what is asked; what they hold is read from the context."""
    own = [p for p in signature(command, eval_str=True).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    asked = [
        p for p in signature(check, eval_str=True).parameters.values() if p.name not in _ABOUT_RUNNING | _ABOUT_PRINTING
    ]
    command.__signature__ = Signature([*own[:3], *asked, *own[3:]])  # type: ignore[attr-defined]
    return command


@_asking
def suggest(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(metavar="TARGET", help="A name in the spec, or model.py:Net. Default: the spec's only network."),
    ] = None,
    spec_file: SpecFile = None,
    edits: Annotated[int, typer.Option("--edits", metavar="N", min=1, max=2, help="Edits together, at most.")] = 2,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Suggestions, at most.")] = 5,
    only: Annotated[
        str | None, typer.Option("--only", metavar="KINDS", help="Kinds of edits, e.g. dilation,stride.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=1, help="How long to search; then it says what it has.")
    ] = 60,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text or json.")] = "text",
    _debug: Debug = False,
    **_: Any,
) -> int:
    """``rfkit suggest``: its exit code says whether there is a way out."""
    from rfkit.cli import judging
    from rfkit.gate.run import conditions_of
    from rfkit.suggesting import as_json, text
    from rfkit.suggesting.run import Wanted, kinds_of, only_one, suggest_for

    check_choice("--format", form, FORMATS)
    kinds = kinds_of([] if only is None else [name.strip() for name in only.split(",")])
    wanted = Wanted(edits, limit, kinds, seconds)
    spec = judging.spec_of(spec_file, context)
    model = only_one(judging.models_of(spec, [] if target is None else [target]))
    with destination(None) as write:
        with progress() as tell:
            found = suggest_for(model, conditions_of(spec.settings), spec.path, wanted, tell)
        columns = width() if sys.stdout.isatty() or "COLUMNS" in os.environ else 80
        write(as_json.render(found) if form == "json" else text.render(found, columns, color()))
    return found.exit_code
