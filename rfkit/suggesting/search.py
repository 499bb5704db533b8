"""The search: single edits, then pairs of them, worked out on the record; what passes is made to a copy and judged again.

Edits of all kinds that may help are tried in turn, so that none of the kinds waits for another.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain, islice, zip_longest
from typing import TypeVar

from torch import nn

from rfkit.analyze import trace
from rfkit.errors import InputError
from rfkit.gate.findings import Finding, Status
from rfkit.gate.judge import rule_text
from rfkit.gate.requirements import ModelSpec, Requirement
from rfkit.report import Layer, Report
from rfkit.suggesting.edits import Change, Edit, Kind
from rfkit.suggesting.found import Suggestion
from rfkit.suggesting.moves import Ground, Move
from rfkit.suggesting.network import Network
from rfkit.suggesting.pairs import pairs
from rfkit.suggesting.predict import Predictor
from rfkit.suggesting.rank import distance, size, varied
from rfkit.suggesting.rebuild import apply_edits
from rfkit.suggesting.shapes import Misfit
from rfkit.suggesting.sifting import sifted
from rfkit.suggesting.wishes import moves_for

T = TypeVar("T")
Gate = Callable[[Report], tuple[Finding, ...]]
Told = Callable[[str], None]
"""What is told what is being done, in a few words."""

MOST_PAIRS = 600
SECONDS = 60.0
"""How long to search, unless told otherwise."""
_SEEN = ("receptive_field", "coverage")
QUICK = (*_SEEN, "params", "macs", "activation_memory")
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
        nearest: of all that was tried and does not pass, what came nearest; None where nothing is nearer than the network.
        seconds: how long to search.
        out_of_time: whether that ended the search.
        untried: by kind, how many single edits were not tried when the time for them was over.
        tell: is told what is being done.
    """

    network: Network
    spec: ModelSpec
    gate: Gate
    rebuild: Callable[[], nn.Module] | None = None
    together: int = 1
    tried: int = 0
    applied: int = 0
    nearest: Suggestion | None = None
    seconds: float = SECONDS
    out_of_time: bool = False
    untried: Mapping[str, int] = field(default_factory=dict)
    tell: Told = lambda _: None
    _predictor: Predictor = field(init=False)
    _findings: tuple[Finding, ...] = field(init=False)
    _quick: Mapping[str, Requirement] = field(init=False)
    _sight: bool = field(init=False)
    _began: float = field(init=False)
    _least: tuple[int, float] = field(init=False)

    def __post_init__(self) -> None:
        self._predictor = Predictor(self.network, self.spec.asks_for_holes)
        asked = [] if self.spec.exemptions else self.spec.requirements
        self._quick = {rule_text(r): r for r in asked if r.check in QUICK and r.layers is None}
        self._sight = any(requirement.check in _SEEN for requirement in self._quick.values())

    def run(self, findings: tuple[Finding, ...], only: Collection[Kind], edits: int, limit: int) -> list[Suggestion]:
        """The smallest edits with which the network passes: single ones where there are any, else pairs.

        Args:
            findings: on the network as it is.
            only: kinds that are allowed; none stands for all.
            edits: how many may be needed together, 1 or 2.
            limit: how many suggestions are wanted.
        """
        self._began, self._least, self._findings = time.perf_counter(), distance(findings), findings
        sift = all(finding.rule in self._quick for finding in findings if finding.fails)
        singles = self._each_alone(self._singles(findings, only), sift, self.seconds / edits)
        found = self._confirmed(singles, limit)
        if found or edits < 2:
            return found
        self.together = 2
        start = Suggestion((), self.network.report, findings)
        hopeful = islice(pairs(start, singles, self.spec.requirements), MOST_PAIRS)
        return self._confirmed(self._passing(hopeful, ENOUGH * limit), limit)

    def _each_alone(self, edits: Sequence[Edit], sift: bool, seconds: float) -> list[Suggestion]:
        """What the network is with each edit that fits."""
        singles, tried = [], 0
        for tried, edit in enumerate(self._in_time(edits, seconds), 1):
            self.tell(f"single edits: {tried:,} of {len(edits):,} tried")
            singles.append(self._tried((edit,), sift))
        self.untried = Counter(str(edit.kind) for edit in edits[tried:])
        return [single for single in singles if single is not None]

    def _moves(self, finding: Finding) -> tuple[Move, ...]:
        if finding.status is Status.UNDECIDED and any(layer.unknown for layer in self.network.report):
            return ()
        asked = (requirement for requirement in self.spec.requirements if rule_text(requirement) == finding.rule)
        requirement = next(asked, None)
        return () if requirement is None else moves_for(requirement, finding)

    def beyond(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The broken rules that no move is known to mend."""
        return tuple(finding for finding in findings if finding.fails and not self._moves(finding))

    def _singles(self, findings: Sequence[Finding], only: Collection[Kind]) -> list[Edit]:
        """Every edit that may mend a broken rule, each once; the first of each move, then the second of each."""
        wanted = dict.fromkeys(move for finding in findings if finding.fails for move in self._moves(finding))
        ground = Ground.of(self.network)
        made = [[edit for edit in move(ground) if not only or edit.kind in only] for move in wanted]
        in_turn = (edit for turn in zip_longest(*made) for edit in turn if edit is not None)
        return list({edit.changes: edit for edit in in_turn}.values())

    def _in_time(self, candidates: Iterable[T], seconds: float) -> Iterator[T]:
        """The candidates, for so many seconds from the beginning of the search."""
        for each in candidates:
            if time.perf_counter() > self._began + seconds:
                self.out_of_time = True
                return
            yield each

    def _tried(self, edits: tuple[Edit, ...], sift: bool) -> Suggestion | None:
        """What the network is with edits made; None where they do not fit.

        With ``sift``, edits that leave one of its own figures outside its limits are worked out no further: their report
        has these figures, and layers as they were.
        """
        self.tried += 1
        outline = self._outlined(edits) if sift else None
        if sift and (outline is None or not self._hopeful(outline)):
            if outline is not None and distance(outline.findings) < self._least:
                self._note(self._worked_out(edits))
            return outline
        suggestion = self._worked_out(edits)
        self._note(suggestion)
        return suggestion

    def _outlined(self, edits: tuple[Edit, ...]) -> Suggestion | None:
        try:
            totals = self._predictor.outline(_changes(edits), self._sight)
        except Misfit:
            return None
        report = replace(self.network.report, totals=totals)
        return Suggestion(edits, report, sifted(self._findings, self._quick, report))

    def _hopeful(self, outline: Suggestion) -> bool:
        broken = (f for f in outline.findings if f.fails and f.status is Status.BROKEN)
        return self._quick.keys().isdisjoint(finding.rule for finding in broken)

    def _worked_out(self, edits: tuple[Edit, ...]) -> Suggestion | None:
        try:
            report = self._predictor.report(_changes(edits))
        except Misfit:
            return None
        return Suggestion(edits, report, self.gate(report))

    def _note(self, suggestion: Suggestion | None) -> None:
        if suggestion is None or suggestion.passes:
            return
        left = distance(suggestion.findings)
        if left < self._least:
            self.nearest, self._least = suggestion, left

    def _passing(self, candidates: Iterable[tuple[Edit, ...]], enough: int) -> Iterator[Suggestion]:
        in_time = enumerate(self._in_time(candidates, self.seconds), 1)
        tried = (self._pair(number, edits) for number, edits in in_time)
        return islice((s for s in tried if s is not None and s.passes), enough)

    def _pair(self, number: int, edits: tuple[Edit, ...]) -> Suggestion | None:
        self.tell(f"pairs of edits: {number:,} tried")
        return self._tried(edits, sift=True)

    def _confirmed(self, candidates: Iterable[Suggestion], limit: int) -> list[Suggestion]:
        """Those that pass when they are made to a copy of the network, of different kinds, the smallest first."""
        before, requirements = self.network.report, self.spec.requirements
        passing = (s for s in candidates if s.passes)
        ordered = sorted(passing, key=lambda s: size(s, before, requirements))
        rest = varied(ordered)
        chosen = chain(islice(rest, limit), self._in_time(rest, self.seconds))
        found = list(islice((real for s in chosen if (real := self._applied(s)) is not None), limit))
        return sorted(found, key=lambda s: size(s, before, requirements))

    def _applied(self, suggestion: Suggestion) -> Suggestion | None:
        """The same of a copy that was changed, traced and judged; None where that differs, or does not pass."""
        self.applied += 1
        self.tell(f"edits made in a copy and checked: {self.applied:,}")
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
