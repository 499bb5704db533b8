"""``RF501``: the finding on one figure that was compared with what it was before, in the baseline or in another revision."""

from __future__ import annotations

from fractions import Fraction

from rfkit.gate.findings import Finding, Severity, Status
from rfkit.gate.history.metrics import EXACT, Step, Trend, known, plain, shown_tolerance
from rfkit.render import text

CODE = "RF501"

_STATUSES = {Trend.WORSE: Status.BROKEN, Trend.UNKNOWN: Status.UNDECIDED}


def regression(
    step: Step,
    before: str,
    tolerance: Fraction = EXACT,
    *,
    rule: str = "before",
    severity: Severity = Severity.ERROR,
    place: str | None = None,
    help: tuple[str, ...] = (),  # noqa: A002 - the name of the finding's attribute
) -> Finding:
    """Held, broken where the figure is worse by more than is tolerated, undecided where that cannot be told.

    Args:
        step: the figure, before and after.
        before: where the old value stands, e.g. ``in the baseline``.
        tolerance: share of the old value by which the new one may be worse.
        rule: what it is no worse than, in words that stay the same from run to run.
        severity: how much it matters.
        place: where the network is defined.
        help: ways out.
    """
    trend = step.trend(tolerance)
    status = _STATUSES.get(trend, Status.HELD)
    held = status is Status.HELD
    return Finding(
        CODE,
        status,
        severity,
        f"{step.metric.name} no worse than {rule}",
        _message(step, trend, before, tolerance),
        value=_value(step),
        limit=_limit(step, tolerance),
        gap=step.miss(tolerance) if status is Status.BROKEN else None,
        place=None if held else place,
        help=() if held else help,
    )


def moved(step: Step) -> str:
    """A figure before and after: ``params 200,000 -> 190,000 (-10,000, -5.0%)``."""
    metric = step.metric
    return f"{metric.name} {metric.amount(step.old)} -> {metric.amount(step.new)}{_aside(step)}"


def _message(step: Step, trend: Trend, before: str, tolerance: Fraction) -> str:
    """``params 210,000 against 200,000 in the baseline (+10,000, +5.0%; 2% is tolerated)``."""
    metric = step.metric
    now, then = metric.amount(step.new), metric.amount(step.old)
    if trend is Trend.UNKNOWN and not known(step.new):
        return f"{metric.name} has no value now, it is {then} {before}"
    if now == then and step.old_bound == step.new_bound:
        return f"{metric.name} {now}, as {before}"
    most, at_most = ("at most " if bound else "" for bound in (step.new_bound, step.old_bound))
    more = f"{shown_tolerance(tolerance)} is tolerated" if tolerance and trend is Trend.WORSE else ""
    return f"{metric.name} {most}{now} against {at_most}{then} {before}{_aside(step, more)}"


def _aside(step: Step, more: str = "") -> str:
    difference = step.metric.difference(step.old, step.new)
    inside = "; ".join(part for part in (", ".join(part for part in difference if part), more) if part)
    return f" ({inside})" if inside else ""


def _value(step: Step) -> int | float | str | None:
    found = [value for value in step.new if value is not None]
    if len(found) != len(step.new) or not found:
        return None
    return plain(found[0]) if len(set(found)) == 1 else text.area(found)


def _limit(step: Step, tolerance: Fraction) -> str | None:
    """``<= 200,000 + 2%``; None where nothing was known."""
    if not known(step.old):
        return None
    comparison, sign = ("<=", "+") if step.metric.grows_worse else (">=", "-")
    extra = f" {sign} {shown_tolerance(tolerance)}" if tolerance else ""
    return f"{comparison} {step.metric.amount(step.old)}{extra}"
