"""What ``rfkit check`` does between its options and its exit code."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from rfkit.cli.messages import check_choice
from rfkit.cli.output import color, width
from rfkit.errors import UsageError
from rfkit.gate.findings import Outcome, Verdict
from rfkit.gate.formats import FORMATS, step_summary
from rfkit.gate.formats.options import Options
from rfkit.gate.history import baseline as ratchet
from rfkit.gate.history import baseline_file
from rfkit.gate.history.baseline import Baseline
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.run import Conditions, run
from rfkit.gate.spec import Spec, flags, read_spec, show
from rfkit.gate.spec.discovery import find_spec

SUFFIXES = {".xml": "junit", ".sarif": "sarif", ".json": "json", ".md": "markdown", ".csv": "csv", ".txt": "full"}


def spec_of(file: Path | None, context: typer.Context) -> Spec:
    """The spec that was named, else the nearest, else an empty one; with the options of the command before it.

    Raises:
        SpecError: all mistakes in it.
    """
    path = find_spec(Path.cwd()) if file is None else file
    given = {
        option: context.params[parameter.name]
        for parameter in context.command.params
        for option in parameter.opts
        if parameter.name is not None and (option in flags.RULES or option in flags.SETTINGS)
    }
    return (Spec() if path is None else read_spec(path)).with_flags(given)


def selected(spec: Spec, targets: Sequence[str], purpose: str) -> tuple[ModelSpec, ...]:
    """The networks that the words of the command line stand for; none: all of the spec.

    Raises:
        UsageError: if there is none.
    """
    models = spec.select(tuple(targets))
    if not models:
        where = "there is no spec here or above" if spec.path is None else f"{spec.path.name} has no [models]"
        raise UsageError(
            f"nothing to {purpose}: {where}; name a target such as net.py:Net, or let rfkit init write a spec"
        )
    return models


def models_of(spec: Spec, targets: Sequence[str]) -> tuple[ModelSpec, ...]:
    """The networks to check.

    Raises:
        UsageError: if there is none, or nothing is asked of one.
    """
    models = selected(spec, targets, "check")
    for model in models:
        if not model.requirements and spec.settings.baseline is None:
            raise UsageError(
                f"nothing is asked of {model.name}; give a limit such as --rf '> 44', or a spec (rfkit init)"
            )
    return models


def outcome_of(spec: Spec, models: Sequence[ModelSpec], conditions: Conditions) -> Outcome:
    """Run and judge all networks, behind a progress bar where somebody watches; then tighten the baseline."""
    with _progress(len(models)) as advance:
        verdicts = run(models, conditions, done=lambda _: advance())
    notes: tuple[str, ...] = ()
    if conditions.baseline is not None and spec.settings.baseline is not None:
        notes = _tighten(spec.settings.baseline, conditions.baseline, verdicts, conditions)
    shown = None if spec.path is None else os.path.relpath(spec.path)
    return Outcome(verdicts, shown, notes)


def configuration(spec: Spec, targets: Sequence[str]) -> str:
    """What is asked of each network, and where it is asked; after that how the check is run."""
    parts = [(model.name, show.describe(spec, model)) for model in spec.select(tuple(targets))]
    parts.append(("how the check is run", show.describe_settings(spec)))
    return "\n".join(f"{name}\n{textwrap.indent(show.render(rows), '  ')}" for name, rows in parts)


def form_of(form: str | None) -> str:
    """The form for stdout: what was asked for, else annotations on GitHub, else text for people.

    Raises:
        UsageError: if there is no such form.
    """
    if form is None:
        return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "full"
    check_choice("--format", form, tuple(FORMATS))
    return form


def files_of(outputs: Sequence[str]) -> list[tuple[str, Path]]:
    """Form and file of every ``--output``: ``junit=report.xml``, or a file whose suffix tells the form.

    Raises:
        UsageError: if the form is unknown or cannot be told.
    """
    found = []
    for text in outputs:
        name, equals, path = text.partition("=")
        if not equals:
            name, path = SUFFIXES.get(Path(text).suffix.lower(), ""), text
            if not name:
                raise UsageError(f"-o {text!r}: which form? write it before the file, e.g. -o junit={text}")
        check_choice("-o", name, tuple(FORMATS))
        found.append((name, Path(path)))
    return found


def rendered(outcome: Outcome, form: str, quiet: bool, to_stdout: bool) -> str:
    """The outcome in a form; only what goes to stdout is coloured."""
    options = Options(
        width=width(terminal=to_stdout), color=to_stdout and color(), quiet=quiet, root=repository(Path.cwd())
    )
    return FORMATS[form](outcome, options)


def summarise(outcome: Outcome, form: str) -> None:
    """Add the table to the summary of a GitHub job, where this is one and its annotations were asked for."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if form == "github" and file:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(step_summary(outcome, Options(root=repository(Path.cwd()))))


def _tighten(path: Path, stored: Baseline, verdicts: Sequence[Verdict], conditions: Conditions) -> tuple[str, ...]:
    """Say what is better than the baseline and, outside CI and where nothing failed, store it."""
    better = {
        verdict.model: (verdict.report, steps)
        for verdict in verdicts
        if verdict.report is not None
        and verdict.exit_code == 0
        and (steps := ratchet.improvements(stored, verdict.model, verdict.report))
    }
    if not better:
        return ()
    lines = [f"{name}: {step}" for name, (_, steps) in better.items() for step in steps]
    if ratchet.in_ci(os.environ):
        return (*lines, f"better than {path}: rfkit check tightens it where it is not run by CI")
    tighter = stored
    for name, (report, _) in better.items():
        tighter = ratchet.tightened(tighter, name, report, conditions.tolerance)
    if tighter is stored:
        return tuple(lines)
    baseline_file.write(path, tighter)
    return (*lines, f"{path} is tightened: commit it")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr while several networks run, where it is a terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = ("checking", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def repository(folder: Path) -> Path:
    """The root of the repository a folder is in; the folder itself outside one."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)
