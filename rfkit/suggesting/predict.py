"""What a network would be with changes made, worked out from its record: no forward runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from rfkit import costs, gridding
from rfkit.analyze import to_totals
from rfkit.layers import Numbers, Places, to_layers
from rfkit.propagate import Fields, propagate
from rfkit.reached import reached
from rfkit.report import Layer, Report, Totals
from rfkit.rows import Rows, build_rows
from rfkit.suggesting.edits import Change
from rfkit.suggesting.network import Network
from rfkit.suggesting.replay import Fragments, replay
from rfkit.suggesting.shapes import Misfit
from rfkit.tracing import Trace


@dataclass(frozen=True, slots=True)
class _Changed:
    """A record with changes made, and what its tensors see."""

    trace: Trace
    fields: Fields
    numbers: Numbers


class Predictor:
    """What becomes of a network with changes made; ``holes``: positions that each layer reaches are worked out too."""

    def __init__(self, network: Network, holes: bool = False) -> None:
        self.network, self.holes = network, holes
        self._fragments = Fragments(network)
        numbers, places = self._numbers(network.fields), Places(network.trace, None)
        self._layers = to_layers(network.fields, network.rows, numbers, False, places)

    def report(self, changes: tuple[Change, ...]) -> Report:
        """The report that ``rfkit.trace`` would give of the changed network, without places and notes.

        Raises:
            Misfit: if the changes cannot be made, what follows them does not fit, or cannot be known without running it.
        """
        changed = self._changed(changes)
        trace, fields = changed.trace, changed.fields
        rows = build_rows(trace, fields)
        layers = to_layers(fields, rows, changed.numbers, False, Places(trace, None), self._begin(rows))
        totals = to_totals(trace, fields, rows, changed.numbers, layers)
        if self.holes:
            made = [row.output for row in rows.rows]
            sets = reached(trace, self.network.grid, fields, made, local=not self.network.strict)
            layers = gridding.marked(layers, sets, totals.features, keep=True)
        return replace(self.network.report, layers=layers, totals=totals, notes=(), place=None, seconds=0.0)

    def outline(self, changes: tuple[Change, ...], sight: bool = True) -> Totals:
        """The totals that need no layers, in half the time: costs, shapes and, unless that is not asked, what the output sees.

        Raises:
            Misfit: as ``report`` does.
        """
        if not sight:
            return self._costs(replay(self.network, changes, self._fragments).trace)
        changed = self._changed(changes)
        trace, numbers = changed.trace, changed.numbers
        seen = [(numbers.of(v), v) for v in trace.outputs]
        found, output = max(seen, key=lambda pair: sum(axis.size for axis in pair[0] or ()))
        return replace(
            self._costs(trace),
            receptive_field=tuple(axis.size for axis in found or ()),
            coverage=numbers.coverage(output),
        )

    def _costs(self, trace: Trace) -> Totals:
        return replace(
            self.network.report.totals,
            params=trace.inventory.parameters,
            macs=sum(map(costs.macs, trace.calls)),
            activation_bytes=sum(map(costs.allocated, trace.calls)),
            output_shapes=tuple(v.shape for v in trace.outputs),
        )

    def _begin(self, rows: Rows) -> Sequence[Layer]:
        """The layers of the rows before the first that is not what it was; they read nothing behind it."""
        before = self.network.rows
        if rows.folded is not before.folded:
            return ()
        same = takewhile(lambda pair: pair[0] == pair[1], zip(before.rows, rows.rows, strict=False))
        return self._layers[: sum(1 for _ in same)]

    def _changed(self, changes: tuple[Change, ...]) -> _Changed:
        """Only what lies behind a change is propagated again; what is unknown somewhere has all of it done again."""
        network = self.network
        replayed = replay(network, changes, self._fragments)
        trace, before = replayed.trace, network.fields
        again = trace if before.unknown else replace(trace, calls=replayed.changed)
        roots = network.grid.roots if before.unknown else before.known
        fields = propagate(again, roots, local=not network.strict)
        if fields.wants_numbers:
            raise Misfit("an index' numbers decide what is seen")
        return _Changed(trace, fields, self._numbers(fields))

    def _numbers(self, fields: Fields) -> Numbers:
        numbers = Numbers(fields, self.network.grid.axes)
        numbers.replaced = self.network.numbers
        return numbers
