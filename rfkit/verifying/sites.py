"""Where in a real forward the values of a trace show.

A trace also holds calls that never ran: views taken anew after a write, and the writes themselves. The calls that did run
are found by going through both from the end: such calls stand before what reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rfkit.rows import Row
from rfkit.tracing import Call, Trace
from rfkit.verifying.watch import Event, Site, survey


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


def returned_operators(model: nn.Module, inputs: Any, ran: Mapping[Site, Ran]) -> dict[int, int]:
    """By number of a call of a function of torch, the number of the operator whose result it returns, where it is one.

    Args:
        model: run once.
        inputs: what its forward is given.
        ran: what runs when functions are not watched, which makes some of them call more.
    """
    latest: list[Tensor] = []
    at = 0
    returned: dict[int, int] = {}

    def look(event: Event) -> None:
        nonlocal at
        known = None if event.site.of_module else ran.get(Site(False, at))
        if known is not None and known.again(event):
            latest[:] = event.tensors[:1]
            at += 1

    def note(number: int, _: Any, tensors: tuple[Tensor, ...]) -> None:
        if latest and tensors and _same(tensors[0], latest[0]):
            returned[number] = at - 1

    survey(model, inputs, look, note)
    return {} if Site(False, at) in ran else returned


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same numbers in the same memory."""
    return (
        one.layout is other.layout is torch.strided
        and one.dtype is other.dtype
        and one.shape == other.shape
        and one.stride() == other.stride()
        and one.data_ptr() == other.data_ptr()
    )


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
