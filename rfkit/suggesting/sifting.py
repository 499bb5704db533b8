"""What a spec says of a network of which only its own figures are known: enough to leave most edits aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rfkit.gate.checks.measurable import MEASURES
from rfkit.gate.checks.wording import exactly, gap, per_axis, plain
from rfkit.gate.findings import Finding, Status
from rfkit.gate.quantities import SHARE
from rfkit.gate.requirements import Requirement
from rfkit.report import Report
from rfkit.suggesting.rank import limits_of, values


def sifted(findings: Sequence[Finding], requirements: Mapping[str, Requirement], report: Report) -> tuple[Finding, ...]:
    """The findings on a network with the totals of another.

    Args:
        findings: of the gate on the network as it was.
        requirements: on figures of the whole network, by their rules; what became of every other one is left as it was.
        report: with the totals as they are now.

    Returns:
        Findings whose status, value and gap are those of the gate; their messages are still about the network as it was.
    """
    return tuple(
        _now(finding, requirements[finding.rule], report) if finding.rule in requirements else finding
        for finding in findings
    )


def _now(finding: Finding, requirement: Requirement, report: Report) -> Finding:
    found = values(requirement, report)
    if any(value is None for value in found):
        return replace(finding, status=Status.UNDECIDED, value=None, gap=None)
    known = [exactly(value) for value in found if value is not None]
    limits = limits_of(requirement, len(known))
    each = [(value, limit) for value, limit in zip(known, limits, strict=True) if not limit.holds(value)]
    if not each:
        return replace(finding, status=Status.HELD, value=per_axis(found), gap=None)
    whole = MEASURES[requirement.check].quantity is not SHARE
    missed = max(gap(value, limit, whole and value.denominator == 1) for value, limit in each)
    as_found = plain(missed)
    status = Status.UNDECIDED if finding.status is Status.UNDECIDED else Status.BROKEN
    return replace(
        finding, status=status, value=per_axis(found), gap=float(missed) if isinstance(as_found, str) else as_found
    )
