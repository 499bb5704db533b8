"""Which edits are smaller than others, and a choice of different kinds among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.measurable import MEASURES
from rfkit.gate.findings import Finding, Status
from rfkit.gate.limits import AT_LEAST_ONE, Limit
from rfkit.gate.requirements import Requirement
from rfkit.report import Number, Report
from rfkit.suggesting.found import Suggestion

Key = tuple[int, bool, float, float, str]
_NONE = Limit("== 0", low=Fraction(0), high=Fraction(0))


def size(suggestion: Suggestion, before: Report, requirements: Sequence[Requirement]) -> Key:
    """What suggestions are sorted by.

    Fewer edits come first, then those that leave every map its size, then those that change fewer parameters and MACs,
    then those that overshoot the limits less.
    """
    after = suggestion.report
    changed = sum(
        abs(new - old) / max(old, 1)
        for new, old in (
            (after.totals.params, before.totals.params),
            (after.totals.macs, before.totals.macs),
        )
    )
    over = sum(_overshoot(requirement, after) for requirement in requirements)
    return len(suggestion.edits), resizes(before, after), round(changed, 3), round(over, 3), suggestion.text


def resizes(before: Report, after: Report) -> bool:
    """Whether a map that both networks make has another size."""
    sizes = {layer.label: layer.output_shape[2:] for layer in before}
    return any(sizes.get(layer.label, layer.output_shape[2:]) != layer.output_shape[2:] for layer in after)


def values(requirement: Requirement, report: Report) -> tuple[Number | float | None, ...]:
    """The network's values of a measure, from the totals alone; none of any other requirement, or of one on layers."""
    found = MEASURES.get(requirement.check)
    if found is None or found.whole is None or requirement.layers is not None:
        return ()
    return tuple(found.whole(Graph(report)))


def _overshoot(requirement: Requirement, report: Report) -> float:
    """By what share of its limit a value lies inside it, on the axis where it does most."""
    found = values(requirement, report)
    each = limits_of(requirement, len(found))
    return max((_inside(float(v), limit) for v, limit in zip(found, each, strict=True) if v is not None), default=0.0)


def limits_of(requirement: Requirement, axes: int) -> Sequence[Limit]:
    """A limit for each axis; one that states none asks for a part at least once, or for no layer that breaks it."""
    limits = requirement.limits or (AT_LEAST_ONE if requirement.check == "require" else _NONE,)
    return limits if len(limits) == axes else limits[:1] * axes


def _inside(value: float, limit: Limit) -> float:
    ends = [float(end) for end in (limit.low, limit.high) if end is not None]
    return min((abs(value - end) / max(abs(end), 1.0) for end in ends), default=0.0)


def distance(findings: Iterable[Finding]) -> tuple[int, float]:
    """How far a network is from its spec: rules that are broken, and the sum of what they miss their limits by, in shares."""
    broken = [finding for finding in findings if finding.fails]
    return len(broken), sum(map(missed, broken))


def missed(finding: Finding) -> float:
    """What a rule is missed by, as a share: 0 where it holds, 1 where that is not known.

    A rule without a gap that counts layers is missed by their number.
    """
    if not finding.fails:
        return 0.0
    value = finding.value
    gap = finding.gap if finding.gap is not None else value
    if finding.status is Status.UNDECIDED or not isinstance(gap, (int, float)):
        return 1.0
    known = abs(value) if isinstance(value, (int, float)) else 0.0
    return gap / (known + gap + 1)


def varied(ordered: Sequence[Suggestion]) -> Iterator[Suggestion]:
    """Suggestions in an order in which each has as little as possible in common with those before it; the first comes first."""
    rest = list(ordered)
    common = [0] * len(rest)
    while rest:
        at = common.index(min(common))
        chosen = rest.pop(at)
        common.pop(at)
        yield chosen
        common = [shared + _in_common(chosen, other) for shared, other in zip(common, rest, strict=True)]


def _in_common(one: Suggestion, other: Suggestion) -> int:
    """How alike two suggestions are: an edit they share counts most, then the kinds of their edits, then layers."""
    kinds = [sorted(edit.kind for edit in s.edits) for s in (one, other)]
    layers = [frozenset[str]().union(*(edit.layers for edit in s.edits)) for s in (one, other)]
    same = len({*one.edits} & {*other.edits})
    return 4 * same + 2 * (kinds[0] == kinds[1]) + min(len(layers[0] & layers[1]), 2)
