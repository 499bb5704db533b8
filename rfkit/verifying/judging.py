"""From what was measured of one layer to its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rfkit.report import Layer
from rfkit.verifying.bench import Watched
from rfkit.verifying.claims import AxisClaim
from rfkit.verifying.gradients import Support
from rfkit.verifying.probing import Finding, Place, Probing
from rfkit.verifying.results import Disagreement, LayerResult, Method, Stop, Verdict

MEASURED_AT_MOST = 12
"""Disagreements whose unit is measured; where the trace is wrong early, all that follows is wrong too."""


def judge(
    probing: Probing,
    slopes: Probing,
    findings: Mapping[int, Finding],
    supports: Mapping[int, Support],
    stops: Mapping[int, Stop],
    units: Mapping[int, int],
) -> tuple[LayerResult, ...]:
    """One result per layer that was to be compared, in the order in which they ran.

    Args:
        probing: measures the units that disagree by NaN.
        slopes: measures those of which gradients say so.
        findings: of NaN probing, by layer.
        supports: of gradients, by layer.
        stops: by value index, the operator that stopped NaN on the way there.
        units: how many units of each layer were compared.
    """
    results = []
    measured = 0
    for number, finding in findings.items():
        watched = probing.bench.layers[number]
        support, stop = supports.get(number, Support()), stops.get(watched.value)
        less = finding.less or finding.thin if stop is None and not finding.unseen else None
        place, way = finding.outside or less, probing
        if finding.outside is None and support.outside is not None:
            place, way = support.outside, slopes
        difference = None
        if place is not None and measured < MEASURED_AT_MOST:
            measured += 1
            difference = _disagreement(way, number, place)
        results.append(_result(watched, units[number], finding, support, stop, difference))
    return tuple(results)


def not_compared(watched: Watched) -> LayerResult | None:
    """The result of a layer that cannot be compared; None if it can."""
    layer = watched.layer
    if watched.claims is None:
        return skipped(layer, f"there is no rule for {layer.unknown}, so nothing is claimed")
    if watched.site is None:
        return skipped(layer, "what it makes is part of another tensor")
    return None


def skipped(layer: Layer, why: str) -> LayerResult:
    """A layer that was not compared."""
    return LayerResult(layer.label, layer.type, layer.operators, Verdict.NOT_COMPARED, why=why)


def _disagreement(probing: Probing, number: int, place: Place) -> Disagreement:
    claim = (probing.bench.layers[number].claims or ())[place.axis]
    measured = probing.measure(number, place.axis, place.element)
    unit = claim.unit(place.element)
    return Disagreement(place.axis, unit, place.element, claim.of(place.element), measured, probing.method)


def _result(
    watched: Watched,
    units: int,
    finding: Finding,
    support: Support,
    stop: Stop | None,
    difference: Disagreement | None,
) -> LayerResult:
    layer = watched.layer
    verdict, method, why = _verdict(layer, finding, support, stop)
    if verdict is Verdict.EQUAL and (reported := _as_reported(watched)) is not None:
        verdict, why, difference = Verdict.WRONG, "the report says otherwise than the trace of real numbers", reported
    return LayerResult(
        layer.label,
        layer.type,
        layer.operators,
        verdict,
        method,
        units,
        support.taken,
        support.equal,
        why,
        difference if verdict is not Verdict.EQUAL else None,
    )


def _verdict(layer: Layer, finding: Finding, support: Support, stop: Stop | None) -> tuple[Verdict, Method, str]:
    if finding.outside is not None:
        return Verdict.WRONG, Method.NAN, "sees something outside what is claimed"
    if support.outside is not None:
        return Verdict.WRONG, Method.GRADIENT, "sees something outside what is claimed"
    if finding.less is None and finding.thin is None and not finding.unseen:
        return Verdict.EQUAL, Method.NAN, ""
    blind = finding.unseen or (f"NaN does not pass {stop.operator}" if stop is not None else "")
    if blind:
        if support.taken and support.equal == support.taken:
            return Verdict.EQUAL, Method.GRADIENT, blind
        return Verdict.UPPER_BOUND, Method.GRADIENT if support.taken else Method.NAN, blind
    if finding.less is None:
        return Verdict.UPPER_BOUND, Method.NAN, "every unit is as claimed as a whole, single elements of it see less"
    if "bound" in layer.flags:
        return Verdict.UPPER_BOUND, Method.NAN, "the report calls it a bound"
    return Verdict.WRONG, Method.NAN, "sees less than is claimed"


def _as_reported(watched: Watched) -> Disagreement | None:
    """The first unit of which the report says something else than the claim that was checked."""
    if watched.layer.units is None:
        return None
    for axis, (claim, said) in enumerate(zip(watched.apart, watched.layer.units, strict=True)):
        hulls = [claim.hull(d) for d in (None, *range(len(watched.shape)))]
        if not any(_same(said, hull) for hull in hulls):
            return _first_reported(axis, claim, said, watched.shape)
    return None


def _same(said: Sequence[Sequence[int]], hull: Sequence[Sequence[int]]) -> bool:
    """Whether two lists of first and last positions agree; one entry stands for any number of equal ones."""
    return all(list(a) == list(b) * (len(a) if len(b) == 1 else 1) for a, b in zip(said, hull, strict=True))


def _first_reported(axis: int, claim: AxisClaim, said: Sequence[Sequence[int]], shape: Sequence[int]) -> Disagreement:
    lo, hi = said
    for dim in (axis + 2, *range(len(shape))):
        if dim < len(shape) and len(lo) == shape[dim]:
            first, last = claim.hull(dim)
            spans = list(zip(first, last, strict=True)) * (len(lo) if len(first) == 1 else 1)
            unit = next(i for i, (a, b, span) in enumerate(zip(lo, hi, spans, strict=True)) if (a, b) != span)
            element = tuple(unit if d == dim else 0 for d in range(len(shape)))
            return Disagreement(axis, (unit,), element, (lo[unit], hi[unit]), spans[unit], Method.NAN)
    return Disagreement(axis, (), (0,) * len(shape), (min(lo), max(hi)), claim.of((0,) * len(shape)), Method.NAN)
