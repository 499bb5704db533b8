"""Whatever does not hold, as one list: findings that count and networks that could not be run, each with its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rfkit.gate.findings import Finding, Outcome, Severity, Status, Verdict
from rfkit.gate.fingerprint import distinct, fingerprint
from rfkit.gate.formats import words

NOT_RUN = "error"
"""Stands where the code of a rule would, for a network that could not be run."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; the path has forward slashes."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not hold.

    Attributes:
        verdict: of the network.
        finding: what does not hold; None: the network could not be run.
        place: where to look.
        fingerprint: the same in every run, another for every problem of one.
    """

    verdict: Verdict
    finding: Finding | None
    place: Place
    fingerprint: str

    @property
    def code(self) -> str:
        """Code of the rule, ``error`` where the network could not be run."""
        return NOT_RUN if self.finding is None else words.one_line(self.finding.code)

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return Severity.ERROR if self.finding is None else self.finding.severity

    @property
    def message(self) -> str:
        """What is wrong and at which layer, one line."""
        if self.finding is None:
            return words.reason(self.verdict)
        return words.located(self.finding, words.qualified(self.finding))

    @property
    def advice(self) -> tuple[str, ...]:
        """Ways out and the team's own message, one line each."""
        if self.finding is None:
            return ()
        note = (self.finding.note,) if self.finding.note else ()
        return tuple(words.one_line(line) for line in (*self.finding.help, *note))


def problems(outcome: Outcome, root: Path | None = None) -> tuple[Problem, ...]:
    """Everything that does not hold and is not excepted, in the order of the outcome.

    Args:
        outcome: what the gate found.
        root: folder that places are relative to; None: they stay relative to the current directory.
    """
    marks = fingerprints(outcome)
    found = []
    for verdict, own in zip(outcome.verdicts, marks, strict=True):
        if verdict.error is not None:
            found.append(Problem(verdict, None, locate(verdict, None, outcome.spec, root), own[-1]))
        for finding, mark in zip(verdict.findings, own, strict=False):
            if finding.counts:
                found.append(Problem(verdict, finding, locate(verdict, finding, outcome.spec, root), mark))
    return tuple(found)


def fingerprints(outcome: Outcome) -> tuple[tuple[str, ...], ...]:
    """Per network the fingerprint of each finding and, at the end, that of its not being able to run; no two are equal."""
    flat = []
    for verdict in outcome.verdicts:
        flat += [fingerprint(verdict.model, one.code, one.rule, one.layer) for one in verdict.findings]
        flat.append(fingerprint(verdict.model, NOT_RUN, "", None))
    found = iter(distinct(flat))
    return tuple(tuple(next(found) for _ in range(len(verdict.findings) + 1)) for verdict in outcome.verdicts)


def worst_first(found: Sequence[Problem]) -> list[Problem]:
    """Sorted: what could not be run, errors, warnings, infos; broken before undecided; the largest miss first."""
    return sorted(found, key=_badness)


_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def _badness(problem: Problem) -> tuple[int, bool, bool, float]:
    finding = problem.finding
    if finding is None:
        return 0, False, False, -1.0
    return _RANKS[finding.severity], True, finding.status is Status.UNDECIDED, -_miss(finding)


def _miss(finding: Finding) -> float:
    """The gap as a share of value and gap together, 0 to 1; 1 where no distance makes sense, as for a part that is missing."""
    value, gap = finding.value, finding.gap
    if gap is None or not isinstance(value, int | float):
        return 1.0
    return float(abs(gap) / (abs(value) + abs(gap))) if gap else 0.0


def locate(verdict: Verdict, finding: Finding | None, spec: str | None = None, root: Path | None = None) -> Place:
    """Where to look: the finding's own place, else the network's class, the first line of its file, that of the spec."""
    own = finding.place if finding is not None else None
    defined = verdict.report.place if verdict.report is not None else None
    place = own or defined
    if place:
        path, _, line = place.rpartition(":")
        return (
            Place(_relative(path, root), int(line)) if path and line.isdecimal() else Place(_relative(place, root), 1)
        )
    file = verdict.target.rpartition(":")[0] or verdict.target
    return Place(_relative(file if file.endswith(".py") else spec or file, root), 1)


def _relative(path: str, root: Path | None) -> str:
    """The path seen from the root, where it lies inside; forward slashes, one clean line."""
    base = Path(os.path.abspath(root)) if root is not None else Path.cwd()
    full = Path(os.path.abspath(path))
    shown = full.relative_to(base) if full.is_relative_to(base) else Path(path)
    return words.one_line(shown.as_posix()) or "."
