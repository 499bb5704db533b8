"""Fields of a changed record: only what lies behind a change is carried on, and only as far as it sees something else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from rfkit.footprint import Footprint
from rfkit.footprint.axis import AxisField
from rfkit.propagate import Fields, propagate
from rfkit.suggesting.network import Network
from rfkit.suggesting.replay import Replayed
from rfkit.suggesting.shapes import Misfit
from rfkit.tracing import Call

MOST_KEPT = 1 << 28
"""Bytes of fields that are kept to be found again."""

Outputs = tuple[Footprint | None, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Fields of a changed record, and the indices of the values that see something else than before, or are new."""

    fields: Fields
    other: frozenset[int]


class Spreading:
    """Carries fields through changed records of one network.

    Equal fields that one operator makes are one object, so that what reads the same as in an earlier record is known already.
    Those of several operators stay apart: that tells branches from one another.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._equal: dict[Hashable, Footprint] = {}
        self._found: dict[tuple[int, ...], Outputs] = {}
        self._bytes = 0
        self._before = network.fields.known
        for call in network.trace.calls:
            given = [self._before.get(v.index) for v in call.inputs]
            self._own(call.tick, given, [None if v is None else self._before.get(v.index) for v in call.outputs])
        self._calls = {call.tick: call for call in network.trace.calls}
        self._readers: defaultdict[int, list[int]] = defaultdict(list)
        for call in network.trace.calls:
            for v in call.inputs:
                self._readers[v.index].append(call.tick)

    def of(self, replayed: Replayed) -> Spread:
        """What the tensors of a changed record see.

        Raises:
            Misfit: if an index' numbers decide that, which only a run gives.
        """
        found = None if self.network.fields.unknown else self._carried(replayed)
        if found is None:
            trace = replayed.trace(self.network.trace)
            fields = propagate(trace, self.network.grid.roots, local=not self.network.strict)
            if fields.wants_numbers:
                raise Misfit("an index' numbers decide what is seen")
            return Spread(fields, frozenset({*fields.known, *fields.unknown}))
        known = {**self._before, **{index: field for index, field in found.items() if field is not None}}
        for index in (index for index, field in found.items() if field is None):
            known.pop(index, None)
        return Spread(Fields(known, {}, False), frozenset(found))

    def _carried(self, replayed: Replayed) -> dict[int, Footprint | None] | None:
        """What values see that see something else than before; None where an operator cannot tell by itself."""
        calls = {call.tick: call for call in replayed.changed}
        gone = {self.network.trace.calls[i].tick for i in replayed.dropped} - calls.keys()
        found: dict[int, Footprint | None] = {}
        pending = [*calls]
        heapify(pending)
        last = -1
        while pending:
            tick = heappop(pending)
            if tick <= last or tick in gone:
                continue
            last = tick
            call = calls.get(tick) or self._calls[tick]
            given = [found[v.index] if v.index in found else self._before.get(v.index) for v in call.inputs]
            outputs = self._made(call, given, tick in replayed.anew)
            if outputs is None:
                return None
            for v, field in zip(call.outputs, outputs, strict=True):
                if v is not None and field is not self._before.get(v.index):
                    found[v.index] = field
                    for reader in self._readers.get(v.index, ()):
                        heappush(pending, reader)
        return found

    def _made(self, call: Call, given: Sequence[Footprint | None], anew: bool) -> Outputs | None:
        if all(field is None for field in given):
            return (None,) * len(call.outputs)
        if anew:
            return self._carry(call, given)
        key = (call.tick, *map(id, given))
        made = self._found.get(key)
        if made is None:
            made = self._carry(call, given)
            if made is not None and self._bytes < MOST_KEPT:
                self._found[key] = made
        return made

    def _carry(self, call: Call, given: Sequence[Footprint | None]) -> Outputs | None:
        roots = {v.index: field for v, field in zip(call.inputs, given, strict=True) if field is not None}
        fields = propagate(replace(self.network.trace, calls=(call,)), roots, local=not self.network.strict)
        if fields.unknown:
            return None
        return self._own(call.tick, given, [None if v is None else fields.known.get(v.index) for v in call.outputs])

    def _own(self, tick: int, given: Sequence[Footprint | None], made: Sequence[Footprint | None]) -> Outputs:
        """What an operator makes; the fields that it hands on are those that it was given."""
        handed = {id(field) for field in given}
        places = {id(field): i for i, field in reversed([*enumerate(made)])}
        return tuple(
            field if field is None or id(field) in handed else self._one((tick, places[id(field)]), field)
            for field in made
        )

    def _one(self, maker: tuple[int, int], field: Footprint) -> Footprint:
        """The first field that was equal to this one, of those that one operator made."""
        key = (maker, _content(field))
        if key in self._equal:
            return self._equal[key]
        if self._bytes < MOST_KEPT:
            self._equal[key] = field
            self._bytes += sum(map(_size, field.axes))
        return field


def _content(field: Footprint) -> Hashable:
    return field.layout, field.context, field.misaligned, field.strided, tuple(map(_content_of_axis, field.axes))


def _content_of_axis(axis: AxisField | None) -> Hashable:
    if axis is None:
        return None
    arrays = tuple((array.shape, array.tobytes()) for array in (*axis.extent.terms, axis.line))
    return arrays, axis.den, axis.jump, axis.positions, axis.regular, axis.pooled


def _size(axis: AxisField | None) -> int:
    """Bytes that an axis takes, and as many for telling it from others."""
    return 0 if axis is None else 2 * sum(array.nbytes for array in (*axis.extent.terms, axis.line))
