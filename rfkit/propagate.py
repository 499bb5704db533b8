"""From a trace and the rules to a footprint for every value that depends on the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rfkit.footprint import Footprint, concat, union
from rfkit.rules import NoNumbers, NoRule, find
from rfkit.tracing import WRITE, Call, Trace, Value


@dataclass(frozen=True, slots=True)
class Fields:
    """What was found: footprints by value index, and for values that cannot be known the operator that is to blame.

    ``wants_numbers``: something is unknown only for lack of an index' numbers.
    """

    known: Mapping[int, Footprint]
    unknown: Mapping[int, str]
    wants_numbers: bool


@dataclass(slots=True)
class _Question:
    """What rules may ask (``rules.See``), for one propagation."""

    trace: Trace
    local: bool
    known: dict[int, Footprint]
    cause: int = -1
    producers: dict[int, tuple[Call, int]] = field(default_factory=dict)

    def __call__(self, value: Value) -> Footprint | None:
        return self.known.get(value.index)

    def union(self, parts: list[Footprint | None], shape: tuple[int, ...]) -> Footprint | None:
        present = [p for p in parts if p is not None]
        return union(present, shape, local=self.local, cause=self.cause) if present else None

    def concat(
        self, parts: list[Footprint | None], dim: int, counts: list[int], shape: tuple[int, ...]
    ) -> Footprint | None:
        if all(p is None for p in parts):
            return None
        return concat(parts, dim, counts, shape, local=self.local, cause=self.cause)

    def constant(self, value: Value) -> NDArray[np.int64] | None:
        if not self.producers:
            self.producers = {
                v.index: (c, i) for c in self.trace.calls for i, v in enumerate(c.outputs) if v is not None
            }
        tensor = self._evaluate(value)
        return None if tensor is None else tensor.detach().cpu().numpy()

    def _evaluate(self, value: Value) -> torch.Tensor | None:
        """The numbers of a value made from constants alone: at hand, or computed again on the CPU."""
        at_hand = self.trace.constants.get(value.index)
        if at_hand is not None:
            return at_hand
        call, index = self.producers.get(value.index, (None, 0))
        if call is None or call.op is WRITE or torch.Tag.nondeterministic_seeded in call.op.tags:
            return None
        args = [self._numbers(a) for a in call.args]
        kwargs = {k: self._numbers(v) for k, v in call.kwargs.items() if k != "pin_memory"}
        if "device" in kwargs:
            kwargs["device"] = "cpu"
        if any(a is NotImplemented for a in (*args, *kwargs.values())):
            return None
        with torch.no_grad():
            result = call.op(*args, **kwargs)
        tensor: torch.Tensor = result[index] if isinstance(result, (tuple, list)) else result
        return tensor

    def _numbers(self, arg: Any) -> Any:
        if isinstance(arg, Value):
            tensor = self._evaluate(arg)
            return NotImplemented if tensor is None else tensor.clone()
        if isinstance(arg, list) and any(isinstance(a, Value) for a in arg):
            items = [self._numbers(a) for a in arg]
            return NotImplemented if any(i is NotImplemented for i in items) else items
        return arg


def propagate(trace: Trace, roots: Mapping[int, Footprint], *, local: bool) -> Fields:
    """Carry the footprints of the inputs (by value index) through every operator.

    ``local``: context is left out (see ``footprint.union``). What is unknown makes everything that reads it unknown.
    """
    known = dict(roots)
    unknown: dict[int, str] = {}
    see = _Question(trace, local, known)
    wants_numbers = False
    for call in trace.calls:
        depends = False
        blame = None
        for value in call.inputs:
            if value.index in known:
                depends = True
            elif value.index in unknown:
                blame = unknown[value.index]
                break
        if blame is None and not depends:
            continue
        see.cause = call.tick
        outputs: Sequence[Footprint | None] = ()
        if blame is None:
            try:
                outputs = _apply(call, see)
            except NoRule as reason:
                blame = str(reason)
                wants_numbers = wants_numbers or isinstance(reason, NoNumbers)
        if blame is not None:
            unknown.update((v.index, blame) for v in call.outputs if v is not None)
            continue
        for v, footprint in zip(call.outputs, outputs, strict=True):
            if v is not None and footprint is not None:
                known[v.index] = footprint
    return Fields(known, unknown, wants_numbers)


def _apply(call: Call, see: _Question) -> Sequence[Footprint | None]:
    entry = find(call.op)
    if entry is None:
        raise NoRule(str(call.op).removesuffix(".default"))
    if call.outputs[0] is not None and 0 in call.outputs[0].shape:
        return [None] * len(call.outputs)
    result = entry.rule(call, see)
    if isinstance(result, tuple):
        return result
    return [result] if len(call.outputs) == 1 else [result] * len(call.outputs)
