"""The search: single edits, then pairs of them, worked out on the record; what passes is made to a copy and judged again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice

from torch import nn

from rfkit.analyze import trace
from rfkit.errors import InputError
from rfkit.gate.findings import Finding
from rfkit.gate.judge import rule_text
from rfkit.gate.requirements import ModelSpec
from rfkit.report import Layer, Report
from rfkit.suggesting.edits import Change, Edit, Kind
from rfkit.suggesting.found import Suggestion
from rfkit.suggesting.moves import Ground, Move
from rfkit.suggesting.network import Network
from rfkit.suggesting.pairs import pairs
from rfkit.suggesting.predict import Predictor
from rfkit.suggesting.rank import distance, holding, size, varied
from rfkit.suggesting.rebuild import apply_edits
from rfkit.suggesting.shapes import Misfit
from rfkit.suggesting.wishes import moves_for

Gate = Callable[[Report], tuple[Finding, ...]]

MOST_PAIRS = 600
QUICK = ("receptive_field", "params", "macs", "activation_memory", "coverage")
"""Measures of the network that need no layers."""
ENOUGH = 4
"""Passing pairs, for each that is asked for, after which no further ones are worked out."""


@dataclass(slots=True)
class Search:
    """What is known while edits are tried.

    Attributes:
        network: the network as it is.
        spec: what is asked of it.
        gate: the findings on a report.
        rebuild: makes the network with real weights, for a forward that reads values.
        together: how many edits were tried together at most.
        tried, applied: how many edits were worked out, and how many made to a copy.
        nearest: of all that was tried and does not pass, what came nearest.
    """

    network: Network
    spec: ModelSpec
    gate: Gate
    rebuild: Callable[[], nn.Module] | None = None
    together: int = 1
    tried: int = 0
    applied: int = 0
    nearest: Suggestion | None = None
    _predictor: Predictor = field(init=False)

    def __post_init__(self) -> None:
        self._predictor = Predictor(self.network, self.spec.asks_for_holes)

    def run(self, findings: tuple[Finding, ...], only: Collection[Kind], edits: int, limit: int) -> list[Suggestion]:
        """The smallest edits with which the network passes: single ones where there are any, else pairs.

        Args:
            findings: on the network as it is.
            only: kinds that are allowed; none stands for all.
            edits: how many may be needed together, 1 or 2.
            limit: how many suggestions are wanted.
        """
        singles = [s for edit in self._singles(findings, only) if (s := self._worked_out((edit,))) is not None]
        found = self._confirmed(singles, limit)
        if found or edits < 2:
            return found
        self.together = 2
        start = Suggestion((), self.network.report, findings)
        hopeful = islice(pairs(start, singles, self.spec.requirements), MOST_PAIRS)
        return self._confirmed(self._passing(hopeful, ENOUGH * limit), limit)

    def _moves(self, finding: Finding) -> tuple[Move, ...]:
        asked = (requirement for requirement in self.spec.requirements if rule_text(requirement) == finding.rule)
        requirement = next(asked, None)
        return () if requirement is None else moves_for(requirement, finding)

    def beyond(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The broken rules that no move is known to mend."""
        return tuple(finding for finding in findings if finding.fails and not self._moves(finding))

    def _singles(self, findings: Sequence[Finding], only: Collection[Kind]) -> list[Edit]:
        """Every edit that may mend a broken rule, each once."""
        wanted = dict.fromkeys(move for finding in findings if finding.fails for move in self._moves(finding))
        ground = Ground.of(self.network)
        edits: dict[object, Edit] = {}
        for move in wanted:
            edits |= {edit.changes: edit for edit in move(ground) if not only or edit.kind in only}
        return list(edits.values())

    def _may_pass(self, edits: tuple[Edit, ...]) -> bool:
        """Whether the network's own figures would be within their limits: the quick half of working it out."""
        try:
            outline = self._predictor.outline(_changes(edits))
        except Misfit:
            self.tried += 1
            return False
        report = replace(self.network.report, totals=outline)
        holds = all(
            holding(requirement, report) for requirement in self.spec.requirements if requirement.check in QUICK
        )
        self.tried += not holds
        return holds

    def _worked_out(self, edits: tuple[Edit, ...]) -> Suggestion | None:
        self.tried += 1
        try:
            report = self._predictor.report(_changes(edits))
        except Misfit:
            return None
        suggestion = Suggestion(edits, report, self.gate(report))
        self._note(suggestion)
        return suggestion

    def _note(self, suggestion: Suggestion) -> None:
        if suggestion.passes:
            return
        if self.nearest is None or distance(suggestion.findings) < distance(self.nearest.findings):
            self.nearest = suggestion

    def _passing(self, candidates: Iterable[tuple[Edit, ...]], enough: int) -> list[Suggestion]:
        found: list[Suggestion] = []
        for edits in candidates:
            if not self._may_pass(edits):
                continue
            suggestion = self._worked_out(edits)
            if suggestion is not None and suggestion.passes:
                found.append(suggestion)
            if len(found) == enough:
                break
        return found

    def _confirmed(self, candidates: Iterable[Suggestion], limit: int) -> list[Suggestion]:
        """Those that pass when they are made to a copy of the network, of different kinds, the smallest first."""
        before, requirements = self.network.report, self.spec.requirements
        passing = (s for s in candidates if s.passes)
        ordered = sorted(passing, key=lambda s: size(s, before, requirements))
        found = list(islice((real for s in varied(ordered) if (real := self._applied(s)) is not None), limit))
        return sorted(found, key=lambda s: size(s, before, requirements))

    def _applied(self, suggestion: Suggestion) -> Suggestion | None:
        """The same of a copy that was changed, traced and judged; None where that differs, or does not pass."""
        self.applied += 1
        network = self.network
        rebuild = self.rebuild
        try:
            report = trace(
                apply_edits(network.model, suggestion.edits),
                network.report.input_shape,
                strict=network.strict,
                holes=self.spec.asks_for_holes,
                device=network.report.device,
                target=network.report.target,
                rebuild=None if rebuild is None else lambda: apply_edits(rebuild(), suggestion.edits),
            )
        except InputError:
            return None
        real = Suggestion(suggestion.edits, report, self.gate(report))
        return real if real.passes and agree(suggestion.report, report) else None


def _changes(edits: Iterable[Edit]) -> tuple[Change, ...]:
    return tuple(change for edit in edits for change in edit.changes)


_MEASURED = {"measured", "bound"}
_OF_A_FORWARD = {"place", "reached", "flags"}
_SIZES = {"receptive_field", "receptive_field_min", "jump", "start", "extent", "coverage"}


def agree(predicted: Report, real: Report) -> bool:
    """Whether a report that was worked out is that of a forward.

    The flag for holes is left out, and the sizes of layers that have no closed form, which take a second forward.
    """
    if len(predicted) != len(real) or not all(map(_alike, predicted, real)):
        return False
    exact = not any(_MEASURED.intersection(layer.flags) for layer in real)
    return not exact or predicted.totals == real.totals


def _alike(predicted: Layer, real: Layer) -> bool:
    measured = not _MEASURED.isdisjoint((*predicted.flags, *real.flags))
    if not measured and {*predicted.flags} - {"gridding"} != {*real.flags} - {"gridding"}:
        return False
    left_out = _OF_A_FORWARD | _SIZES if measured else _OF_A_FORWARD
    compared = (f.name for f in fields(Layer) if f.name not in left_out)
    return all(getattr(predicted, name) == getattr(real, name) for name in compared)
