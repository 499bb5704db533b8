"""The recorder: hooks and a dispatch mode that turn one forward into a trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from rfkit.tracing.failure import ForwardError, wants
from rfkit.tracing.places import running_line
from rfkit.tracing.record import WRITE, Call, Inventory, ModuleCall, Op, Parameter, Trace, Value
from rfkit.tracing.shortcuts import SHORTCUTS


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists, dicts and dataclasses (or other plain objects one level deep), in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from tensors_in(getattr(value, field.name))
    elif hasattr(value, "tensors") and isinstance(value.tensors, (torch.Tensor, list, tuple)):
        yield from tensors_in(value.tensors)


@dataclass(frozen=True, slots=True)
class _Aliasing:
    """What an operator's schema says: which arguments it writes, and which one its result is a view of (-1: none)."""

    written: tuple[tuple[int, str], ...]
    viewed: int


@cache
def _aliasing(op: Op) -> _Aliasing:
    arguments = op._schema.arguments
    marked = [(i, a.name) for i, a in enumerate(arguments) if a.alias_info is not None]
    written = tuple((i, n) for i, n in marked if arguments[i].alias_info.is_write)
    viewed = next((i for i, _ in marked if not arguments[i].alias_info.is_write), -1)
    return _Aliasing(written, viewed)


_EMPTY = torch.ops.aten.empty.memory_format
"""Uninitialised memory: nothing to record, and batch norm makes some at every call."""


@dataclass(slots=True, eq=False)
class _State:
    """A live tensor: its newest value, and, of a view, where it was taken from and when."""

    value: Value
    version: int = 0
    base: _State | None = None
    view: Call | None = None
    output: int = 0
    seen: int = 0


