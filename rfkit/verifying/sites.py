"""Where in a real forward the values of a trace show.

A trace also holds calls that never ran: views taken anew after a write, and the writes themselves. The calls that did run
are found by going through both from the end: such calls stand before what reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rfkit.rows import Row
from rfkit.tracing import Call, Trace
from rfkit.verifying.watch import Event, Site


class Ran(NamedTuple):
    """What ran, an operator or a module, inside which module call, and the shapes of its results."""

    what: Any
    scope: int
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of_event(cls, event: Event) -> Ran:
        """What an event of a forward says of it."""
        return cls(event.what, event.scope, tuple(tuple(t.shape) for t in event.tensors))

    def again(self, event: Event) -> bool:
        """Whether an event is the same thing happening once more."""
        return event.what is self.what and event.scope == self.scope

    @classmethod
    def of_call(cls, call: Call) -> Ran:
        """What a call of a trace says of it."""
        return cls(call.op, call.scope, tuple(v.shape for v in call.outputs if v is not None))


def calls_that_ran(trace: Trace, ran: Mapping[Site, Ran]) -> dict[int, int]:
    """By number of an operator in the forward, its place among the calls of the trace; empty where they do not match."""
    found: dict[int, int] = {}
    waiting = sum(not site.of_module for site in ran) - 1
    for place in reversed(range(len(trace.calls))):
        if waiting >= 0 and Ran.of_call(trace.calls[place]) == ran[Site(False, waiting)]:
            found[waiting] = place
            waiting -= 1
    return found if waiting < 0 else {}


def row_sites(trace: Trace, rows: Sequence[Row], ran: dict[int, int]) -> list[Site | None]:
    """Where each row's output shows; None for what cannot be looked at (an assignment to a part of a tensor)."""
    modules = {module.enter: number for number, module in enumerate(trace.modules)}
    operators = {trace.calls[place].tick: number for number, place in ran.items()}
    return [_row_site(row, modules, operators) for row in rows]


def _row_site(row: Row, modules: dict[int, int], operators: dict[int, int]) -> Site | None:
    if row.tick in modules:
        return Site(True, modules[row.tick])
    return Site(False, operators[row.tick]) if row.tick in operators else None
