"""What changed between two reports: layers added, removed, changed, renamed, and the figures of the whole.

A layer's own properties (type, window, channels, parameters, what it reads) are told apart from what merely follows from
the layers before it (its field, its shape, its cost): inserting one layer changes one, however many see more afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from rfkit.errors import UsageError
from rfkit.gate.findings import Finding, Outcome, Severity, Verdict
from rfkit.gate.history.alignment import Pair, align
from rfkit.gate.history.metrics import EXACT, Step, Trend, steps
from rfkit.gate.history.regression import regression
from rfkit.render import rows
from rfkit.report import Layer, Report

OWN = ("type", "kernel_size", "stride", "padding", "dilation", "groups", "transposed", "channels", "params")
"""What a layer is by itself."""
WINDOW = ("kernel_size", "stride")
CONSEQUENCES = (
    "output_shape",
    "receptive_field",
    "receptive_field_min",
    "jump",
    "coverage",
    "macs",
    "flags",
    "unknown",
)
"""What follows from the layers before it as well."""


class Kind(StrEnum):
    """What became of a layer."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    AFFECTED = "affected"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class LayerChange:
    """One layer, before and after.

    Attributes:
        kind: ``changed`` has other properties of its own, perhaps another name as well; ``renamed`` only another name;
            ``affected`` only other consequences.
        old, new: the layer; None on the side that has none.
        own: names of its own properties that differ, ``inputs`` among them where it reads another layer than before.
        consequences: names of the others that differ.
    """

    kind: Kind
    old: Layer | None
    new: Layer | None
    own: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()

    @property
    def layer(self) -> Layer:
        """The layer as it is now, as it was where it is gone."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def renamed(self) -> bool:
        """Whether it is on both sides, under two names."""
        return self.old is not None and self.new is not None and self.old.label != self.new.label


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared.

    Attributes:
        name: what to call it: ``main (a1b2c3d)``, ``the working tree``, ``old.json``.
        report: what was measured; None where the network does not exist there.
    """

    name: str
    report: Report | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Two reports, compared.

    Attributes:
        model: what the network is called.
        old, new: the two sides; at most one of them has no report.
        layers: every layer of both, in execution order.
        totals: figures of the whole; empty where one side has no report.
        notes: what else there is to say, one line each.
    """

    model: str
    old: Side
    new: Side
    layers: tuple[LayerChange, ...]
    totals: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    def of(self, *kinds: Kind) -> tuple[LayerChange, ...]:
        """The layers of some kinds, in their order."""
        return tuple(change for change in self.layers if change.kind in kinds)

    @property
    def identical(self) -> bool:
        """Whether there is nothing to tell: no layer and no figure differs, nor does the input or the output."""
        old, new = self.old.report, self.new.report
        if old is None or new is None or len(self.of(Kind.SAME)) != len(self.layers):
            return False
        alike = all((step.old, step.old_bound) == (step.new, step.new_bound) for step in self.totals)
        return alike and _frame(old) == _frame(new)


@dataclass(frozen=True, slots=True)
class Failure:
    """A network that could not be compared.

    Attributes:
        model: what it is called.
        target: ``net.py:Net``.
        error: why, one line.
    """

    model: str
    target: str
    error: str


Compared = Changes | Failure


def compare(old: Side, new: Side, model: str | None = None, notes: Sequence[str] = ()) -> Changes:
    """What changed from one report to another.

    Args:
        old: the side before.
        new: the side after.
        model: what the network is called; None: its target on the new side, else on the old one.
        notes: to be passed on.

    Raises:
        UsageError: there is no report on either side, or one has strict fields and the other local ones.
    """
    there = [side.report for side in (new, old) if side.report is not None]
    if not there:
        raise UsageError(f"there is no network to compare, neither in {old.name} nor in {new.name}")
    if len({report.strict for report in there}) > 1:
        strict, local = (new, old) if there[0].strict else (old, new)
        raise UsageError(f"{strict.name} has strict fields, {local.name} has local ones; trace both alike")
    pairs = align(_layers(old), _layers(new))
    names = _names(pairs)
    kept = frozenset(names.values())
    return Changes(
        model or there[0].target,
        old,
        new,
        tuple(_change(pair, names, kept) for pair in pairs),
        () if old.report is None or new.report is None else steps(old.report, new.report),
        tuple(notes),
    )


def regressions(changes: Changes, tolerance: Fraction = EXACT) -> tuple[Step, ...]:
    """The figures that are worse by more than the tolerance, or no longer known."""
    return tuple(step for step in changes.totals if step.trend(tolerance) in (Trend.WORSE, Trend.UNKNOWN))


def outcome(compared: Sequence[Compared], tolerance: Fraction = EXACT, severity: Severity = Severity.ERROR) -> Outcome:
    """Comparisons as the gate's formats take them: a verdict per network, whose findings are its figures."""
    return Outcome(tuple(_verdict(one, tolerance, severity) for one in compared))


