"""Pairs of edits that may pass together though neither does alone, the most hopeful first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from rfkit.gate.findings import Severity, Status
from rfkit.gate.judge import rule_text
from rfkit.gate.requirements import Requirement
from rfkit.suggesting.edits import Change, Channels, Edit, Swap
from rfkit.suggesting.found import Suggestion
from rfkit.suggesting.rank import distance, limits_of, missed, values

MOST_SINGLES = 150
"""Single edits that are paired with each other."""
PARTNERS = 2
MOST_HOPELESS = 50
"""Pairs that leave a rule broken if their effects add up: they may not."""


@dataclass(frozen=True, slots=True, eq=False)
class _Effect:
    """What a single edit does to each requirement: the values it leads to where there are any, and whether it holds."""

    suggestion: Suggestion
    values: tuple[tuple[float, ...], ...]
    held: tuple[bool, ...]


def pairs(
    start: Suggestion, singles: Sequence[Suggestion], requirements: Sequence[Requirement]
) -> Iterator[tuple[Edit, ...]]:
    """Pairs that can be made together, sorted by how many rules they leave broken if their effects add up, then by size.

    Args:
        start: the network as it is, without an edit.
        singles: single edits.
        requirements: what is asked.
    """
    asked = [r for r in requirements if r.severity is Severity.ERROR]
    base = _effect(start, asked)
    effects = [_effect(single, asked) for single in singles]
    useful = [e for e in effects if e.values != base.values or e.held != base.held]
    ranked = [
        (_left(base, one, other, asked), _share(one, start) + _share(other, start), number, one, other)
        for number, (one, other) in enumerate(combinations(_foremost(useful, start), 2))
        if _together(one.suggestion.edits[0], other.suggestion.edits[0])
    ]
    ranked.sort(key=lambda each: each[:3])
    hopeful = sum(left == 0 for left, *_ in ranked)
    chosen = [(*one.suggestion.edits, *other.suggestion.edits) for *_, one, other in ranked[: hopeful + MOST_HOPELESS]]
    return _alternating(chosen, hopeful)


def _foremost(effects: Sequence[_Effect], start: Suggestion) -> list[_Effect]:
    """The most promising single edits: for each broken rule in turn, the one that leaves least of it."""
    broken = [finding.rule for finding in start.findings if finding.fails]
    ranked = [sorted(effects, key=lambda e: (*_remains(e, rule), _share(e, start))) for rule in broken]
    return list(islice(dict.fromkeys(e for best in zip(*ranked, strict=True) for e in best), MOST_SINGLES))


def _remains(effect: _Effect, rule: str) -> tuple[float, tuple[int, float]]:
    """What an edit leaves of a rule, and of all."""
    findings = effect.suggestion.findings
    return sum(missed(finding) for finding in findings if finding.rule == rule), distance(findings)


def _alternating(ranked: Sequence[tuple[Edit, ...]], hopeful: int) -> Iterator[tuple[Edit, ...]]:
    """The same pairs, but of the hopeful ones first those whose edits have not been in ``PARTNERS`` pairs before."""
    met: Counter[Edit] = Counter()
    later: list[tuple[Edit, ...]] = []
    for pair in ranked[:hopeful]:
        if max(met[edit] for edit in pair) < PARTNERS:
            met.update(pair)
            yield pair
        else:
            later.append(pair)
    yield from later
    yield from ranked[hopeful:]


def _effect(suggestion: Suggestion, asked: Sequence[Requirement]) -> _Effect:
    status = {f.rule: f for f in suggestion.findings}
    found, held = [], []
    for requirement in asked:
        finding = status.get(rule_text(requirement))
        here = values(requirement, suggestion.report)
        if finding is not None and not here and isinstance(finding.value, int):
            here = (finding.value,)
        found.append(() if None in here else tuple(float(v) for v in here if v is not None))
        held.append(finding is None or finding.status is Status.HELD or finding.excepted is not None)
    return _Effect(suggestion, tuple(found), tuple(held))


def _left(base: _Effect, one: _Effect, other: _Effect, asked: Sequence[Requirement]) -> int:
    """How many rules two edits leave broken, where numbers add up and what one mends or breaks stays so."""
    left = 0
    for i, requirement in enumerate(asked):
        start, a, b = base.values[i], one.values[i], other.values[i]
        if start and len(start) == len(a) == len(b):
            sums = [x + y - z for x, y, z in zip(a, b, start, strict=True)]
            holds = all(limit.holds(v) for v, limit in zip(sums, limits_of(requirement, len(sums)), strict=True))
        elif base.held[i]:
            holds = one.held[i] and other.held[i]
        else:
            holds = one.held[i] or other.held[i]
        left += not holds
    return left


def _share(effect: _Effect, start: Suggestion) -> float:
    """By what share parameters and MACs change."""
    before, after = start.report.totals, effect.suggestion.report.totals
    pairs = ((after.params, before.params), (after.macs, before.macs))
    return sum(abs(new - old) / max(old, 1) for new, old in pairs)


def _together(one: Edit, other: Edit) -> bool:
    """Whether two edits can both be made: none replaces a module that the other changes, or sets what the other sets."""
    return all(_compatible(a, b) for a in one.changes for b in other.changes if a.layer == b.layer)


def _compatible(one: Change, other: Change) -> bool:
    """Whether both changes can be made to one module; two of its widths are those of what it is given and what it makes."""
    if isinstance(one, Channels) and isinstance(other, Channels):
        return None in (one.given, other.given) and None in (one.made, other.made)
    return type(one) is not type(other) and not isinstance(one, Swap) and not isinstance(other, Swap)
