"""A line per network: how many layers changed, and the figures that did."""

from __future__ import annotations

from collections.abc import Sequence

from rfkit.gate.formats.words import many, one_line
from rfkit.gate.history.changes import Changes, Compared, Failure
from rfkit.gate.history.diff_formats import Settings
from rfkit.gate.history.diff_formats.wording import counts
from rfkit.gate.history.metrics import Step, Trend


def render(compared: Sequence[Compared], _settings: Settings) -> str:
    """``net.py:Net: params 145,114 -> 140,002 (-3.5%); 1 layer removed``; networks that failed are left out."""
    return "".join(f"{line(one)}\n" for one in compared if not isinstance(one, Failure))


def line(changes: Changes) -> str:
    """One network in one line."""
    name = one_line(changes.model)
    if changes.identical:
        return f"{name}: no difference"
    if not changes.totals:
        there, word = (changes.new, "new") if changes.old.report is None else (changes.old, "gone")
        params = there.report.totals.params if there.report is not None else 0
        return f"{name}: {word}, {many(len(changes.layers), 'layer')} with {params:,} parameters"
    figures = ", ".join(_moved(step) for step in changes.totals if step.trend() is not Trend.SAME)
    said = [part for part in (figures, counts(changes)) if part]
    return f"{name}: {'; '.join(said) or 'no figure of the whole and no layer of its own differs'}"


def _moved(step: Step) -> str:
    metric = step.metric
    difference, share = metric.difference(step.old, step.new)
    aside = f" ({share or difference})" if difference else ""
    return f"{metric.heading} {metric.amount(step.old)} -> {metric.amount(step.new)}{aside}"
