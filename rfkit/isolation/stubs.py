"""Inert stand-ins for packages that are not installed, for files that import more than their network needs.

While a file is imported a stand-in takes everything (attributes, calls, decorators, iteration, assignment) and does
nothing. A network cannot be built on one or with one: to derive a network from it, or to use it while a network is
constructed or run, is an error that names the package. So a stand-in never decides a verdict.

Only what the target's own files import is replaced, only where the package cannot be found, and not where the file itself
is prepared for that (an import within ``try`` with an ``except`` for it).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn

from torch import nn

from rfkit.errors import TargetError
from rfkit.target.failures import nearby, pip_name
from rfkit.target.importing import Neighbourhood, installed, syntax_tree

_FORGIVING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


class StandIns:
    """The stand-ins of one process.

    Attributes:
        enabled: whether anything is replaced.
        names: top-level packages that were replaced.
        needed: the first of them that a network needed, None while none did.
    """

    def __init__(self) -> None:
        self.enabled = False
        self.names: set[str] = set()
        self.needed: str | None = None
        self._importing = False
        self._derived: list[tuple[str, bool, str]] = []

    def install(self) -> None:
        """Have every neighbourhood that is made from now on ask here for what it cannot find."""
        find, load, stand_ins = Neighbourhood._import, Neighbourhood.load, self

        def import_or_stand_in(
            neighbourhood: Neighbourhood,
            name: str,
            globals: Mapping[str, Any] | None = None,  # noqa: A002  the signature of builtins.__import__
            locals: Mapping[str, Any] | None = None,  # noqa: A002
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> Any:
            try:
                return find(neighbourhood, name, globals, locals, fromlist, level)
            except ModuleNotFoundError as error:
                top = name.partition(".")[0]
                if level or error.name != top or not stand_ins._may_replace(top, neighbourhood):
                    raise
                if _forgiven((globals or {}).get("__file__"), sys._getframe(1).f_lineno):
                    raise
                stand_ins.names.add(top)
                return Anything(stand_ins, top)

        def load_with_stand_ins(neighbourhood: Neighbourhood) -> ModuleType:
            stand_ins._importing = True
            try:
                return load(neighbourhood)
            finally:
                stand_ins._importing = False

        setattr(Neighbourhood, "_import", import_or_stand_in)  # noqa: B010  a method is not to be assigned
        setattr(Neighbourhood, "load", load_with_stand_ins)  # noqa: B010

    def use(self, package: str) -> None:
        """Take note that a stand-in is used.

        Raises:
            TargetError: if that is while a network is constructed or run, and not merely while files are imported.
        """
        if not self._importing or _in_a_network():
            self.need(package)

    def need(self, package: str) -> NoReturn:
        """Say that a network needs a package.

        Raises:
            TargetError: always.
        """
        self.needed = self.needed or package
        raise TargetError(f"the network needs {package}: pip install {pip_name(package)}")

    def derive(self, kind: type, package: str) -> None:
        """Take note that a class derives from a stand-in, or was decorated by one."""
        self._derived.append((kind.__name__, hasattr(kind, "forward"), package))

    def missed(self, name: str) -> str | None:
        """The package that a target could not be built without: needed, or behind the class that is named, if any."""
        behind = (package for key, network, package in self._derived if (key == name if name else network))
        return self.needed or next(behind, None)

    def _may_replace(self, top: str, neighbourhood: Neighbourhood) -> bool:
        if not (self.enabled and self._importing) or top in sys.stdlib_module_names or installed(top):
            return False
        return nearby(top, neighbourhood) is None


def _in_a_network() -> bool:
    """Whether some caller is a method of a module: a network is being constructed or run."""
    frame = sys._getframe(2)
    while frame is not None:
        first = frame.f_code.co_varnames[:1]
        if first and isinstance(frame.f_locals.get(first[0]), nn.Module):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _forgiven(file: str | None, line: int) -> bool:
    """Whether an import in this line of a file may fail: the file goes on without it."""
    for node in ast.walk(syntax_tree(file)):
        if isinstance(node, ast.Try):
            caught = {name for h in node.handlers for name in (_names(h.type) if h.type else ("BaseException",))}
        elif isinstance(node, ast.With):
            caught = {name for item in node.items for name in _names(item.context_expr)}
        else:
            continue
        if caught & _FORGIVING and node.body[0].lineno <= line <= (node.body[-1].end_lineno or line):
            return True
    return False


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


class Anything:
    """Something of a package that is not installed: takes everything while files are imported, nothing afterwards."""

    def __init__(self, stand_ins: StandIns, package: str) -> None:
        vars(self).update(_stand_ins=stand_ins, _package=package)

    def _take(self, *_: object, **__: object) -> Anything:
        vars(self)["_stand_ins"].use(vars(self)["_package"])
        return Anything(vars(self)["_stand_ins"], vars(self)["_package"])

    def _refuse(self, *_: object) -> NoReturn:
        stand_ins: StandIns = vars(self)["_stand_ins"]
        stand_ins.need(vars(self)["_package"])

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return self._take()

    def __setattr__(self, name: str, value: object) -> None:
        self._take()

    def __delattr__(self, name: str) -> None:
        self._take()

    def __call__(self, *arguments: Any, **keywords: Any) -> Anything:
        """Like everything else; a class that is given alone is being decorated."""
        if len(arguments) == 1 and isinstance(arguments[0], type) and not keywords:
            vars(self)["_stand_ins"].derive(arguments[0], vars(self)["_package"])
        return self._take()

    def __mro_entries__(self, _bases: tuple[object, ...]) -> tuple[type, ...]:
        self._take()
        return (type("Base", (_Base,), {"_stand_ins": vars(self)["_stand_ins"], "_package": vars(self)["_package"]}),)

    def __iter__(self) -> Iterator[Any]:
        self._take()
        return iter(())

    def __len__(self) -> int:
        self._take()
        return 0

    def __bool__(self) -> bool:
        self._take()
        return False

    def __exit__(self, *_: object) -> None:
        self._take()

    def __eq__(self, other: object) -> bool:
        self._take()
        return False

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<a stand-in for {vars(self)['_package']}, which is not installed>"

    def _no(self, _other: object) -> bool:
        self._take()
        return False

    def __deepcopy__(self, _memo: object) -> Anything:
        return self

    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __instancecheck__ = __subclasscheck__ = _no
    __enter__ = __getitem__ = __setitem__ = __delitem__ = __neg__ = __pos__ = __invert__ = __abs__ = _take
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __matmul__ = _take
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = __rmatmul__ = _take
    __and__ = __or__ = __xor__ = __rand__ = __ror__ = __rxor__ = __lshift__ = __rshift__ = _take
    __int__ = __index__ = __float__ = __complex__ = __fspath__ = _refuse


class _Base:
    """What a class derives from where its base is a stand-in."""

    _package: str
    _stand_ins: StandIns

    def __init_subclass__(cls, **_: object) -> None:
        if cls.__bases__ != (_Base,):
            cls._stand_ins.derive(cls, cls._package)

    def __new__(cls, *_: object, **__: object) -> Any:
        if issubclass(cls, nn.Module):
            cls._stand_ins.need(cls._package)
        cls._stand_ins.use(cls._package)
        return Anything(cls._stand_ins, cls._package)