def findings(changes: Changes, tolerance: Fraction = EXACT, severity: Severity = Severity.ERROR) -> tuple[Finding, ...]:
    """``RF501`` per figure of the whole: held, broken where it is worse than tolerated, undecided where it is not known."""
    place = changes.new.report.place if changes.new.report is not None else None
    before = f"in {changes.old.name}"
    return tuple(regression(step, before, tolerance, severity=severity, place=place) for step in changes.totals)


def _layers(side: Side) -> tuple[Layer, ...]:
    return side.report.layers if side.report is not None else ()


def _frame(report: Report) -> tuple[object, ...]:
    totals = report.totals
    return report.input_shape, totals.output_shapes, totals.unused_modules, totals.trainable_params


def _change(pair: Pair, names: Mapping[str, str], kept: Set[str]) -> LayerChange:
    old, new = pair
    if old is None or new is None:
        return LayerChange(Kind.REMOVED if new is None else Kind.ADDED, old, new)
    followed = WINDOW if all(map(_pools_all, (old, new))) else ()
    own = tuple(name for name in OWN if name not in followed and getattr(old, name) != getattr(new, name))
    own += ("inputs",) if _rewired(old, new, names, kept) else ()
    consequences = tuple(name for name in (*followed, *CONSEQUENCES) if getattr(old, name) != getattr(new, name))
    kind = (
        Kind.CHANGED
        if own
        else Kind.RENAMED
        if old.label != new.label
        else Kind.AFFECTED
        if consequences
        else Kind.SAME
    )
    return LayerChange(kind, old, new, own, consequences)


def _names(pairs: Sequence[Pair]) -> dict[str, str]:
    """What the layers on both sides were called and are called now; the network's inputs keep their names."""
    names = {left.label: right.label for left, right in pairs if left is not None and right is not None}
    layers = {layer.label for pair in pairs for layer in pair if layer is not None}
    read = {label for pair in pairs for layer in pair if layer is not None for label in layer.inputs}
    return {**{label: label for label in read - layers}, **names}


def _pools_all(layer: Layer) -> bool:
    """Whether its window is the whole map, whatever the map's size, so that it follows from the layers before it."""
    return rows.window(layer, {})[3] == "all"


def _rewired(old: Layer, new: Layer, names: Mapping[str, str], kept: Set[str]) -> bool:
    """Whether it reads other layers than before, where none of them was added or removed."""
    before = [names[label] for label in old.inputs if label in names]
    after = [label for label in new.inputs if label in kept]
    complete = len(before) == len(old.inputs) and len(after) == len(new.inputs)
    return complete and before != after


def _verdict(one: Compared, tolerance: Fraction, severity: Severity) -> Verdict:
    if isinstance(one, Failure):
        return Verdict(one.model, one.target, None, error=one.error)
    report = one.new.report or one.old.report
    target = report.target if report is not None else one.model
    return Verdict(one.model, target, report, findings(one, tolerance, severity))
