"""Whether torch, rfkit and what rfkit depends on are still what they were before a target's file ran.

Names are compared by the identity of what they stand for: functions, classes, methods, operators and modules, and in rfkit
everything. Functions are compared by their code and defaults, rfkit's tables and PyTorch's global hooks, modes and kernels
by their entries. What is added is looked at where it hides something that was there. PyTorch replaces a few of its own
functions when parts of it are imported late; that is its own code, and new.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch
from torch.nn.modules import module as module_hooks

from rfkit.isolation.kernels import watch_kernels
from rfkit.rules import registry

_WHOLE = ("torch", "rfkit")
_ALSO = (
    "builtins",
    "dataclasses",
    "fractions",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "json.encoder",
    "math",
)
_RUNNING = (
    *("_decomp", "_jit_internal", "_library", "_meta_registrations", "_ops", "_prims", "_prims_common", "_refs"),
    *("_tensor", "_utils", "autograd", "functional", "library", "nn", "overrides", "random", "storage"),
    *("utils._contextlib", "utils._device", "utils._python_dispatch", "utils._pytree", "utils.hooks"),
)
_CODE = ("rfkit", "json", "torch.functional", "torch.nn", "torch._ops", "torch._tensor")
_CHANGING = {("rfkit.rules.registry", "_FOUND"), ("torch", "Storage")}
"""Names that change in the normal course: a cache, and what ``torch.set_default_dtype`` sets."""
_TORCH = os.path.dirname(torch.__file__)
_LABELS = ("__class__", "__doc__", "__module__", "__weakref__", "__dict__")
_CALLED = ("__call__", "__get__")
_MISSING = object()
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class _Namespace:
    """A module or a class, and what its names stood for."""

    owner: ModuleType | type
    now: Mapping[str, Any]
    then: dict[str, Any]
    names: frozenset[str]


class Snapshot:
    """How things are now, to be compared with how they are later."""

    def __init__(self) -> None:
        modules = {name: module for name, module in list(sys.modules.items()) if isinstance(module, ModuleType)}
        self._modules = modules
        self._kernels = watch_kernels()
        self._namespaces = [_remember(*found) for found in _namespaces(modules)]
        self._functions = _functions(self._namespaces)
        self._tables = list(_tables(modules))
        self._operators = _operators()
        self._active = _active()
        self._rules = dict(registry.TABLE)

    def problem(self) -> str | None:
        """What was replaced, with the remedy; None where everything is as it was."""
        hooks, modes = _active()
        if hooks != self._active[0]:
            return "leaves a hook on all modules (register_module_forward_hook and the like): remove it"
        if modes != self._active[1]:
            return "leaves a mode of PyTorch active (TorchFunctionMode, TorchDispatchMode): use it in a with statement"
        found = list(self._differences())
        if not found:
            return None
        found.sort(key=lambda name: (name.count("_"), len(name)))
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return f"replaces {found[0][:_SHOWN]}{more}: no verdict on a changed torch or rfkit; take that out"

    def taught(self) -> list[str]:
        """Operators for which the file brought a rule of its own."""
        return sorted(str(op) for op in registry.TABLE if op not in self._rules)

    def _differences(self) -> Iterator[str]:
        yield from self._replaced_modules()
        for space in self._namespaces:
            yield from self._changed(space)
        for function, code, defaults, keywords in self._functions:
            same = function.__code__ is code and function.__defaults__ is defaults
            if not same or function.__kwdefaults__ is not keywords:
                yield f"{function.__module__}.{function.__qualname__}"
        for name, table, items in self._tables:
            yield from (f"{name}[{key}]" for key, value in items if table.get(key, _MISSING) is not value)
        for name, now, then in self._operators:
            yield from (f"{name}.{key}" for key, value in then.items() if now.get(key) is not value)
        yield from (f"the kernel of {name}" for name in self._kernels)
        yield from self._rules_overridden()

    def _replaced_modules(self) -> Iterator[str]:
        get = sys.modules.get
        for name, module in self._modules.items():
            if get(name) is not module and name.partition(".")[0] in (*_WHOLE, *_ALSO, "numpy"):
                yield f"sys.modules[{name!r}]"

    def _changed(self, space: _Namespace) -> Iterator[str]:
        get = space.now.get
        for name, value in space.then.items():
            if get(name, _MISSING) is not value and not self._is_new_torch(get(name)):
                yield f"{_called(space.owner)}.{name}"
        if len(space.now) != len(space.names):
            for name in space.now.keys() - space.names:
                if _hides(space.owner, name) and not self._is_new_torch(get(name)):
                    yield f"{_called(space.owner)}.{name}"

    def _is_new_torch(self, value: Any) -> bool:
        """Whether this is PyTorch's own code, and was not there before under any name."""
        function = _function(value)
        if function is not None:
            file: Any = function.__code__.co_filename
        elif isinstance(value, type):
            file = getattr(sys.modules.get(value.__module__), "__file__", None)
        else:
            file = value.__dict__.get("__file__") if isinstance(value, ModuleType) else None
        known = (found for space in self._namespaces for found in space.then.values())
        return str(file).startswith(_TORCH) and not any(value is found for found in known)

    def _rules_overridden(self) -> Iterator[str]:
        """Operators that had a rule, under another key, and were given one; cached answers that differ from the table."""
        cached = dict(registry._FOUND)
        for op in [op for op in registry.TABLE if op not in self._rules]:
            del registry.TABLE[op]
            if registry._search(op) is not None:
                yield f"the rule of {op}"
            cached.pop(op, None)
        for op, entry in cached.items():
            if registry._search(op) != entry and op in self._rules:
                yield f"the rule of {op}"


