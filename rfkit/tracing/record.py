"""The frozen record of one forward: which operators ran, on which values, inside which module calls.

A trace is in single-assignment form: an in-place operator makes a new ``Value`` of the tensor it wrote, a write through a view
also makes one of the tensor viewed (``WRITE``), and a view read after such a write is taken anew. So a rule only ever sees
values in and values out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

Op = Any
"""An ``OpOverload``, or ``WRITE``."""

WRITE = "rfkit::write"
"""The operator ``WRITE(base, part, view, index)``: the base with what output ``index`` of the call ``view`` shows replaced."""


# One Value and one Call are made per operator while the model runs; ``frozen=True`` would triple the time that takes.
# Nothing changes them afterwards.


@dataclass(slots=True, eq=False)
class Value:
    """One version of one tensor."""

    index: int
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def nbytes(self) -> int:
        """Bytes that its elements take."""
        n = self.dtype.itemsize
        for size in self.shape:
            n *= size
        return n


@dataclass(slots=True, eq=False)
class Call:
    """One operator that ran. Tensors among the arguments are ``Value``; ``outputs`` has None where it returned none.

    Attributes:
        op: the operator.
        args, kwargs: what it was called with.
        inputs: all values among its arguments, in order.
        outputs: what it returned, or wrote.
        scope: index of the module call it ran in, -1 outside any.
        tick: its place in the order of everything that happened.
        allocates: whether its outputs are new memory (neither views nor written in place).
    """

    op: Op
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Value, ...]
    outputs: tuple[Value | None, ...]
    scope: int
    tick: int
    allocates: bool

    @property
    def output(self) -> Value:
        """What it returned first; raises ValueError for an operator that returns no tensor."""
        first = self.outputs[0] if self.outputs else None
        if first is None:
            raise ValueError(f"{self.op} returned no tensor")
        return first

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument, however it was passed."""
        if len(self.args) > position:
            return self.args[position]
        return self.kwargs.get(name, default)

    def bound(self) -> dict[str, Any]:
        """All arguments that were passed, by their names in the operator's schema."""
        names = (a.name for a in self.op._schema.arguments)
        return {**dict(zip(names, self.args, strict=False)), **self.kwargs}


@dataclass(frozen=True, slots=True, eq=False)
class ModuleCall:
    """One call of one module.

    Attributes:
        name: dotted path of the module, empty for the network itself.
        type: its class name.
        leaf: whether it has no children.
        builtin: whether its class is PyTorch's own.
        inputs, outputs: the tensors it was given and returned.
        enter, exit: its places in the order of everything that happened.
    """

    name: str
    type: str
    leaf: bool
    builtin: bool
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    enter: int
    exit: int


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A parameter of the model: its name, the module that owns it, and its number of elements."""

    name: str
    owner: str
    count: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a model holds, shared tensors once: numbers of elements."""

    parameters: int
    trainable: int
    buffers: int


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One forward of one model.

    Attributes:
        inputs: the input tensors, in order.
        outputs: the output tensors, in order.
        calls: the operators, in order.
        modules: the module calls, in the order in which they began.
        parameters: by value index, the parameters that were read.
        constants: by value index, tensors that do not come from the input and whose numbers are at hand.
        leaves: class by name of every module without children.
        inventory: what the model holds.
        device: "meta", or the device on which real numbers were computed.
        places: by tick of an operator or of a module call's beginning, the file and line of the model that ran it, where
            that was asked for.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    calls: tuple[Call, ...]
    modules: tuple[ModuleCall, ...]
    parameters: Mapping[int, Parameter]
    constants: Mapping[int, torch.Tensor]
    leaves: Mapping[str, type]
    inventory: Inventory
    device: str
    places: Mapping[int, tuple[str, int]] = field(default_factory=dict)
