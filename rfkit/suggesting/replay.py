"""A record with changes made to it: the modules that change are recorded anew, everything behind them is calculated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from rfkit.forward import record
from rfkit.suggesting.edits import Change, by_layer
from rfkit.suggesting.network import CALL, ENTER, SPREAD, Network
from rfkit.suggesting.rebuild import rebuilt
from rfkit.suggesting.shapes import Misfit, refitted, shapes_of, with_values
from rfkit.tracing import Call, ForwardError, ModuleCall, Parameter, Trace, Value
from rfkit.tracing.capture import inventory
from rfkit.tracing.record import Inventory


@dataclass(frozen=True, slots=True)
class Replayed:
    """A record with changes made, and those of its calls that read or make something new."""

    trace: Trace
    changed: tuple[Call, ...]


class Fragments:
    """Records of modules that take others' places, each made once."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._made: dict[tuple[str, tuple[Change, ...], tuple[int, ...]], Trace] = {}

    def of(self, name: str, changes: tuple[Change, ...], shape: tuple[int, ...]) -> Trace:
        """The record of what takes a module's place, on an input of a shape.

        Raises:
            Misfit: if it does not take that shape.
        """
        key = (name, changes, shape)
        if key not in self._made:
            self._made[key] = self._record(name, changes, shape)
        return self._made[key]

    def _record(self, name: str, changes: tuple[Change, ...], shape: tuple[int, ...]) -> Trace:
        dtype = self.network.dtype
        module = rebuilt(self.network.model.get_submodule(name), changes, {"device": "meta", "dtype": dtype})
        try:
            found = record(module, torch.empty(shape, device="meta"), dtype, "meta")
        except ForwardError as error:
            raise Misfit(f"{name} does not take {shape}: {error.__cause__}") from error
        if len(found.outputs) != 1 or (found.calls and found.calls[-1].tick >= SPREAD):
            raise Misfit(f"{name} is not one layer")
        return found


def replay(network: Network, changes: tuple[Change, ...], fragments: Fragments) -> Replayed:
    """The record that the network would leave with changes made to its modules.

    Raises:
        Misfit: if they cannot be made, or what follows them does not fit.
    """
    return _Replay(network, by_layer(changes), fragments).run()


class _Replay:
    def __init__(self, network: Network, changes: Mapping[str, tuple[Change, ...]], fragments: Fragments) -> None:
        self.network, self.changes, self.fragments = network, changes, fragments
        trace = network.trace
        self.new: dict[int, Value] = {}
        self.calls: list[Call] = []
        self.changed: list[Call] = []
        self.modules: list[ModuleCall] = list(trace.modules)
        self.parameters = {k: p for k, p in trace.parameters.items() if p.owner not in changes}
        self.replaced = {i for i, m in enumerate(trace.modules) if m.name in changes}
        self.used: dict[str, Trace] = {}
        self.values = network.values

    def run(self) -> Replayed:
        trace = self.network.trace
        for _, kind, i in self.network.events:
            if kind == CALL:
                if trace.calls[i].scope not in self.replaced:
                    self._call(trace.calls[i])
            elif i in self.replaced:
                if kind == ENTER:
                    self._splice(i)
            else:
                self._module(i, kind)
        if self.changes.keys() - self.used.keys():
            raise Misfit("what is changed never runs")
        return Replayed(self._trace(), tuple(self.changed))

    def _value(self, value: Value) -> Value:
        return self.new.get(value.index, value)

    def _fresh(self, shape: Sequence[int], dtype: torch.dtype) -> Value:
        self.values += 1
        return Value(self.values, tuple(shape), dtype)

    # -- modules --------------------------------------------------------------------------------------------------

    def _module(self, i: int, kind: int) -> None:
        """Give a module call the values that it has now been given, or has now returned."""
        module, new = self.modules[i], self.new
        values = module.inputs if kind == ENTER else module.outputs
        if any([v.index in new for v in values]):
            now = tuple(map(self._value, values))
            self.modules[i] = replace(module, inputs=now) if kind == ENTER else replace(module, outputs=now)

    def _splice(self, i: int) -> None:
        """Put the record of what takes a module's place where the module's own was."""
        module = self.network.trace.modules[i]
        if not module.leaf or len(module.inputs) != 1 or len(module.outputs) != 1:
            raise Misfit(f"{module.name} has modules inside, or not one input and one output")
        source = self._value(module.inputs[0])
        part = self.fragments.of(module.name, self.changes[module.name], source.shape)
        self.used[module.name] = part
        inside = {part.inputs[0].index: source}
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
        self.new[module.outputs[0].index] = inside[part.outputs[0].index]

    # -- operators ------------------------------------------------------------------------------------------------

    def _add(self, call: Call) -> None:
        self.calls.append(call)
        self.changed.append(call)

    def _call(self, call: Call) -> None:
        new = self.new
        if not any([v.index in new for v in call.inputs]):
            self.calls.append(call)
            return
        args = tuple([with_values(arg, self._value) for arg in call.args])
        kwargs = {key: with_values(arg, self._value) for key, arg in call.kwargs.items()}
        inputs = tuple(map(self._value, call.inputs))
        same = all([a.shape == b.shape for a, b in zip(inputs, call.inputs, strict=True)])
        if not same:
            args = refitted(call, args)
        shapes = [None if v is None else v.shape for v in call.outputs] if same else shapes_of(call, args, kwargs)
        outputs = tuple(
            [
                None if v is None or shape is None else self._fresh(shape, v.dtype)
                for v, shape in zip(call.outputs, shapes, strict=True)
            ]
        )
        new.update((v.index, n) for v, n in zip(call.outputs, outputs, strict=True) if v is not None and n is not None)
        self._add(Call(call.op, args, kwargs, inputs, outputs, call.scope, call.tick, call.allocates))

    # -- the whole ------------------------------------------------------------------------------------------------

    def _trace(self) -> Trace:
        trace = self.network.trace
        leaves: dict[str, type] = {}
        for name, kind in trace.leaves.items():
            part = self.used.get(name)
            leaves |= {name: kind} if part is None else {_joined(name, inner): t for inner, t in part.leaves.items()}
        return replace(
            trace,
            outputs=tuple(map(self._value, trace.outputs)),
            calls=tuple(self.calls),
            modules=tuple(self.modules),
            parameters=self.parameters,
            leaves=leaves,
            inventory=self._inventory(),
        )

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