def _remember(owner: Any, now: Mapping[str, Any], wanted: Callable[[str, Any], bool]) -> _Namespace:
    return _Namespace(
        owner, now, {name: value for name, value in list(now.items()) if wanted(name, value)}, frozenset(now)
    )


def _namespaces(
    modules: Mapping[str, ModuleType],
) -> Iterator[tuple[Any, Mapping[str, Any], Callable[[str, Any], bool]]]:
    """Modules and classes to compare, with which of their names count."""
    seen: set[int] = set()
    used = _names_used(modules)
    for name, module in modules.items():
        everything = name.partition(".")[0] == "rfkit"
        if everything or _runs(name) or name in _ALSO:
            kept = frozenset(vars(module)) - {key for home, key in _CHANGING if home == name}
            yield module, vars(module), _wanted(everything, kept)
            for value in list(vars(module).values()):
                if issubclass(type(value), type) and id(value) not in seen and (everything or _runs(value.__module__)):
                    seen.add(id(value))
                    yield value, value.__dict__, _wanted(False, None)
        elif name.startswith("torch.") and name.count(".") == 1:
            yield module, vars(module), _wanted(False, None)
        elif id(module) in used:
            yield module, vars(module), _wanted(False, used[id(module)])


def _runs(name: Any) -> bool:
    """Whether networks are built and run with a module; what compiles, exports or distributes them is not looked into."""
    top, _, rest = str(name).partition(".")
    return name in _ALSO or (top == "torch" and (not rest or rest.startswith(_RUNNING)))


def _wanted(everything: bool, names: frozenset[str] | None) -> Callable[[str, Any], bool]:
    def wanted(name: str, value: Any) -> bool:
        if names is not None and name not in names:
            return False
        kind: type = type(value)
        return not name.startswith("__") if everything else name not in _LABELS and _is_code(kind)

    return wanted


@cache
def _is_code(kind: type) -> bool:
    """Whether objects of a type are called, bound as methods or are modules; the objects themselves are not asked."""
    return issubclass(kind, ModuleType) or any(name in vars(base) for base in kind.__mro__ for name in _CALLED)


