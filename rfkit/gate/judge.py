"""All requirements of a spec on one report become findings; exceptions are applied, and stale ones reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from rfkit.gate.catalogue import selected
from rfkit.gate.checks.answers import Answer, Subject
from rfkit.gate.checks.check import check, unknown_operators
from rfkit.gate.checks.graph import Graph
from rfkit.gate.findings import Finding, Severity, Status
from rfkit.gate.requirements import Exemption, ModelSpec, Requirement
from rfkit.report import Report


def judge(
    spec: ModelSpec,
    report: Report,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    today: date,
) -> tuple[Finding, ...]:
    """A finding for every requirement, for every stale exception and, where one ran, for operators without a rule.

    Args:
        spec: what is asked of the network.
        report: what was measured.
        select: codes of rules that count, or their beginnings; nothing selected stands for all.
        ignore: codes of rules that do not, or their beginnings.
        today: the day on which exceptions are looked at; one holds up to and including its own.

    Returns:
        The findings in the order of their codes, those of one code in the order of the spec.
    """
    graph = Graph.of(report)
    in_force = [e for e in spec.exemptions if e.until is None or e.until >= today]
    used: set[int] = set()
    findings = [_finding(requirement, graph, in_force, used) for requirement in spec.requirements]
    unknown = unknown_operators(graph)
    if unknown is not None:
        findings.append(_excepted(_made(unknown, None, report), (unknown.layer,), in_force, used))
    findings += [
        _stale(exemption, report, today)
        for exemption in spec.exemptions
        if id(exemption) not in used and selected(exemption.rule, select, ignore)
    ]
    return tuple(sorted((f for f in findings if selected(f.code, select, ignore)), key=lambda finding: finding.code))


def _finding(requirement: Requirement, graph: Graph, exemptions: Iterable[Exemption], used: set[int]) -> Finding:
    """What became of a requirement; where exceptions cover some of the layers responsible, it is about the others."""
    answer = check(requirement, Subject(graph))
    found = _made(answer, requirement, graph.report)
    if answer.status is Status.HELD:
        return found
    covering = [e for e in exemptions if e.rule == answer.code and _covers(e, answer)]
    used.update(map(id, covering))
    whole = next((e for e in covering if e.layer is None or not answer.culprits), None)
    if whole is not None:
        return replace(found, excepted=whole.reason)
    hidden = frozenset(label for label in answer.culprits if any(_matches(label, e.layer) for e in covering))
    if not hidden:
        return found
    rest = check(requirement, Subject(graph, hidden))
    if rest.status is Status.HELD:
        return replace(found, excepted="; ".join(dict.fromkeys(e.reason for e in covering)))
    return _made(rest, requirement, graph.report)


def _excepted(found: Finding, labels: Sequence[str | None], exemptions: Iterable[Exemption], used: set[int]) -> Finding:
    for exemption in exemptions:
        if exemption.rule == found.code and any(_matches(label, exemption.layer) for label in labels):
            used.add(id(exemption))
            return replace(found, excepted=exemption.reason)
    return found


def _covers(exemption: Exemption, answer: Answer) -> bool:
    labels = answer.culprits or (answer.layer,)
    return any(_matches(label, exemption.layer) for label in labels)


def _matches(label: str | None, pattern: str | None) -> bool:
    return pattern is None or (label is not None and fnmatchcase(label, pattern))


def _made(answer: Answer, requirement: Requirement | None, report: Report) -> Finding:
    asked = requirement or Requirement("unknown_operator", severity=Severity.WARNING)
    return Finding(
        code=answer.code,
        status=answer.status,
        severity=asked.severity,
        rule=rule_text(asked),
        message=answer.message,
        value=answer.value,
        limit=answer.limit,
        gap=answer.gap,
        layer=answer.layer,
        place=_place(answer.layer, report),
        help=answer.help,
        note=asked.note,
        key=asked.key,
    )


def rule_text(requirement: Requirement) -> str:
    """A requirement as one line: ``receptive_field > 44``, ``require dilated >= 2``, ``kernel_size <= 3 in backbone.*``."""
    words = [
        requirement.check.replace("_operator", " operator")
        if requirement.check == "unknown_operator"
        else requirement.check
    ]
    if isinstance(requirement.subject, tuple):
        words.append(f"[{', '.join(map(str, requirement.subject))}]")
    elif requirement.subject:
        words.append(requirement.subject)
    limits = " x ".join(limit.text for limit in requirement.limits)
    if limits and not (requirement.check == "require" and limits == ">= 1"):
        words.append(limits)
    if requirement.layers:
        words.append(f"in {requirement.layers}")
    return " ".join(words)


def _place(label: str | None, report: Report) -> str | None:
    place = next((layer.place for layer in report if layer.label == label), None)
    return place or report.place


@dataclass(frozen=True, slots=True)
class _Stale:
    """Why an exception no longer stands."""

    message: str
    remedy: str


def _stale(exemption: Exemption, report: Report, today: date) -> Finding:
    where = f"{exemption.rule} on {exemption.layer}" if exemption.layer else exemption.rule
    if exemption.until is not None and exemption.until < today:
        why = _Stale(
            f"the exception for {where} ended on {exemption.until.isoformat()} ({exemption.reason})",
            "put it right, or give the exception a later date and a reason",
        )
    else:
        why = _Stale(f"the exception for {where} matches nothing ({exemption.reason})", "delete it")
    return Finding(
        code="RF502",
        status=Status.BROKEN,
        severity=Severity.ERROR,
        rule=f"exception {where}",
        message=why.message,
        layer=exemption.layer,
        place=report.place,
        help=(why.remedy,),
        key=exemption.key,
    )
