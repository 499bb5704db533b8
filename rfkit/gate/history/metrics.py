"""The figures of a network that can get better or worse, which way is worse, and by how much is too much.

The baseline and the diff compare by the same figures. A field and a coverage are worse when they are smaller; a jump
(a coarser map), parameters, MACs and memory are worse when they are larger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from rfkit.render import text
from rfkit.report import Number, Report

Value = Number | float | None
Values = tuple[Value, ...]
"""A value per axis, or the only one; None where it is not known."""

EXACT = Fraction(0)
"""The tolerance that tolerates nothing."""

_DIGITS = 6


class Trend(StrEnum):
    """Which way a figure went."""

    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a network.

    Attributes:
        key: its name in files.
        name: its name in sentences.
        heading: its name in tables.
        grows_worse: whether larger is worse.
        read: its values in a report.
        per_axis: whether it has a value for each axis of the input.
    """

    key: str
    name: str
    heading: str
    grows_worse: bool
    read: Callable[[Report], Values]
    per_axis: bool = False

    def is_bound(self, report: Report) -> bool:
        """Whether the report has no more than an upper bound for it."""
        totals = report.totals
        makers = {"receptive_field": totals.outputs, "receptive_field_features": (totals.features,)}.get(self.key, ())
        return any("bound" in layer.flags for layer in report if layer.label in makers)

    def amount(self, values: Values) -> str:
        """The values in full digits: ``145,114``, ``41x55``, ``0.9375``, ``?`` where they are not known."""
        return text.sizes([_written(value) for value in values]) if values else "?"

    def difference(self, old: Values, new: Values) -> tuple[str, str]:
        """The step from one to the other with its sign, and its share: ``-5,112``, ``-3.5%``; empty where there is none."""
        steps = [_step(*pair) for pair in zip(old, new, strict=False)]
        if len(old) != len(new) or None in steps or not any(steps):
            return "", ""
        shares = [share(*pair) for pair in zip(old, new, strict=True)]
        step = text.sizes([signed(step) for step in steps if step is not None])
        return step, "" if None in shares else text.sizes(shares)


METRICS = (
    Metric("receptive_field", "receptive field", "RF", False, lambda report: report.totals.receptive_field, True),
    Metric(
        "receptive_field_features",
        "receptive field of the features",
        "features",
        False,
        lambda report: report.totals.receptive_field_features,
        True,
    ),
    Metric("jump", "jump", "jump", True, lambda report: report.totals.jump_features, True),
    Metric("coverage", "coverage", "coverage", False, lambda report: (_rounded(report.totals.coverage),)),
    Metric("params", "params", "params", True, lambda report: (report.totals.params,)),
    Metric("macs", "MACs", "MACs", True, lambda report: (report.totals.macs,)),
    Metric(
        "activation_bytes", "activation bytes", "activations", True, lambda report: (report.totals.activation_bytes,)
    ),
)
"""All of them, in the order of every table."""


@dataclass(frozen=True, slots=True)
class Step:
    """One figure, before and after.

    Attributes:
        metric: which.
        old, new: its values.
        old_bound, new_bound: whether they are no more than upper bounds.
    """

    metric: Metric
    old: Values
    new: Values
    old_bound: bool = False
    new_bound: bool = False

    def trend(self, tolerance: Fraction = EXACT) -> Trend:
        """Which way it went, on the axis that fared worst.

        Args:
            tolerance: share of the old value by which the new one may be worse and still count as the same.
        """
        if len(self.old) != len(self.new):
            return Trend.UNKNOWN
        trends = [self._on_axis(old, new, tolerance) for old, new in zip(self.old, self.new, strict=True)]
        for trend in (Trend.WORSE, Trend.UNKNOWN, Trend.BETTER):
            if trend in trends:
                return trend
        return Trend.SAME

    def change(self) -> Values:
        """Per axis the difference; None where either value is not known."""
        return tuple(_step(old, new) for old, new in zip(self.old, self.new, strict=False))

    def best(self) -> Values:
        """Per axis the better of the two values; what is not known is worse than any."""
        if len(self.old) != len(self.new):
            return self.old
        better = min if self.metric.grows_worse else max
        return tuple(
            new if old is None else old if new is None or self.new_bound else better(old, new)
            for old, new in zip(self.old, self.new, strict=True)
        )

    def miss(self, tolerance: Fraction = EXACT) -> int | float | None:
        """By how much it is worse than is tolerated, on the axis on which that is most; None where it is not worse."""
        sign = 1 if self.metric.grows_worse else -1
        misses = [
            sign * (Fraction(new) - _limit(old, tolerance, sign))
            for old, new in zip(self.old, self.new, strict=False)
            if old is not None and new is not None
        ]
        worst = max(misses, default=Fraction(0))
        return plain(worst) if worst > 0 else None

    def _on_axis(self, old: Value, new: Value, tolerance: Fraction) -> Trend:
        if old is None or new is None:
            return Trend.SAME if old is new else Trend.BETTER if old is None else Trend.UNKNOWN
        sign = 1 if self.metric.grows_worse else -1
        if sign * Fraction(new) > sign * _limit(old, tolerance, sign):
            return Trend.UNKNOWN if self.old_bound else Trend.WORSE
        if self.new_bound and not (self.old_bound and old == new):
            return Trend.UNKNOWN
        return Trend.BETTER if sign * new < sign * old else Trend.SAME


def steps(old: Report, new: Report) -> tuple[Step, ...]:
    """Every figure of two reports."""
    return tuple(
        Step(metric, metric.read(old), metric.read(new), metric.is_bound(old), metric.is_bound(new))
        for metric in METRICS
    )


def signed(step: Number | float) -> str:
    """A difference with its sign: ``+4``, ``-5,112``, ``+1/2``, ``0``."""
    return f"{'+' if step > 0 else ''}{_written(step)}"


def share(old: Value, new: Value) -> str | None:
    """The step as a share of where it began, with its sign: ``-3.5%``; None where it began at nothing.

    0% is not written for what is only near it.
    """
    step = _step(old, new)
    if step is None or not old:
        return None
    percent = 100 * float(step) / float(old)
    if not percent:
        return "0%"
    if abs(percent) < 0.05:
        return f"{'+' if percent > 0 else '-'}<0.1%"
    return f"{percent:+,.1f}%" if abs(percent) < 999.95 else f"{percent:+,.0f}%"


def plain(value: Number | float) -> int | float:
    """A number as JSON has it."""
    return int(value) if value == int(value) else round(float(value), _DIGITS)


def shown_tolerance(tolerance: Fraction) -> str:
    """A tolerance as a person writes it: ``2%``."""
    return f"{plain(100 * tolerance)}%"


def _limit(old: Number | float, tolerance: Fraction, sign: int) -> Fraction:
    return Fraction(old) * (1 + sign * tolerance)


def _step(old: Value, new: Value) -> Number | float | None:
    if old is None or new is None:
        return None
    step = new - old
    return round(step, _DIGITS) if isinstance(step, float) else step


def _written(value: Value) -> str:
    if value is None:
        return "?"
    if isinstance(value, float):
        return f"{value:,.{_DIGITS}f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def known(values: Sequence[Value]) -> bool:
    """Whether every axis has a value."""
    return bool(values) and None not in values
