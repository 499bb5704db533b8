"""What a spec asks of one network, as plain frozen data between the spec that is read and the checks that are made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rfkit.gate.findings import Severity
from rfkit.gate.limits import Limit


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing asked of a network: one line of every output.

    Attributes:
        check: what is looked at, by its key in the spec: ``receptive_field``, ``params``, ``require``, ``forbid``, ...
        limits: what its value must be; one limit for all axes, or one per axis; empty where there is nothing to compare.
        subject: the part or operator that ``require`` and ``forbid`` name, the sizes that ``output_shape`` lists.
        layers: pattern of the layers it is asked of, e.g. ``backbone.*``; None: the network as a whole.
        severity: how much it matters.
        note: the team's own message.
        key: where it stands in the spec, e.g. ``models.net.params``.
    """

    check: str
    limits: tuple[Limit, ...] = ()
    subject: str | tuple[int, ...] | None = None
    layers: str | None = None
    severity: Severity = Severity.ERROR
    note: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """Findings that do not count: those of one rule, on the layers of a pattern, until a day.

    Attributes:
        rule: code, e.g. ``RF301``.
        layer: pattern of labels; None: any layer and the network as a whole.
        reason: why.
        until: the last day on which it holds; None: for good.
        key: where it stands in the spec.
    """

    rule: str
    layer: str | None
    reason: str
    until: date | None
    key: str


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One network and what is asked of it.

    Attributes:
        name: what the outputs call it: its key under ``[models]``, else its target.
        target: ``model.py:Net``, relative to ``directory``.
        arguments: of the constructor, as ``--arg`` takes them.
        input_shape: sizes without the batch; None: what the network states, else the usual ones.
        strict: whether context counts as part of the field.
        device: "meta", or "cpu" for a forward that needs real numbers.
        requirements: in the order of the spec.
        exemptions: in the order of the spec.
    """

    name: str
    target: str
    arguments: tuple[str, ...] = ()
    input_shape: tuple[int, ...] | None = None
    strict: bool = False
    device: str = "meta"
    requirements: tuple[Requirement, ...] = ()
    exemptions: tuple[Exemption, ...] = ()

    @property
    def asks_for_holes(self) -> bool:
        """Whether it limits the holes in the positions that are reached: they are looked for only then."""
        return any(requirement.check == "max_hole" for requirement in self.requirements)
