"""What a search found, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rfkit.gate.findings import Finding
from rfkit.report import Report
from rfkit.suggesting.edits import Edit


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Edits and what the network is with them.

    Attributes:
        edits: one, or two that are needed together.
        report: of the network with the edits made.
        findings: of the gate on it.
    """

    edits: tuple[Edit, ...]
    report: Report
    findings: tuple[Finding, ...]

    @property
    def passes(self) -> bool:
        """Whether no rule that matters is broken."""
        return not any(finding.fails for finding in self.findings)

    @property
    def text(self) -> str:
        """The edits as one would write them."""
        return "; ".join(edit.text for edit in self.edits)


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What was found for one network.

    Attributes:
        model: its name in the spec, else its target.
        target: ``net.py:Net``.
        spec: the file the rules come from; None: the command line.
        report: of the network as it is.
        findings: of the gate on it as it is.
        found: edits with which it passes, the smallest first; each was made to a copy, traced and judged.
        beyond: broken rules that no kind of edit is known to mend.
        nearest: where there are none, the edits that come nearest, if any bring the network nearer than it is.
        tried: how many edits, and pairs of them, were worked out.
        together: how many edits were tried together at most.
        applied: how many of these were made to a copy.
        out_of_time: whether the search ended before everything was tried.
        untried: by kind, how many single edits were not tried when the time for them was over.
        left_alone: layers that no edit can change, by the reason.
        seconds: how long that took.
    """

    model: str
    target: str
    spec: str | None
    report: Report
    findings: tuple[Finding, ...]
    found: tuple[Suggestion, ...]
    beyond: tuple[Finding, ...]
    nearest: Suggestion | None
    tried: int
    together: int
    applied: int
    out_of_time: bool
    untried: Mapping[str, int]
    left_alone: Mapping[str, tuple[str, ...]]
    seconds: float

    @property
    def in_spec(self) -> bool:
        """Whether nothing needs to be changed."""
        return not any(finding.fails for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 where there are suggestions or nothing needs to be changed, 1 where none was found."""
        return 0 if self.in_spec or self.found else 1

    def __str__(self) -> str:
        from rfkit.suggesting import text

        return text.render(self)
