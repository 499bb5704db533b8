"""What ``rfkit baseline`` does between its options and its exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from rfkit.cli import judging
from rfkit.errors import UsageError
from rfkit.gate.history import baseline as ratchet
from rfkit.gate.history import baseline_file, baseline_table
from rfkit.gate.history.baseline import Baseline, Entry
from rfkit.gate.history.comparing import trace_models
from rfkit.gate.history.metrics import Trend
from rfkit.gate.history.regression import moved
from rfkit.gate.run import conditions_of
from rfkit.gate.spec import Spec
from rfkit.gate.spec.discovery import shown_path
from rfkit.gate.spec.mistakes import did_you_mean, listed
from rfkit.report import Report


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of measuring.

    Attributes:
        summary: what became of each network in the file, a line each; empty where nothing was written.
        errors: why networks could not be run, a line each.
    """

    summary: str
    errors: tuple[str, ...] = ()


def spec_of(file: Path | None, context: typer.Context) -> Spec:
    """The spec, with the options of the command before it."""
    return judging.spec_of(file, context)


def store(spec: Spec, targets: Sequence[str], jobs: int, keep: bool) -> Stored:
    """Measure networks and write them to the baseline, all of them or none.

    Args:
        spec: which networks there are, and where the baseline is.
        targets: which of them; none: all.
        jobs: how many run at once.
        keep: whether what is stored of other networks stays.

    Raises:
        UsageError: there is no network, or the file cannot be read or written.
    """
    models = judging.selected(spec, targets, "measure")
    path = _path(spec)
    before = _before(path, keep)
    traced = trace_models(models, conditions_of(replace(spec.settings, baseline=None), jobs))
    errors = tuple(found.error or "it could not be run" for found in traced if found.report is None)
    if errors:
        return Stored("", (*errors, f"{path} is left as it is") if path.exists() else errors)
    reports: dict[str, Report] = {
        model.name: found.report for model, found in zip(models, traced, strict=True) if found.report is not None
    }
    after = (before if keep else Baseline()).updated(reports)
    baseline_file.write(path, after)
    return Stored(_summary(path, before.models, after.models, reports))


def table(spec: Spec, names: Sequence[str], width: int, color: bool) -> str:
    """What is stored of some networks, or of all.

    Raises:
        UsageError: there is no file, or nothing of that name in it.
    """
    path = _path(spec)
    stored = baseline_file.read(path)
    if stored is None:
        raise UsageError(f"no baseline {path}; rfkit baseline write makes it")
    for name in names:
        if name not in stored.models:
            near = did_you_mean(name, stored.models)
            hint = f"did you mean {near}?" if near else f"there are {listed(list(stored.models)) or 'none'}"
            raise UsageError(f"{path} has nothing of {name}; {hint}")
    chosen = {name: entry for name, entry in stored.models.items() if not names or name in names}
    return baseline_table.render(Baseline(chosen, stored.version), str(path), width=width, color=color)


def _path(spec: Spec) -> Path:
    return spec.settings.baseline or Path(shown_path(spec.folder / ratchet.NAME))


def _before(path: Path, keep: bool) -> Baseline:
    """What was stored; a file that cannot be read is no hindrance to writing it anew."""
    try:
        return baseline_file.read(path) or Baseline()
    except UsageError:
        if keep:
            raise
        return Baseline()


def _summary(path: Path, before: Mapping[str, Entry], after: Mapping[str, Entry], reports: Mapping[str, Report]) -> str:
    """A line per network that was measured and is new or has other figures, then how many the file has."""
    lines = [f"{name}: {_became(before.get(name), after[name])}" for name in sorted(reports)]
    lines += [f"{name}: no longer in it" for name in sorted(before.keys() - after.keys())]
    count = len(after)
    lines.append(f"{path} has {count:,} {'network' if count == 1 else 'networks'}; commit it")
    return "".join(f"{line}\n" for line in lines)


def _became(before: Entry | None, after: Entry) -> str:
    if before is None:
        return "new"
    if (before.input_shape, before.strict) != (after.input_shape, after.strict):
        return "measured at another input, or with the other kind of fields"
    steps = [moved(step) for step in before.steps(after) if step.trend() is not Trend.SAME]
    return ", ".join(steps) or "as before"
