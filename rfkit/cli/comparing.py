"""What ``rfkit diff`` does between its options and its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from rfkit.cli import judging
from rfkit.errors import UsageError
from rfkit.gate.formats.options import Options
from rfkit.gate.history.changes import Compared, Failure, regressions
from rfkit.gate.history.comparing import compare_revisions, compare_sides
from rfkit.gate.history.diff_formats import Settings
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.run import conditions_of
from rfkit.gate.spec import Spec


def spec_of(file: Path | None, context: typer.Context, old: str | None, new: str | None) -> Spec:
    """The spec, with the options of the command before it; without a file where only reports are compared.

    Raises:
        SpecError: all mistakes in it.
    """
    if file is None and all(word is not None and is_report(word) for word in (old, new)):
        return Spec().with_flags({"--tolerance": context.params["tolerance"]})
    return judging.spec_of(file, context)


def compared(
    spec: Spec, old: str | None, new: str | None, base: str | None, head: str | None, jobs: int
) -> tuple[Compared, ...]:
    """Two sides where two are named, else networks of the spec or one target at two revisions.

    Raises:
        UsageError: there is nothing to compare, or it cannot be.
    """
    conditions = conditions_of(replace(spec.settings, baseline=None), jobs)
    if old is not None and new is not None:
        return (compare_sides(_side(spec, old), _side(spec, new), conditions),)
    if old is not None and is_report(old):
        raise UsageError(f"{old} is one report; name a second one, or a target, to compare it with")
    models = judging.selected(spec, () if old is None else (old,), "compare")
    return compare_revisions(models, base, head, conditions, Path.cwd())


def is_report(word: str) -> bool:
    """Whether a word of the command line names a report, not a target: a ``.json``, or a file that is no Python."""
    path = Path(word)
    return path.suffix.lower() == ".json" or (path.exists() and not path.is_dir() and path.suffix != ".py")


def options_of(width: int, color: bool) -> Options:
    """How the forms are rendered."""
    return Options(width=width, color=color, root=judging.repository(Path.cwd()))


def failures(compared: Sequence[Compared]) -> list[str]:
    """A line per network that could not be compared."""
    failed = [one for one in compared if isinstance(one, Failure)]
    several = len(compared) > 1
    return [f"{one.model}: {one.error}" if several and one.model not in one.error else one.error for one in failed]


def exit_code(compared: Sequence[Compared], settings: Settings) -> int:
    """2 a network could not be compared, 1 a figure is worse where that matters, else 0."""
    if any(isinstance(one, Failure) for one in compared):
        return 2
    worse = [one for one in compared if not isinstance(one, Failure) and regressions(one, settings.tolerance)]
    return int(settings.fails and bool(worse))


def _side(spec: Spec, word: str) -> Path | ModelSpec:
    if is_report(word):
        return Path(word)
    models = spec.select((word,))
    if len(models) != 1:
        raise UsageError(f"{word} stands for {len(models)} networks; one is compared with another")
    return models[0]
