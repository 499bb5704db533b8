"""Run a recorded forward again, on real numbers and with gradients, up to the values that are wanted.

A trace is in single-assignment form, so every version of every tensor is at hand, also what an in-place operator overwrote
and what no module returned; the model's own code, its hooks and its modes are not touched. What depends on the input is
computed again, parameters and buffers are read where the model keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rfkit.tracing import WRITE, Call, Trace, Value
from rfkit.tracing.record import Op

aten = torch.ops.aten

_SAME: dict[Op, Op] = {aten.view.default: aten.reshape.default, aten._unsafe_view.default: aten.reshape.default}
"""Copies that stand in for overwritten tensors may have other strides."""


class Replay:
    """The part of a trace that some values depend on, as a function of the input.

    Args:
        trace: recorded with the model's real parameters in it, on ``meta`` or not.
        wanted: values of it.
    """

    def __init__(self, trace: Trace, wanted: Sequence[Value]) -> None:
        self.trace, self.wanted = trace, tuple(wanted)
        needed = {value.index for value in wanted}
        calls = []
        for call in reversed(trace.calls):
            if any(v is not None and v.index in needed for v in call.outputs):
                calls.append(call)
                needed.update(v.index for v in call.inputs)
        self.calls = tuple(reversed(calls))

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The wanted values, differentiable with respect to the inputs."""
        at_hand = {value.index: tensor for value, tensor in zip(self.trace.inputs, inputs, strict=True)}
        run = _Run(self.trace, at_hand)
        for call in self.calls:
            run.step(call)
        return [run.read(value) for value in self.wanted]


class _Run:
    """One replay: the tensors so far, by value index."""

    def __init__(self, trace: Trace, at_hand: dict[int, Tensor]) -> None:
        self.trace, self.at_hand = trace, at_hand

    def step(self, call: Call) -> None:
        """Run one call."""
        if call.op is WRITE:
            self.at_hand[call.output.index] = self._written(*call.args)
            return
        args = [self._filled(arg) for arg in call.args]
        kwargs = {name: self._filled(arg) for name, arg in call.kwargs.items() if name != "pin_memory"}
        for position, argument in enumerate(call.op._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                if position < len(args):
                    args[position] = _copied(args[position])
                elif argument.name in kwargs:
                    kwargs[argument.name] = _copied(kwargs[argument.name])
        op: Op = _SAME.get(call.op, call.op)
        results = op(*args, **kwargs)
        results = results if isinstance(results, (tuple, list)) else (results,)
        self.at_hand.update(
            (value.index, tensor) for value, tensor in zip(call.outputs, results, strict=True) if value is not None
        )

    def read(self, value: Value) -> Tensor:
        """A value's tensor; one that no call made is a parameter, a buffer or a constant, else fresh memory."""
        if value.index not in self.at_hand:
            known = self.trace.constants.get(value.index)
            if known is None:
                self.at_hand[value.index] = torch.zeros(value.shape, dtype=value.dtype)
            else:
                known = known.detach().cpu()
                self.at_hand[value.index] = known.clone() if known.is_inference() else known
        return self.at_hand[value.index]

    def _filled(self, arg: Any) -> Any:
        """An argument with tensors for values, on the CPU."""
        if isinstance(arg, Value):
            return self.read(arg)
        if isinstance(arg, (list, tuple)):
            return [self._filled(item) for item in arg]
        return torch.device("cpu") if isinstance(arg, torch.device) else arg

    def _written(self, base: Value, part: Value, view: Call, index: int) -> Tensor:
        """``base`` with the elements that a view of it shows replaced by ``part``."""
        whole = self.read(base)
        places = torch.arange(whole.numel()).reshape(whole.shape)
        places = torch.empty_like(whole, dtype=torch.int64).copy_(places)
        arguments = view.op._schema.arguments
        viewed = next((i for i, a in enumerate(arguments) if a.alias_info is not None), 0)
        args = [places if i == viewed else self._filled(arg) for i, arg in enumerate(view.args)]
        op: Op = _SAME.get(view.op, view.op)
        shown = op(*args, **view.kwargs)
        shown = shown[index] if isinstance(shown, (tuple, list)) else shown
        flat = whole.reshape(-1).index_copy(0, shown.reshape(-1), self.read(part).reshape(-1))
        return flat.reshape(whole.shape)


def _copied(arg: Any) -> Any:
    if isinstance(arg, list):
        return [_copied(item) for item in arg]
    return arg.clone() if isinstance(arg, Tensor) else arg
