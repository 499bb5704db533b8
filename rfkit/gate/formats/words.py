"""Texts that the forms share: one clean line of anything, how many rules held, what the network's figures are."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rfkit.gate.findings import Finding, Outcome, Severity, Status, Verdict
from rfkit.render import text
from rfkit.report import PerAxis

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of what follows, with which a line can look like another."""


def one_line(words: str) -> str:
    """The words without anything that would break a line, steer a terminal or be no character of XML.

    Line breaks and tabs become spaces; control characters, lone surrogates, noncharacters, changes of direction and
    spaces at the ends go.
    """
    if words.isascii() and words.isprintable():
        return words.strip()
    return "".join(map(_harmless, words)).strip()


def _harmless(char: str) -> str:
    if char in "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029":
        return " "
    special = unicodedata.category(char) in ("Cc", "Cs") or char in _TURNING or ord(char) & 0xFFFE == 0xFFFE
    return "" if special or 0xFDD0 <= ord(char) <= 0xFDEF else char


def many(count: int, noun: str) -> str:
    """A count with its noun: ``1 rule``, ``1,200 rules``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many findings of each kind; every finding is counted once.

    Attributes:
        held: rules that hold.
        broken, undecided: those that make the check fail.
        warnings, infos: those that do not hold and only matter so much.
        excepted: those that do not hold and are covered by an exception.
    """

    held: int = 0
    broken: int = 0
    undecided: int = 0
    warnings: int = 0
    infos: int = 0
    excepted: int = 0

    @property
    def rules(self) -> int:
        """How many rules there are."""
        return self.held + self.broken + self.undecided + self.warnings + self.infos + self.excepted

    @property
    def failing(self) -> int:
        """How many rules make the check fail."""
        return self.broken + self.undecided


def counted(findings: Iterable[Finding]) -> Counts:
    """How many findings of each kind there are."""
    kinds = [_kind(finding) for finding in findings]
    return Counts(**{kind: kinds.count(kind) for kind in set(kinds)})


def counted_all(outcome: Outcome) -> Counts:
    """How many findings of each kind there are on all networks together."""
    return counted(finding for verdict in outcome.verdicts for finding in verdict.findings)


def _kind(finding: Finding) -> str:
    if finding.status is Status.HELD:
        return "held"
    if finding.excepted is not None:
        return "excepted"
    if finding.severity is not Severity.ERROR:
        return "warnings" if finding.severity is Severity.WARNING else "infos"
    return "broken" if finding.status is Status.BROKEN else "undecided"


def standing(counts: Counts) -> str:
    """How many rules hold and how many do not: ``11 rules hold``, ``2 of 11 rules broken, 1 undecided, 1 warning``."""
    extra = [many(counts.warnings, "warning")] if counts.warnings else []
    extra += [f"{counts.infos:,} info"] if counts.infos else []
    extra += [f"{counts.excepted:,} excepted"] if counts.excepted else []
    total = many(counts.rules, "rule")
    if counts.broken:
        first = [f"{counts.broken:,} of {total} broken"]
        first += [f"{counts.undecided:,} undecided"] if counts.undecided else []
    elif counts.undecided:
        first = [f"{counts.undecided:,} of {total} undecided"]
    elif counts.rules == counts.held:
        first = [f"{total} hold" + ("s" if counts.rules == 1 else "") if counts.rules else "no rule was checked"]
    else:
        first = [f"{counts.held:,} of {total} hold"]
    return ", ".join([*first, *extra])


def conclusion(outcome: Outcome) -> str:
    """The whole run in one line: ``2 of 11 rules broken, 1 undecided (net)``."""
    if not outcome.verdicts:
        return "no network was checked"
    failed = sum(verdict.error is not None for verdict in outcome.verdicts)
    if len(outcome.verdicts) == 1:
        verdict = outcome.verdicts[0]
        return f"{'could not be run' if failed else standing(counted(verdict.findings))} ({one_line(verdict.model)})"
    judged = len(outcome.verdicts) - failed
    lost = f"{many(failed, 'network')} could not be run" if failed else ""
    if not judged:
        return lost
    bad = sum(verdict.exit_code == 1 for verdict in outcome.verdicts)
    where = f"in {bad:,} of {many(judged, 'network')}" if bad else f"in {many(judged, 'network')}"
    counts = counted_all(outcome)
    first = f"{standing(counts)}, {where}" if bad or counts.held != counts.rules else f"{standing(counts)} {where}"
    return f"{first}; {lost}" if lost else first


def state(verdict: Verdict) -> str:
    """One word for a network: ``held``, ``broken``, ``undecided`` (nothing is broken) or ``error`` (it could not be run)."""
    if verdict.error is not None:
        return "error"
    counts = counted(verdict.findings)
    return "broken" if counts.broken else "undecided" if counts.undecided else "held"


def codes(verdict: Verdict, kind: str) -> str:
    """Codes of the findings of one kind of ``Counts``, those that occur often with their number: ``RF101 RF301x3``."""
    found = [one_line(finding.code) for finding in verdict.findings if _kind(finding) == kind]
    return " ".join(code if found.count(code) == 1 else f"{code}x{found.count(code)}" for code in dict.fromkeys(found))


def qualified(finding: Finding) -> str:
    """The message, with ``undecided``, ``warning`` or ``info`` before it where it is not simply broken."""
    words = [] if finding.severity is Severity.ERROR else [str(finding.severity)]
    words += ["undecided"] if finding.status is Status.UNDECIDED else []
    return f"{', '.join(words)}: {one_line(finding.message)}" if words else one_line(finding.message)


def located(finding: Finding, message: str) -> str:
    """The message with the layer responsible, unless it names it: ``... (4 short) at conv4.0``."""
    layer = finding.layer and one_line(finding.layer)
    return f"{message} at {layer}" if layer and layer not in message else message


def excuse(verdict: Verdict) -> str:
    """Why it could not be run, in one line that begins with the target."""
    said, target = one_line(verdict.error or ""), one_line(verdict.target)
    file = target.rpartition(":")[0] or target
    return said if said.startswith((target, file)) else f"{target}: {said}"


def reason(verdict: Verdict) -> str:
    """Why it could not be run, one line, for where the target stands already."""
    return excuse(verdict).removeprefix(f"{one_line(verdict.target)}: ")


def field(sizes: PerAxis) -> str:
    """A receptive field, per axis where they differ: ``55``, ``41x55``, ``?`` where it is not known."""
    return text.sizes(["?" if size is None else size for size in sizes]) if sizes else "?"


def figures(verdict: Verdict) -> tuple[str, str, str, str]:
    """Receptive field, that of the features, parameters and MACs, in full digits; empty where it could not be run."""
    if verdict.report is None:
        return "", "", "", ""
    totals = verdict.report.totals
    return (
        field(totals.receptive_field),
        field(totals.receptive_field_features),
        f"{totals.params:,}",
        f"{totals.macs:,}",
    )
