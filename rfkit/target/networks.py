"""Which object of an imported file is the network the user means.

A network is a class derived from ``torch.nn.Module`` that can be called: it has a forward or a ``__call__`` that is not
the one of ``torch.nn.Module`` itself. The file's only network is the one that no other network of
the file uses: names in its source or in that of a function or table it names, or is handed when it is built.
"""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

from rfkit.errors import TargetError
from rfkit.target.importing import syntax_tree

if TYPE_CHECKING:
    from torch import nn

_SHOWN = 6


def pick(module: ModuleType, source: str, with_arguments: bool = False) -> str:
    """Name of the file's only network: a class, or a module-level instance where no class is defined.

    A class that cannot be built without arguments, where none are given, gives way to the only function or instance that
    builds it.

    Args:
        module: the imported file.
        source: what the user called it, for the message.
        with_arguments: whether the constructor is given any.

    Raises:
        TargetError: if there is none or more than one; the message lists what can be named.
    """
    defined = defined_networks(module)
    names = _unused(module, defined) or list(defined) or _instances(module)
    if len(names) == 1:
        needy = not with_arguments and names[0] in defined and _needs(defined[names[0]])
        made = builders(module, names[0]) if needy else []
        return made[0] if len(made) == 1 else names[0]
    if names:
        raise TargetError(f"{source} holds several networks; name one: {_targets(source, names)}")
    hint = _imported_networks(module) or _factories(module)
    raise TargetError(
        f"{source} defines no network, a class derived from torch.nn.Module with a forward"
        + (f"; name what makes one, e.g. {_targets(source, hint)}" if hint else "")
    )


def resolve(module: ModuleType, source: str, name: str) -> object:
    """The object a dotted name stands for in a module.

    Raises:
        TargetError: if there is none; the message names the nearest and the networks of the file.
    """
    thing: object = module
    for part in name.split("."):
        try:
            thing = getattr(thing, part)
        except AttributeError as error:
            near = did_you_mean(part, _public(thing))
            networks = list(defined_networks(module)) if thing is module else []
            told = networks == [nearest(part, networks)]
            listed = f"; its networks: {_listed(networks)}" if networks and not told else ""
            raise TargetError(f"{source} has no {name}{near}{listed}") from error
    return thing


def is_network(kind: object) -> bool:
    """Whether this is a class whose instances are modules that can be called."""
    from torch import nn

    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        return False
    return kind.forward is not nn.Module.forward or kind.__call__ is not nn.Module.__call__


def defined_networks(module: ModuleType) -> dict[str, type[nn.Module]]:
    """The networks that a file defines itself, in the order of their definition."""
    own = {name: thing for name, thing in vars(module).items() if is_network(thing)}
    return {name: kind for name, kind in own.items() if kind.__module__ == module.__name__ and kind.__name__ == name}


def builders(module: ModuleType, name: str) -> list[str]:
    """Other ways to a network: functions of the file that name it and need no argument, and instances of it."""
    tree = syntax_tree(module.__file__)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and name in _names(node)}
    kind = vars(module).get(name)
    instances = [key for key in _instances(module) if isinstance(kind, type) and isinstance(vars(module)[key], kind)]
    return [key for key in _factories(module) if key in functions] + instances


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """``, did you mean X?`` for the option nearest to a word, whatever its case; empty where none is near."""
    near = nearest(word, options)
    return f", did you mean {near}?" if near else ""


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option nearest to a word, whatever its case, None where none is near."""
    lower = {option.lower(): option for option in options}
    near = difflib.get_close_matches(word.lower(), lower, 1, 0.65)
    return lower[near[0]] if near else None


def _unused(module: ModuleType, defined: Iterable[str]) -> list[str]:
    tree = syntax_tree(module.__file__)
    uses = _uses(tree)
    networks = set(defined)
    used: set[str] = set()
    for network in networks:
        used |= _reached(network, uses, networks)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in networks:
            handed = set().union(*map(_names, node.args), *(_names(keyword.value) for keyword in node.keywords))
            used |= handed - {node.func.id}
    return [name for name in defined if name not in used]


def _uses(tree: ast.Module) -> dict[str, set[str]]:
    """The names that each class, function and table (``BLOCKS = {"basic": BasicBlock}``) of a file mentions."""
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            uses.setdefault(node.name, set()).update(_names(node))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Dict, ast.List, ast.Tuple)):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    uses.setdefault(target.id, set()).update(_names(node.value))
    return uses


def _reached(network: str, uses: dict[str, set[str]], networks: set[str]) -> set[str]:
    """Names a network mentions, directly or through what is not a network itself."""
    reached: set[str] = set()
    waiting = [network]
    while waiting:
        new = uses.get(waiting.pop(), set()) - reached - {network}
        reached |= new
        waiting += new - networks
    return reached


def _names(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _instances(module: ModuleType) -> list[str]:
    """Module-level names that the file itself assigns a network to."""
    from torch import nn

    assigned = {
        name.id
        for node in syntax_tree(module.__file__).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    return [name for name, thing in vars(module).items() if name in assigned and isinstance(thing, nn.Module)]


def _factories(module: ModuleType) -> list[str]:
    """Public functions that the file defines and that can be called without an argument."""
    own = {name: thing for name, thing in vars(module).items() if inspect.isfunction(thing) and name[0] != "_"}
    return [name for name, thing in own.items() if thing.__module__ == module.__name__ and not _needs(thing)]


def _needs(function: object) -> bool:
    try:
        inspect.signature(function).bind()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return True
    return False


def _imported_networks(module: ModuleType) -> list[str]:
    return [
        name
        for name, thing in vars(module).items()
        if is_network(thing) and not str(thing.__module__).startswith("torch.")
    ]


def _public(thing: object) -> list[str]:
    return [name for name in dir(thing) if name[0] != "_"]


def _targets(source: str, names: list[str]) -> str:
    return _listed([f"{source}:{name}" for name in names])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
