"""What a network would be with changes made, worked out from its record: no forward runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from rfkit import costs, gridding
from rfkit.analyze import to_totals
from rfkit.layers import Numbers, Places, to_layers
from rfkit.reached import reached
from rfkit.report import Layer, Report, Totals
from rfkit.rows import Row, Rows, build_rows
from rfkit.suggesting.edits import Change
from rfkit.suggesting.network import Network
from rfkit.suggesting.replay import Fragments, Replayed, replay
from rfkit.suggesting.spreading import Spread, Spreading


class Predictor:
    """What becomes of a network with changes made; ``holes``: positions that each layer reaches are worked out too."""

    def __init__(self, network: Network, holes: bool = False) -> None:
        self.network, self.holes = network, holes
        self._fragments, self._spreading = Fragments(network), Spreading(network)
        numbers, places = Numbers(network.fields, network.grid.axes), Places(network.trace, None)
        numbers.replaced = network.numbers
        self._layers = to_layers(network.fields, network.rows, numbers, False, places)
        self._macs = [costs.macs(call) for call in network.trace.calls]
        self._bytes = [costs.allocated(call) for call in network.trace.calls]

    def report(self, changes: tuple[Change, ...]) -> Report:
        """The report that ``rfkit.trace`` would give of the changed network, without places and notes.

        Raises:
            Misfit: if the changes cannot be made, what follows them does not fit, or cannot be known without running it.
        """
        replayed = replay(self.network, changes, self._fragments)
        trace, spread = replayed.trace(self.network.trace), self._spreading.of(replayed)
        fields, numbers = spread.fields, self._numbers(spread)
        rows = build_rows(trace, fields)
        layers = to_layers(fields, rows, numbers, False, Places(trace, None), self._begin(rows, spread))
        totals = to_totals(trace, fields, rows, numbers, layers)
        if self.holes:
            made = [row.output for row in rows.rows]
            sets = reached(trace, self.network.grid, fields, made, local=not self.network.strict)
            layers = gridding.marked(layers, sets, totals.features, keep=True)
        return replace(self.network.report, layers=layers, totals=totals, notes=(), place=None, seconds=0.0)

    def outline(self, changes: tuple[Change, ...], sight: bool = True) -> Totals:
        """The totals that need no layers, in a fraction of the time.

        Costs and shapes differ by those of the operators that change; what the output sees is worked out unless that is not
        asked, and only as far as the changes reach.

        Raises:
            Misfit: as ``report`` does.
        """
        replayed = replay(self.network, changes, self._fragments)
        totals = self._costs(replayed)
        if not sight:
            return totals
        numbers = self._numbers(self._spreading.of(replayed))
        seen = [(numbers.of(v), v) for v in replayed.outputs]
        found, output = max(seen, key=lambda pair: sum(axis.size for axis in pair[0] or ()))
        return replace(
            totals,
            receptive_field=tuple(axis.size for axis in found or ()),
            coverage=numbers.coverage(output),
        )

    def _costs(self, replayed: Replayed) -> Totals:
        before = self.network.report.totals
        return replace(
            before,
            params=replayed.inventory.parameters,
            macs=before.macs + sum(map(costs.macs, replayed.changed)) - sum(self._macs[i] for i in replayed.dropped),
            activation_bytes=before.activation_bytes
            + sum(map(costs.allocated, replayed.changed))
            - sum(self._bytes[i] for i in replayed.dropped),
            output_shapes=tuple(v.shape for v in replayed.outputs),
        )

    def _begin(self, rows: Rows, spread: Spread) -> Sequence[Layer]:
        """The layers of the rows before the first that is not what it was, or sees something else."""
        before = self.network.rows
        if rows.folded is not before.folded:
            return ()
        same = takewhile(
            lambda pair: pair[0] == pair[1] and spread.other.isdisjoint(_touched(pair[1])),
            zip(before.rows, rows.rows, strict=False),
        )
        return self._layers[: sum(1 for _ in same)]

    def _numbers(self, spread: Spread) -> Numbers:
        numbers = Numbers(spread.fields, self.network.grid.axes)
        numbers.replaced = {i: n for i, n in self.network.numbers.items() if i not in spread.other}
        return numbers


def _touched(row: Row) -> Iterator[int]:
    """Indices of the values that a row's operators read and make, and of its own."""
    yield row.output.index
    for call in row.calls:
        yield from (v.index for v in (*call.inputs, *call.outputs) if v is not None)
