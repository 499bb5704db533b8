"""From specs to verdicts: every target is traced in a worker process, every report is judged in this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path

from rfkit.errors import NothingAskedError, UsageError
from rfkit.gate.catalogue import selected
from rfkit.gate.findings import Finding, Outcome, Verdict
from rfkit.gate.history import baseline_file
from rfkit.gate.history.baseline import NAME, Baseline, compare
from rfkit.gate.judge import judge
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.spec import Settings, Spec, read_spec
from rfkit.gate.spec.discovery import find_spec, shown_path
from rfkit.isolation import Job, Traced, trace_all
from rfkit.report import Report


@dataclass(frozen=True, slots=True)
class Conditions:
    """How targets are run, and which rules count.

    Attributes:
        workers: how many run at once.
        timeout: seconds that each may take.
        memory: bytes that each may allocate.
        stub_missing: whether inert stand-ins replace packages that are not installed.
        directory: where they run; None: the current directory.
        select, ignore: codes or their beginnings; nothing selected stands for all.
        baseline: figures that they must not fall behind; None: none.
        tolerance: share of such a figure by which one may be worse.
        baseline_file: what the messages call the baseline.
        today: the day on which exceptions are looked at.
    """

    workers: int = 1
    timeout: float = 60.0
    memory: int = 4 * 2**30
    stub_missing: bool = False
    directory: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    baseline: Baseline | None = None
    tolerance: Fraction = Fraction(0)
    baseline_file: str = NAME
    today: date = field(default_factory=date.today)


def demand_something(model: ModelSpec, settings: Settings) -> None:
    """Nothing asked is nothing checked.

    Raises:
        NothingAskedError: if there is neither a rule for the network nor a baseline.
    """
    if not model.requirements and settings.baseline is None:
        raise NothingAskedError(
            f"nothing is asked of {model.name}; give a rule: params = \"< 200k\" in a spec, or --params '< 200k'"
        )


def conditions_of(settings: Settings, workers: int = 1, directory: Path | None = None) -> Conditions:
    """How the networks of a spec are run.

    Raises:
        UsageError: if the baseline is missing or cannot be read.
    """
    stored = None
    if settings.baseline is not None:
        stored = baseline_file.read(settings.baseline)
        if stored is None:
            raise UsageError(f"no baseline {settings.baseline}; rfkit baseline write makes it")
    return Conditions(
        workers=workers,
        timeout=settings.timeout,
        memory=settings.memory,
        stub_missing=settings.stub_missing,
        directory=directory,
        select=settings.select,
        ignore=settings.ignore,
        baseline=stored,
        tolerance=settings.tolerance,
        baseline_file=str(settings.baseline or NAME),
    )


def run(
    models: Sequence[ModelSpec], conditions: Conditions, done: Callable[[Verdict], None] | None = None
) -> tuple[Verdict, ...]:
    """The verdict on every model, in their order; ``done`` is called with each as it is reached."""
    verdicts: dict[int, Verdict] = {}

    def reached(place: int, traced: Traced) -> None:
        verdicts[place] = verdict(models[place], traced, conditions)
        if done is not None:
            done(verdicts[place])

    trace_all(
        [job_of(model, conditions) for model in models],
        workers=conditions.workers,
        timeout=conditions.timeout,
        memory=conditions.memory,
        done=reached,
    )
    return tuple(verdicts[place] for place in range(len(models)))


def check(
    target: str, *, arguments: Sequence[str] = (), spec: Path | None = None, options: Mapping[str, object] | None = None
) -> Outcome:
    """What ``rfkit check TARGET`` finds, in Python: trace a target in a worker process and judge it.

    Args:
        target: ``net.py:Net``, or the name of a network in the spec.
        arguments: of the constructor, as ``--arg`` takes them.
        spec: the file; None: the nearest from the current directory up.
        options: further options of the command, e.g. ``{"--params": "< 200k"}``.

    Raises:
        SpecError: all mistakes in the spec, a line each.
        NothingAskedError: nothing is asked of the target.
        UsageError: the spec has no such network, or its baseline is missing.
    """
    path = find_spec(Path.cwd()) if spec is None else spec
    asked = (Spec() if path is None else read_spec(path)).with_flags({"--arg": tuple(arguments), **(options or {})})
    models = asked.select((target,))
    for model in models:
        demand_something(model, asked.settings)
    shown = None if path is None else shown_path(path)
    return Outcome(run(models, conditions_of(asked.settings)), shown)


def verdict(model: ModelSpec, traced: Traced, conditions: Conditions) -> Verdict:
    """The verdict on one model that was traced."""
    findings: tuple[Finding, ...] = ()
    error = traced.error
    if traced.report is not None:
        try:
            findings = _findings(model, traced.report, conditions)
        except UsageError as unlike:
            error = str(unlike)
        else:
            error = None if findings else "no rule is left to check: look at --select and --ignore"
    return Verdict(
        model.name, model.target, traced.report, findings, error, traced.stubs, traced.seconds, model.arguments
    )


def _findings(model: ModelSpec, report: Report, conditions: Conditions) -> tuple[Finding, ...]:
    select, ignore = conditions.select, conditions.ignore
    found = judge(model, report, select=select, ignore=ignore, today=conditions.today)
    if conditions.baseline is None:
        return found
    compared = compare(conditions.baseline, model.name, report, conditions.tolerance, conditions.baseline_file)
    return found + tuple(finding for finding in compared if selected(finding.code, select, ignore))


def job_of(model: ModelSpec, conditions: Conditions) -> Job:
    """What a worker is asked for a model."""
    return Job(
        target=model.target,
        arguments=model.arguments,
        input_shape=model.input_shape,
        strict=model.strict,
        device=model.device,
        stub_missing=conditions.stub_missing,
        directory=conditions.directory,
        places=True,
        holes=model.asks_for_holes,
    )
