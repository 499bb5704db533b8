"""A record with changes made to it: modules that change are recorded anew, or their weights reshaped.

What reads another shape than before is calculated again, and everything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from math import prod
from typing import Any

import torch
from torch import nn

from rfkit.forward import record
from rfkit.suggesting.edits import Change, by_layer
from rfkit.suggesting.network import CALL, ENTER, SPREAD, Network
from rfkit.suggesting.rebuild import rebuilt
from rfkit.suggesting.reshaping import Reshaped, keeps_operators, reshaped
from rfkit.suggesting.shapes import Misfit, refitted, shapes_of, with_values
from rfkit.tracing import Call, ForwardError, ModuleCall, Parameter, Trace, Value
from rfkit.tracing.capture import inventory
from rfkit.tracing.record import Inventory

aten = torch.ops.aten

_WEIGHTED = {
    aten.addmm.default, aten.convolution.default, aten.mm.default, aten.native_batch_norm.default, aten.t.default,
}  # fmt: skip
"""What PyTorch's convolutions, norms and linear layers run without numbers."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What changes of a record. A tensor that keeps its shape stays the same value, whatever makes it now.

    Attributes:
        changed: the operators that read something new, or that the record did not have, in their order.
        anew: ticks of those among them that stand for other operators, or for ones with other weights.
        dropped: places of the record's calls that are gone, or that a changed one stands for.
        outputs: of the network.
        modules: the module calls.
        parameters: by value index, those that are read.
        leaves: what took a module's place, by its name.
        inventory: what the network holds.
    """

    changed: tuple[Call, ...]
    anew: frozenset[int]
    dropped: frozenset[int]
    outputs: tuple[Value, ...]
    modules: tuple[ModuleCall, ...]
    parameters: Mapping[int, Parameter]
    leaves: Mapping[str, Mapping[str, type]]
    inventory: Inventory

    def trace(self, before: Trace) -> Trace:
        """The whole record, from the one that the changes were made to."""
        kept = [call for i, call in enumerate(before.calls) if i not in self.dropped]
        leaves = {
            _joined(name, inner): kind
            for name, own in before.leaves.items()
            for inner, kind in self.leaves.get(name, {"": own}).items()
        }
        return replace(
            before,
            outputs=self.outputs,
            calls=tuple(sorted([*kept, *self.changed], key=lambda call: call.tick)),
            modules=self.modules,
            parameters=self.parameters,
            leaves=leaves,
            inventory=self.inventory,
        )


class Fragments:
    """Records of modules that take others' places, each made once for all modules that are alike."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._made: dict[tuple[str, tuple[Change, ...], tuple[int, ...]], Trace] = {}

    def of(self, name: str, changes: tuple[Change, ...], shape: tuple[int, ...]) -> Trace:
        """The record of what takes a module's place, on an input of a shape.

        Raises:
            Misfit: if it does not take that shape.
        """
        module = self.network.model.get_submodule(name)
        key = (_description(module), tuple(replace(change, layer="") for change in changes), shape)
        if key not in self._made:
            self._made[key] = self._record(module, changes, shape)
        return self._made[key]

    def _record(self, old: nn.Module, changes: tuple[Change, ...], shape: tuple[int, ...]) -> Trace:
        dtype = self.network.dtype
        module = rebuilt(old, changes, {"device": "meta", "dtype": dtype})
        try:
            found = record(module, torch.empty(shape, device="meta"), dtype, "meta")
        except ForwardError as error:
            raise Misfit(f"{type(old).__name__} does not take {shape}: {error.__cause__}") from error
        if len(found.outputs) != 1 or (found.calls and found.calls[-1].tick >= SPREAD):
            raise Misfit(f"{type(old).__name__} is not one layer")
        return found


def _description(module: nn.Module) -> str:
    """Its class, its attributes and what it holds, the numbers left out."""
    own = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    held = [(key, p.shape, p.requires_grad) for key, p in module.named_parameters()]
    return f"{type(module)} {own} {held} {[(key, b.shape) for key, b in module.named_buffers()]}"


def replay(network: Network, changes: tuple[Change, ...], fragments: Fragments) -> Replayed:
    """What changes of the network's record with changes made to its modules.

    Raises:
        Misfit: if they cannot be made, or what follows them does not fit.
    """
    return _Replay(network, by_layer(changes), fragments).run()


