"""The committed figures that a network must not fall behind (schema ``rfkit.baseline/1``), and the ratchet that tightens them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from rfkit import __version__
from rfkit.errors import UsageError
from rfkit.gate.findings import Finding, Severity, Status
from rfkit.gate.history.metrics import EXACT, METRICS, Step, Trend, Values
from rfkit.gate.history.regression import moved, regression
from rfkit.render import text
from rfkit.report import Report

NAME = "rfkit-baseline.json"
"""What the file is called where the spec does not say."""

MISSING = "RF503"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored of one network.

    Attributes:
        target: ``net.py:Net``, where it was found.
        input_shape: the batch included.
        strict: whether context counted as part of the field.
        figures: by key of a metric, its values; a metric that was not stored is not compared.
        bounds: keys of the metrics of which only an upper bound is known.
    """

    target: str
    input_shape: tuple[int, ...]
    strict: bool
    figures: Mapping[str, Values]
    bounds: frozenset[str] = frozenset()

    @classmethod
    def of(cls, report: Report) -> Entry:
        """What is stored of a report."""
        figures = {metric.key: metric.read(report) for metric in METRICS}
        bounds = frozenset(metric.key for metric in METRICS if metric.is_bound(report))
        return cls(report.target, report.input_shape, report.strict, figures, bounds)

    def steps(self, now: Entry) -> tuple[Step, ...]:
        """Every figure that both have."""
        return tuple(
            Step(metric, self.figures[key], now.figures[key], key in self.bounds, key in now.bounds)
            for metric in METRICS
            if (key := metric.key) in self.figures and key in now.figures
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is stored of all networks, by name; ``version`` is that of the rfkit that measured them."""

    models: Mapping[str, Entry] = field(default_factory=dict)
    version: str = __version__

    def updated(self, reports: Mapping[str, Report]) -> Baseline:
        """With the figures of these reports, better or worse; the other networks keep theirs."""
        return Baseline({**self.models, **{name: Entry.of(report) for name, report in reports.items()}})


def compare(
    baseline: Baseline, name: str, report: Report, tolerance: Fraction = EXACT, file: str = NAME
) -> tuple[Finding, ...]:
    """What became of one network since its figures were stored: a finding per figure.

    Args:
        baseline: what is stored.
        name: of the network.
        report: what was measured now.
        tolerance: share of a stored figure by which it may be worse, e.g. 1/50.
        file: the baseline's, for the messages.

    Returns:
        ``RF501`` per figure, broken where it is worse by more than the tolerance, undecided where it is no longer known;
        a single ``RF503``, a warning, where nothing is stored of the network.

    Raises:
        UsageError: what is stored was measured at another input shape, or with the other kind of fields.
    """
    stored = baseline.models.get(name)
    if stored is None:
        return (_missing(name, report, file),)
    now = Entry.of(report)
    _check_alike(stored, now, name, file)
    ways_out = _ways_out(name, file)
    return tuple(
        regression(step, "in the baseline", tolerance, rule="in the baseline", place=report.place, help=ways_out)
        for step in stored.steps(now)
    )


def improvements(baseline: Baseline, name: str, report: Report) -> tuple[str, ...]:
    """What is better than stored, a line each: ``params 200,000 -> 190,000 (-10,000, -5.0%)``."""
    return tuple(moved(step) for step in _steps(baseline, name, report) if step.trend() is Trend.BETTER)


def tightened(baseline: Baseline, name: str, report: Report, tolerance: Fraction = EXACT) -> Baseline:
    """With every figure of one network that is better now, those that are a little worse left as they were.

    The baseline itself where there is nothing to tighten: nothing is stored of the network, nothing is better, or
    something is worse by more than the tolerance or no longer known.
    """
    steps = _steps(baseline, name, report)
    if any(step.trend(tolerance) in (Trend.WORSE, Trend.UNKNOWN) for step in steps):
        return baseline
    better = {step.metric.key: step.best() for step in steps if step.trend() is Trend.BETTER}
    now = Entry.of(report)
    better |= {key: values for key, values in now.figures.items() if steps and key not in baseline.models[name].figures}
    if not better:
        return baseline
    stored = baseline.models[name]
    bounds = (stored.bounds - better.keys()) | (now.bounds & better.keys())
    entry = replace(stored, figures={**stored.figures, **better}, bounds=bounds)
    return Baseline({**baseline.models, name: entry})


def in_ci(environment: Mapping[str, str]) -> bool:
    """Whether this runs in continuous integration, where the baseline is never written: ``CI`` is set and not false."""
    return environment.get("CI", "").strip().lower() not in ("", "0", "false", "no", "off")


def _steps(baseline: Baseline, name: str, report: Report) -> tuple[Step, ...]:
    stored, now = baseline.models.get(name), Entry.of(report)
    if stored is None or (stored.input_shape, stored.strict) != (now.input_shape, now.strict):
        return ()
    return stored.steps(now)


def _check_alike(stored: Entry, now: Entry, name: str, file: str) -> None:
    if stored.input_shape != now.input_shape:
        then, here = (text.area(entry.input_shape[1:]) for entry in (stored, now))
        if stored.input_shape[0] != now.input_shape[0]:
            then, here = (text.area(entry.input_shape) for entry in (stored, now))
        raise UsageError(f"{file} holds {name} at an input of {then}, this is {here}; {_remedy(name)}")
    if stored.strict != now.strict:
        kinds = {True: "strict fields", False: "local fields"}
        raise UsageError(
            f"{file} holds {name} with {kinds[stored.strict]}, these are {kinds[now.strict]}; {_remedy(name)}"
        )


def _remedy(name: str) -> str:
    return f"measure it anew: rfkit baseline update {quoted(name)}"


def quoted(name: str) -> str:
    """A name as a shell takes it."""
    return shlex.quote(name)


def _missing(name: str, report: Report, file: str) -> Finding:
    return Finding(
        MISSING,
        Status.BROKEN,
        Severity.WARNING,
        "in the baseline",
        f"{file} has no figures of it, so nothing is compared",
        place=report.place,
        help=(f"store them: rfkit baseline update {quoted(name)}",),
    )


def _ways_out(name: str, file: str) -> tuple[str, ...]:
    return (
        f"see which layers changed: rfkit diff {quoted(name)}",
        f"or accept it, and commit {file}: rfkit baseline update {quoted(name)}",
    )