def _names_used(modules: Mapping[str, ModuleType]) -> dict[int, frozenset[str]]:
    """For each module that one of rfkit's imports, all names that rfkit's code uses, its attributes among them."""
    names: set[str] = set()
    imported: set[int] = set()
    for name, module in modules.items():
        if name.partition(".")[0] == "rfkit":
            for value in vars(module).values():
                if isinstance(value, ModuleType) and value is not sys:
                    imported.add(id(value))
            names.update(_co_names(module))
    return dict.fromkeys(imported, frozenset(names))


def _co_names(module: ModuleType) -> Iterator[str]:
    owners = [module, *(v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__)]
    for owner in owners:
        for value in vars(owner).values():
            inner = _function(value)
            if inner is not None:
                yield from _code_names(inner.__code__)


def _code_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_names(constant)


def _function(value: Any) -> FunctionType | None:
    """The function in a method, a property or a function; an object that is something else is not asked."""
    kind = type(value)
    if kind is staticmethod or kind is classmethod:
        value = value.__func__
    elif kind is property:
        value = value.fget
    return value if type(value) is FunctionType else None


def _functions(namespaces: list[_Namespace]) -> list[tuple[FunctionType, CodeType, Any, Any]]:
    found: dict[int, tuple[FunctionType, CodeType, Any, Any]] = {}
    for space in namespaces:
        for value in space.then.values():
            inner = _function(value)
            if inner is not None and str(inner.__module__).startswith(_CODE):
                found[id(inner)] = inner, inner.__code__, inner.__defaults__, inner.__kwdefaults__
    return list(found.values())


def _tables(modules: Mapping[str, ModuleType]) -> Iterator[tuple[str, dict[Any, Any], list[tuple[Any, Any]]]]:
    """The module-level dicts of rfkit."""
    for name, module in modules.items():
        if name.partition(".")[0] == "rfkit":
            for key, value in vars(module).items():
                if type(value) is dict and not key.startswith("__") and (name, key) not in _CHANGING:
                    yield f"{name}.{key}", value, list(value.items())


def _operators() -> list[tuple[str, Mapping[str, Any], dict[str, Any]]]:
    """ATen's operators, their overloads, and what each of those calls."""
    aten = vars(torch.ops.aten)
    packets = {name: packet for name, packet in aten.items() if type(packet) is torch._ops.OpOverloadPacket}
    found: list[tuple[str, Mapping[str, Any], dict[str, Any]]] = [("torch.ops.aten", aten, packets)]
    for name, packet in packets.items():
        overloads = {key: op for key, op in vars(packet).items() if isinstance(op, torch._ops.OpOverload)}
        found.append((f"torch.ops.aten.{name}", vars(packet), {**overloads, "_op": vars(packet)["_op"]}))
        found += [(f"torch.ops.aten.{name}.{key}", vars(op), {"_op": op._op}) for key, op in overloads.items()]
    return found


def _active() -> tuple[list[int], int]:
    """How many global hooks there are of each kind, and how many modes are active, a default device left out."""
    hooks = [name for name in sorted(vars(module_hooks)) if name.startswith("_global") and name.endswith("hooks")]
    stack = [torch._C._get_function_stack_at(i) for i in range(torch._C._len_torch_function_stack())]
    modes = [mode for mode in stack if type(mode) is not torch.utils._device.DeviceContext]
    return [len(vars(module_hooks)[name]) for name in hooks], len(modes) + torch._C._len_torch_dispatch_stack()


def _hides(owner: ModuleType | type, name: str) -> bool:
    """Whether a name that was added stands before another: a builtin's, or one inherited from another class."""
    if isinstance(owner, type):
        return not name.startswith("__abstract") and any(name in vars(base) for base in owner.__mro__[1:-1])
    return hasattr(builtins, name) and not name.startswith("__")


def _called(owner: ModuleType | type) -> str:
    """The shortest public name of a module or class."""
    if isinstance(owner, ModuleType):
        return owner.__name__
    homes = sorted((n for n in sys.modules if n.partition(".")[0] in _WHOLE and "._" not in n), key=len)
    for home in homes:
        if vars(sys.modules[home]).get(str(owner.__name__)) is owner:
            return f"{home}.{owner.__name__}"
    return f"{owner.__module__}.{owner.__qualname__}"