class _Replay:
    def __init__(self, network: Network, changes: Mapping[str, tuple[Change, ...]], fragments: Fragments) -> None:
        self.network, self.changes, self.fragments = network, changes, fragments
        trace = network.trace
        self.new: dict[int, Value] = {}
        self.changed: list[Call] = []
        self.anew: set[int] = set()
        self.dropped: set[int] = set()
        self.modules: list[ModuleCall] = list(trace.modules)
        self.parameters = {k: p for k, p in trace.parameters.items() if p.owner not in changes}
        self.replaced = {i for i, m in enumerate(trace.modules) if m.name in changes}
        self.kept: dict[int, Reshaped] = {}
        self.used: dict[str, Trace | Reshaped] = {}
        self.values = network.values
        self.pending: list[int] = []
        self.at = -1

    def run(self) -> Replayed:
        network = self.network
        self.pending = [p for p, (_, kind, i) in enumerate(network.events) if kind == ENTER and i in self.replaced]
        heapify(self.pending)
        while self.pending:
            place = heappop(self.pending)
            if place > self.at:
                self.at = place
                self._happen(*network.events[place][1:])
        if self.changes.keys() - self.used.keys():
            raise Misfit("what is changed never runs")
        parts = ((name, part) for name, part in self.used.items() if isinstance(part, Trace))
        return Replayed(
            changed=tuple(self.changed),
            anew=frozenset(self.anew),
            dropped=frozenset(self.dropped),
            outputs=tuple(map(self._value, network.trace.outputs)),
            modules=tuple(self.modules),
            parameters=self.parameters,
            leaves={name: part.leaves for name, part in parts},
            inventory=self._inventory(),
        )

    def _happen(self, kind: int, i: int) -> None:
        if kind == CALL:
            if i not in self.dropped:
                self._call(i)
        elif i not in self.replaced:
            self._module(i, kind)
        elif kind == ENTER:
            self._change(i)
        elif i in self.kept:
            self._module(i, kind)

    def _value(self, value: Value) -> Value:
        return self.new.get(value.index, value)

    def _fresh(self, shape: Sequence[int], dtype: torch.dtype) -> Value:
        self.values += 1
        return Value(self.values, tuple(shape), dtype)

    def _put(self, old: Value, new: Value) -> None:
        """Let everything from here on that read a tensor read another."""
        self.new[old.index] = new
        for place in self.network.readers.get(old.index, ()):
            if place > self.at:
                heappush(self.pending, place)

    # -- modules --------------------------------------------------------------------------------------------------

    def _module(self, i: int, kind: int) -> None:
        """Give a module call the values that it has now been given, or has now returned."""
        module = self.modules[i]
        if kind == ENTER:
            self.modules[i] = replace(module, inputs=tuple(map(self._value, module.inputs)))
        else:
            self.modules[i] = replace(module, outputs=tuple(map(self._value, module.outputs)))

    def _change(self, i: int) -> None:
        module = self.network.trace.modules[i]
        if not module.leaf or len(module.inputs) != 1 or len(module.outputs) != 1:
            raise Misfit(f"{module.name} has modules inside, or not one input and one output")
        if keeps_operators(self.changes[module.name]) and self._owns_weights(i):
            self._reshape(i)
        else:
            self._splice(i)

    def _own(self, i: int) -> list[tuple[int, Call]]:
        """The operators of a module call: their places among the events, and themselves."""
        network = self.network
        return [(place, network.trace.calls[network.events[place][2]]) for place in network.owned.get(i, ())]

    def _owns_weights(self, i: int) -> bool:
        """Whether the operators of one call of a module, of the usual ones, and nothing else, read its weights."""
        calls = [call for _, call in self._own(i)]
        made = {v.index for call in calls for v in call.outputs if v is not None}
        weights = {v.index for call in calls for v in call.inputs} - made - {self.modules[i].inputs[0].index}
        inside = {place for place, _ in self._own(i)}
        usual = all(call.op in _WEIGHTED for call in calls)
        return usual and bool(weights) and all(inside.issuperset(self.network.readers[w]) for w in weights)

    def _reshape(self, i: int) -> None:
        """Let a module's operators read weights of other shapes."""
        module = self.modules[i]
        self._module(i, ENTER)
        part = reshaped(self.network.model.get_submodule(module.name), self.changes[module.name])
        self.kept[i] = self.used[module.name] = part
        made = {module.inputs[0].index}
        for place, call in self._own(i):
            for v in call.inputs:
                if v.index not in made and v.index not in self.new:
                    self.new[v.index] = self._weight(v, part)
            made |= {v.index for v in call.outputs if v is not None}
            heappush(self.pending, place)

    def _weight(self, old: Value, part: Reshaped) -> Value:
        new = self._fresh(part.shapes.get(len(old.shape), old.shape), old.dtype)
        parameter = self.network.trace.parameters.get(old.index)
        if parameter is not None:
            self.parameters[new.index] = replace(parameter, count=prod(new.shape))
        return new

    def _splice(self, i: int) -> None:
        """Put the record of what takes a module's place where the module's own was."""
        module = self.network.trace.modules[i]
        source = self._value(module.inputs[0])
        part = self.fragments.of(module.name, self.changes[module.name], source.shape)
        self.used[module.name] = part
        self.dropped.update(self.network.events[place][2] for place, _ in self._own(i))
        inside = {part.inputs[0].index: source}
        before, after = module.outputs[0], part.outputs[0]
        alike = (before.shape, before.dtype) == (after.shape, after.dtype)
        if alike and after is not part.inputs[0] and before is not module.inputs[0]:
            inside[after.index] = before
        scopes = [i, *range(len(self.modules), len(self.modules) + len(part.modules) - 1)]
        for call in part.calls:
            self._add(_moved(call, inside, self, scopes, module.enter))
        for index, parameter in part.parameters.items():
            owner = _joined(module.name, parameter.owner)
            name = _joined(module.name, parameter.name)
            self.parameters[inside[index].index] = Parameter(name, owner, parameter.count)
        for scope, each in zip(scopes, part.modules, strict=True):
            name = _joined(module.name, each.name) if each.name else module.name
            moved = replace(
                each,
                name=name,
                inputs=tuple(inside[v.index] for v in each.inputs),
                outputs=tuple(inside[v.index] for v in each.outputs),
                enter=module.enter + each.enter,
                exit=module.enter + each.exit,
            )
            if scope == i:
                self.modules[i] = replace(moved, exit=module.exit)
            else:
                self.modules.append(moved)
        if inside[after.index] is not before:
            self._put(before, inside[after.index])

    # -- operators ------------------------------------------------------------------------------------------------

    def _add(self, call: Call) -> None:
        self.changed.append(call)
        self.anew.add(call.tick)

    def _call(self, i: int) -> None:
        call = self.network.trace.calls[i]
        args = tuple([with_values(arg, self._value) for arg in call.args])
        kwargs = {key: with_values(arg, self._value) for key, arg in call.kwargs.items()}
        inputs = tuple(map(self._value, call.inputs))
        part = self.kept.get(call.scope)
        same = part is None and all([a.shape == b.shape for a, b in zip(inputs, call.inputs, strict=True)])
        outputs = call.outputs
        if part is not None:
            self.anew.add(call.tick)
            args = _slid(call, args, part)
        if not same:
            args = refitted(call, args)
            outputs = tuple(map(self._made, call.outputs, shapes_of(call, args, kwargs)))
        self.dropped.add(i)
        self.changed.append(Call(call.op, args, kwargs, inputs, outputs, call.scope, call.tick, call.allocates))

    def _made(self, old: Value | None, shape: tuple[int, ...] | None) -> Value | None:
        if old is None or shape is None or shape == old.shape:
            return old if shape is not None else None
        new = self._fresh(shape, old.dtype)
        self._put(old, new)
        return new

    # -- the whole ------------------------------------------------------------------------------------------------

    def _inventory(self) -> Inventory:
        total = self.network.trace.inventory
        for name, part in self.used.items():
            before, after = inventory([*self.network.model.get_submodule(name).modules()]), part.inventory
            total = Inventory(
                total.parameters - before.parameters + after.parameters,
                total.trainable - before.trainable + after.trainable,
                total.buffers - before.buffers + after.buffers,
            )
        return total


def _slid(call: Call, args: tuple[Any, ...], part: Reshaped) -> tuple[Any, ...]:
    """Arguments of a convolution with another window; those of any other operator stay as they are."""
    if part.sliding is None or call.op is not aten.convolution.default:
        return args
    *window, groups = part.sliding
    return (*args[:3], *window, *args[6:8], groups)


def _joined(name: str, inner: str) -> str:
    return f"{name}.{inner}" if inner else name


def _moved(call: Call, inside: dict[int, Value], into: _Replay, scopes: Sequence[int], tick: int) -> Call:
    """A call of a fragment as one of the whole; ``inside`` are the whole's values by those of the fragment."""

    def value(v: Value) -> Value:
        if v.index not in inside:
            inside[v.index] = into._fresh(v.shape, v.dtype)
        return inside[v.index]

    return Call(
        call.op,
        tuple(with_values(arg, value) for arg in call.args),
        {key: with_values(arg, value) for key, arg in call.kwargs.items()},
        tuple(map(value, call.inputs)),
        tuple(v and value(v) for v in call.outputs),
        scopes[call.scope],
        tick + call.tick,
        call.allocates,
    )
