"""What the gate found, as plain frozen data: a finding per rule, a verdict per network, an outcome per run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rfkit.report import Report


class Status(StrEnum):
    """What became of a rule."""

    HELD = "held"
    BROKEN = "broken"
    UNDECIDED = "undecided"


class Severity(StrEnum):
    """How much a rule matters: only an error makes a check fail."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


Value = int | float | str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one rule on one network.

    Attributes:
        code: stable code of the rule, e.g. ``RF101``; ``rfkit rule RF101`` explains it.
        status: held, broken or undecided.
        severity: how much it matters.
        rule: what was asked, as in the spec, e.g. ``receptive_field > 44``.
        message: what was found, one line, without the code and the network: ``receptive field 41 is not > 44 (4 short)``.
        value: what was found, as one would write it; per axis ``41x55``; None where it is not known.
        limit: what was asked for, e.g. ``> 44``.
        gap: by how much the value misses the limit; None where it holds or no distance makes sense.
        layer: label of the layer responsible, None where it is the network as a whole.
        place: ``net.py:31``, where that layer is made, else where the network is defined.
        help: ways out with their arithmetic, the cheapest first, one sentence each.
        note: the team's own message.
        excepted: reason of the exception that covers it: it is shown and does not count.
        key: where the rule stands in the spec, e.g. ``models.net.params``.
    """

    code: str
    status: Status
    severity: Severity
    rule: str
    message: str
    value: Value = None
    limit: str | None = None
    gap: int | float | None = None
    layer: str | None = None
    place: str | None = None
    help: tuple[str, ...] = ()
    note: str | None = None
    excepted: str | None = None
    key: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it is a problem: broken or undecided, and not excepted."""
        return self.status is not Status.HELD and self.excepted is None

    @property
    def fails(self) -> bool:
        """Whether it makes the check fail."""
        return self.counts and self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings on one network.

    Attributes:
        model: its name in the spec, else its target.
        target: ``net.py:Net``.
        report: what was measured; None where it could not be run.
        findings: one per rule, in the order of their codes.
        error: why it could not be run, one line.
        stubs: packages that inert stand-ins replaced.
        seconds: how long it took.
        arguments: that its constructor was given, by the spec or by ``--arg``.
    """

    model: str
    target: str
    report: Report | None
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    stubs: tuple[str, ...] = ()
    seconds: float = 0.0
    arguments: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 every rule holds, 1 one that matters does not, 2 it could not be run."""
        if self.error is not None:
            return 2
        return int(any(finding.fails for finding in self.findings))


@dataclass(frozen=True, slots=True)
class Outcome:
    """All verdicts of one run.

    Attributes:
        verdicts: one per network, in the order asked for.
        spec: the file the rules come from, relative to the current directory; None: the command line.
        notes: what else there is to say, one line each: ``rfkit-baseline.json tightened for net``.
    """

    verdicts: tuple[Verdict, ...]
    spec: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The worst of its verdicts: 2 one could not be run or there is none, 1 a rule that matters is broken, else 0."""
        return max((verdict.exit_code for verdict in self.verdicts), default=2)

    def __str__(self) -> str:
        from rfkit.gate.formats import FORMATS

        return FORMATS["full"](self)