class Recorder(TorchDispatchMode):
    """Follows every tensor of one forward.

    ``named`` are the model's modules, ``real`` the tensors behind ``meta`` twins; ``places``: note where the model's code is.
    """

    def __init__(
        self,
        named: Sequence[tuple[str, nn.Module]],
        real: Mapping[int, torch.Tensor],
        device: str,
        places: bool = False,
    ) -> None:
        super().__init__()
        self.device = device
        self.places: dict[int, tuple[str, int]] | None = {} if places else None
        self.real = real
        self.tick = 0
        self.values = 0
        self.calls: list[Call] = []
        self.states: dict[int, _State] = {}
        self.alive: list[torch.Tensor] = []
        self.constants: dict[int, torch.Tensor] = {}
        self.parameters: dict[int, Parameter] = {}
        self.modules: list[ModuleCall] = []
        self.open: list[tuple[nn.Module, int, tuple[Value, ...], int]] = []
        self.scope = -1
        self.names = {id(m): n for n, m in named}
        self.leaves = {n: type(m) for n, m in named if not _children(m) and ".parametrizations." not in n}
        self.owned: dict[int, Parameter] = {}
        for owner, module in named:
            for name, p in module._parameters.items():
                if p is not None:
                    self.owned.setdefault(id(p), Parameter(f"{owner}.{name}".lstrip("."), owner, p.numel()))

    # -- values ---------------------------------------------------------------------------------------------------

    def new_value(self, tensor: torch.Tensor) -> Value:
        """A value of its own for a tensor as it is now."""
        value = Value(self.values, tuple(tensor.shape), tensor.dtype)
        self.values += 1
        return value

    def admit(self, tensor: torch.Tensor, known: bool = False) -> Value:
        """Begin to follow a tensor that no recorded operator made: an input, a parameter, a constant."""
        state = _State(self.new_value(tensor))
        self.states[id(tensor)] = state
        self.alive.append(tensor)
        if known:
            owned = self.owned.get(id(tensor))
            if owned is not None:
                self.parameters[state.value.index] = owned
            real = self.real.get(id(tensor), tensor)
            if not real.is_meta:
                self.constants[state.value.index] = real
        return state.value

    def read(self, tensor: torch.Tensor) -> Value:
        """The newest value of a tensor; one never seen before is a parameter, a buffer or a constant."""
        state = self.states.get(id(tensor))
        return self.admit(tensor, known=True) if state is None else self.refresh(state)

    def refresh(self, state: _State) -> Value:
        """The newest value of a tensor; a view of something written since is taken anew."""
        base = state.base
        if base is None or state.view is None:
            return state.value
        source = self.refresh(base)
        if base.version != state.seen:
            view = state.view
            outputs = [None if v is None else Value(self._number(), v.shape, v.dtype) for v in view.outputs]
            position = max(_aliasing(view.op).viewed, 0)
            args = (*view.args[:position], source, *view.args[position + 1 :])
            self.add(view.op, args, view.kwargs, (source,), outputs, allocates=False)
            fresh = outputs[state.output]
            assert fresh is not None
            state.value, state.seen, state.version = fresh, base.version, state.version + 1
        return state.value

    def _number(self) -> int:
        self.values += 1
        return self.values - 1

    def write(self, state: _State, value: Value) -> None:
        """Give a tensor a new value, and with it whatever it is a view of."""
        state.value = value
        state.version += 1
        base, view = state.base, state.view
        if base is not None and view is not None:
            whole = self.refresh(base)
            result = Value(self._number(), whole.shape, whole.dtype)
            self.add(WRITE, (whole, value, view, state.output), {}, (whole, value), [result], allocates=False)
            self.write(base, result)
            state.seen = base.version

    # -- operators ------------------------------------------------------------------------------------------------

    def add(
        self,
        op: Op,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        inputs: tuple[Value, ...],
        outputs: Sequence[Value | None],
        allocates: bool,
    ) -> Call:
        """Record a call as the next thing that happened."""
        call = Call(op, args, kwargs, inputs, tuple(outputs), self.scope, self.tick, allocates)
        self._note_place()
        self.tick += 1
        self.calls.append(call)
        return call

    def _note_place(self) -> None:
        if self.places is not None and (place := running_line()) is not None:
            self.places[self.tick] = place

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not to be wrapped: the wrapper imports PyTorch's compiler, which takes longer than all else together."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        quick = SHORTCUTS.get(func)
        result = NotImplemented if quick is None else quick(*args, **kwargs)
        if result is NotImplemented:
            args, result = self._run(func, args, kwargs)
        self.record(func, args, kwargs, result)
        return result

    def _run(self, func: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        try:
            return args, func(*args, **kwargs)
        except RuntimeError:
            moved = self._without_mixed_devices(args) if self.device == "meta" else args
            if moved is args:
                raise
            return moved, func(*moved, **kwargs)

    def _without_mixed_devices(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Move constants made on the CPU next to the ``meta`` tensors they meet; their numbers stay known."""
        devices = {
            t.device.type
            for a in args
            for t in (a if isinstance(a, (list, tuple)) else (a,))
            if isinstance(t, torch.Tensor)
        }
        if len(devices) < 2:
            return args
        return tuple([self._twin(t) for t in a] if isinstance(a, (list, tuple)) else self._twin(a) for a in args)

    def _twin(self, tensor: Any) -> Any:
        if not isinstance(tensor, torch.Tensor) or tensor.device.type == "meta" or tensor.dim() == 0:
            return tensor
        twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
        self.states[id(twin)] = _State(self.read(tensor))
        self.alive.append(twin)
        return twin

    def record(self, func: Op, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """Turn one call on tensors into one on values."""
        if func is _EMPTY:
            return
        aliasing = _aliasing(func)
        inputs: list[Value] = []
        read_args = tuple([self._values(a, inputs) for a in args])
        read_kwargs = {k: self._values(v, inputs) for k, v in kwargs.items()} if kwargs else kwargs
        results = result if isinstance(result, (tuple, list)) else (result,)
        fresh = [self.new_value(r) if isinstance(r, torch.Tensor) else None for r in results]
        viewed = aliasing.viewed
        call = self.add(func, read_args, read_kwargs, tuple(inputs), fresh, viewed < 0 and not aliasing.written)
        if aliasing.written:
            self._write_results(call, args, kwargs, results)
            return
        base = self.states[id(args[viewed])] if 0 <= viewed < len(args) else None
        for i, (tensor, value) in enumerate(zip(results, fresh, strict=True)):
            if value is None:
                continue
            if base is not None and tensor is not args[viewed]:
                self.follow(tensor, _State(value, 0, base, call, i, base.version))
            else:
                self.follow(tensor, _State(value))

    def follow(self, tensor: torch.Tensor, state: _State) -> None:
        """Keep a tensor alive, what is known of it, and its numbers if an index may be read from it."""
        self.states[id(tensor)] = state
        self.alive.append(tensor)
        if not tensor.is_meta and (self.device == "meta" or not tensor.is_floating_point()):
            self.constants[state.value.index] = tensor

    def _write_results(
        self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any], results: Sequence[Any]
    ) -> None:
        """Give what an operator wrote its new values."""
        targets = [args[i] if i < len(args) else kwargs.get(n) for i, n in _aliasing(call.op).written]
        written = {id(t) for t in targets if isinstance(t, torch.Tensor)}
        for tensor, value in zip(results, call.outputs, strict=True):
            if value is None:
                continue
            state = self.states.get(id(tensor))
            if id(tensor) not in written or state is None:
                self.follow(tensor, _State(value))
                continue
            if not tensor.is_meta:
                self.constants[value.index] = tensor
            if torch.Tag.inplace_view in call.op.tags:
                before = dataclasses.replace(state)
                state.value, state.base, state.view, state.seen = value, before, call, before.version
                state.version += 1
            else:
                self.write(state, value)

    def _values(self, arg: Any, inputs: list[Value]) -> Any:
        """An argument with its tensors replaced by their values, which are also added to ``inputs``."""
        if isinstance(arg, torch.Tensor):
            value = self.read(arg)
            inputs.append(value)
            return value
        if (type(arg) is list or type(arg) is tuple) and arg and type(arg[0]) is not int:
            return [self._values(a, inputs) for a in arg]
        return arg

    def _reads(self, arg: Any) -> tuple[Value, ...]:
        """The values of all tensors in what a module was given or returned."""
        if type(arg) is torch.Tensor:
            return (self.read(arg),)
        return tuple([self.read(t) for t in tensors_in(arg)])

    # -- modules --------------------------------------------------------------------------------------------------

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record operators and module calls until the end of the block; raises ForwardError from what is raised inside."""
        handles = [
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._exit, always_call=False),
        ]
        try:
            with self:
                yield
        except Exception as error:
            raise self._failure() from error
        finally:
            for handle in handles:
                handle.remove()

    def _failure(self) -> ForwardError:
        if not self.open:
            return ForwardError("", "", "", ())
        module, _, inputs, _ = self.open[-1]
        return ForwardError(
            self.names.get(id(module), ""), type(module).__name__, wants(module), [v.shape for v in inputs]
        )

    def _enter(self, module: nn.Module, args: Any) -> None:
        given = self._reads(args[0] if len(args) == 1 else args)
        self.modules.append(None)  # type: ignore[arg-type]
        self.open.append((module, len(self.modules) - 1, given, self.tick))
        self.scope = len(self.modules) - 1
        self._note_place()
        self.tick += 1

    def _exit(self, module: nn.Module, _: Any, output: Any) -> None:
        while self.open and self.open[-1][0] is not module:
            self._close(())
        if self.open:
            self._close(self._reads(output))

    def _close(self, outputs: tuple[Value, ...]) -> None:
        module, index, inputs, enter = self.open.pop()
        kind = type(module)
        name = self.names.get(id(module))
        if name is None:
            parent = self.open[-1] if self.open else None
            outer = self.names.get(id(parent[0]), "") if parent else ""
            name = f"{outer}.{kind.__name__}".lstrip(".")
        self.modules[index] = ModuleCall(
            name,
            kind.__name__.removeprefix("Parametrized"),
            not _children(module) and ".parametrizations." not in name,
            kind.__module__.startswith("torch.nn."),
            inputs,
            outputs,
            enter,
            self.tick,
        )
        self.scope = self.open[-1][1] if self.open else -1
        self.tick += 1

    def finish(self, roots: tuple[Value, ...], output: Any, inventory: Inventory) -> Trace:
        """The record of everything seen."""
        while self.open:
            self._close(())
        outputs = tuple(self.read(t) for t in tensors_in(output))
        return Trace(
            roots,
            outputs,
            tuple(self.calls),
            tuple(self.modules),
            self.parameters,
            self.constants,
            self.leaves,
            inventory,
            self.device,
            self.places or {},
        )


def _children(module: nn.Module) -> bool:
    """Whether a module has modules inside; those that compute its weights do not count."""
    return any(child is not None and name != "parametrizations" for name, child in module._modules.items())
