"""The table of rules: one decorator, keyed by the operator itself.

A rule is a pure function ``rule(call, see) -> Footprint | None`` (or a tuple of them, one per output): the call's arguments and
shapes, and through ``see`` the footprints of its inputs, give the footprint of its outputs. None: sees nothing.
An operator without a rule is never guessed; ``NoRule`` raised by a rule says that this call cannot be decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rfkit.footprint import Footprint
from rfkit.tracing import Call, Value

Result = Footprint | None | tuple[Footprint | None, ...]


class NoRule(Exception):  # noqa: N818 - it is an answer, not an error
    """This call's footprint cannot be known; the argument names the operator and says why."""


class NoNumbers(NoRule):
    """This call could be decided if the numbers of an index were at hand."""


class See(Protocol):
    """What a rule may ask while one question is propagated.

    Attributes:
        local: whether context (whole-image paths given back to every position) is left out.
        cause: identifier of the present call, noted where it adds context.
    """

    local: bool
    cause: int

    def __call__(self, value: Value) -> Footprint | None:
        """The footprint of a value; None where it sees nothing of the input."""

    def constant(self, value: Value) -> NDArray[np.int64] | None:
        """The numbers of a value that does not depend on the input; None where they cannot be had."""

    def union(self, parts: list[Footprint | None], shape: tuple[int, ...]) -> Footprint | None:
        """Join what several operands see, broadcast to a shape."""

    def concat(
        self, parts: list[Footprint | None], dim: int, counts: list[int], shape: tuple[int, ...]
    ) -> Footprint | None:
        """Put tensors side by side."""


Rule = Callable[[Call, See], Result]


@dataclass(frozen=True, slots=True)
class Window:
    """Geometry of an operator that slides, per spatial dimension; ``padding`` is the one before the first unit."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule, and how to read the geometry of a call where the operator has one."""

    rule: Rule
    window: Callable[[Call], Window | None] | None = None


TABLE: dict[Any, Entry] = {}


def rule(*ops: Any, window: Callable[[Call], Window | None] | None = None) -> Callable[[Rule], Rule]:
    """Register a rule for operators, e.g. ``@rfkit.rule(torch.ops.mylib.blur.default)``.

    An operator is an ``OpOverload`` or, for all its overloads, an ``OpOverloadPacket``. An in-place operator uses the rule of its
    functional form.

    Raises:
        ValueError: if an operator already has a rule.
    """

    def register(function: Rule) -> Rule:
        for op in ops:
            if op in TABLE:
                raise ValueError(f"{op} has two rules: {TABLE[op].rule.__name__} and {function.__name__}")
            TABLE[op] = Entry(function, window)
        _FOUND.clear()
        return function

    return register


def present(*names: str) -> list[Any]:
    """Those of ATen's operators that this version of PyTorch has."""
    return [getattr(torch.ops.aten, name) for name in names if hasattr(torch.ops.aten, name)]


_FOUND: dict[Any, Entry | None] = {}


def find(op: Any) -> Entry | None:
    """The entry of an operator: its own, that of all its overloads, of its functional form, or of pointwise operators."""
    try:
        return _FOUND[op]
    except KeyError:
        entry = _FOUND[op] = _search(op)
        return entry


def _search(op: Any) -> Entry | None:
    if op in TABLE:
        return TABLE[op]
    packet = getattr(op, "overloadpacket", None)
    if packet is None:
        return None
    if packet in TABLE:
        return TABLE[packet]
    if torch.Tag.pointwise in op.tags:
        return Entry(pointwise)
    name = packet.__name__
    if name.endswith("_") and not name.endswith("__"):
        functional = getattr(getattr(torch.ops, op.namespace), name[:-1], None)
        if functional is not None:
            return TABLE.get(getattr(functional, op._overloadname, None)) or TABLE.get(functional)
    return None


def pointwise(call: Call, see: See) -> Footprint | None:
    """Everything that makes each element from the elements at the same place (broadcast) of its operands."""
    return see.union([see(v) for v in call.inputs], call.output.shape)
