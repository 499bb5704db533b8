"""Reading what the user typed, finding the file, importing it and choosing the network."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rfkit.errors import RfkitError, TargetError
from rfkit.target.building import LoadedModel, Recipe, maker, running
from rfkit.target.failures import failure, last_words
from rfkit.target.importing import Neighbourhood, installed_name, local_file
from rfkit.target.networks import did_you_mean, nearest, pick, resolve

if TYPE_CHECKING:
    from torch import nn

_LONGEST = 4096
_SHOWN = 6
_FORM = "expected path/to/model.py:Net or package.module:factory"


def load(
    target: str, args: Sequence[str] = (), *, device: str = "meta", places: bool = False, seed: int = 0
) -> LoadedModel:
    """Import a target and build its network.

    Args:
        target: ``path/to/model.py:Net``, ``package.module:factory``, or either without a name if the file has only one
            network. The name may be dotted; it stands for a class derived from ``torch.nn.Module``, for a function that
            returns a module, or for a module.
        args: arguments of the constructor, ``"dropout=0.1"`` by keyword or ``"0.05"`` by position: Python literals,
            else strings.
        device: ``"meta"`` builds without values where the constructor allows it; any other device builds on the CPU.
        places: whether to note where its modules are made.
        seed: of torch's random numbers while it is built.

    Raises:
        TargetError: if the target cannot be found, imported or built.
    """
    source, name = parse_target(target)
    positional, keywords = parse_args(args)
    found = find(source, name)
    neighbourhood = found if isinstance(found, Neighbourhood) else Neighbourhood()
    try:
        with last_words(), running(neighbourhood, source):
            module = _import_installed(found) if isinstance(found, str) else found.load()
            name = name or pick(module, source, bool(args))
            make = maker(resolve(module, source, name), f"{source}:{name}", module, positional, keywords)
        return Recipe(f"{source}:{name}", make, neighbourhood, source, seed).build(device, places)
    except (Exception, SystemExit) as error:
        neighbourhood.discard()
        if isinstance(error, RfkitError):
            raise
        raise failure(error, source, "imported", neighbourhood) from error


def load_module(target: str, arguments: Sequence[str] = (), *, seed: int = 0) -> nn.Module:
    """The network that a target means, built on the CPU with real values from a seed, ready to be trained.

    Args:
        target: ``model.py:Net`` or ``package.module:factory``.
        arguments: of its constructor, as ``--arg`` takes them.
        seed: of torch's random numbers while it is built.

    Raises:
        TargetError: if the target cannot be found, imported or built.
    """
    return load(target, arguments, device="cpu", seed=seed).module


def parse_target(target: str) -> tuple[str, str | None]:
    """The file or module of a target, and the name behind the colon, None without one. ``C:`` is no file.

    Raises:
        TargetError: if nothing stands before the colon, or no name behind it.
    """
    source, colon, name = target.rpartition(":")
    if not colon or "/" in name or "\\" in name:
        source, name = target, ""
    if not target.isprintable() or len(target) > _LONGEST:
        raise TargetError(f"{target[:40]!r}... is no target: {_FORM}")
    if not source.strip():
        raise TargetError(f"no file or module in the target {target!r}: {_FORM}")
    if name and not _is_dotted(name):
        raise TargetError(f"{name!r} in the target {target!r} is not a name: {_FORM}")
    return source, name or None


def parse_args(args: Sequence[str]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments of a constructor, from what ``--arg`` was given.

    Raises:
        TargetError: if a keyword is given twice.
    """
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for text in args:
        key, equals, value = text.partition("=")
        if not equals or not key.strip().isidentifier():
            positional.append(_literal(text))
        elif key.strip() in keywords:
            raise TargetError(f"--arg {key.strip()} is given twice: {keywords[key.strip()]!r} and {value!r}")
        else:
            keywords[key.strip()] = _literal(value)
    return tuple(positional), keywords


def find(source: str, name: str | None) -> Neighbourhood | str:
    """The file a source means, in its surroundings, or the name of a module that may be installed.

    Raises:
        TargetError: if it is a path without a Python file, or neither a path nor a module name.
    """
    path = Path(os.path.expanduser(source))
    if source.endswith(".py") or "/" in source or "\\" in source or os.path.isfile(path):
        if not os.path.isfile(path):
            raise TargetError(_no_file(path, source))
        if path.suffix != ".py":
            raise TargetError(f"{source} is not a Python file: {_FORM}")
        return installed_name(path) or Neighbourhood(path)
    if not _is_dotted(source):
        raise TargetError(f"{source!r} is neither a Python file nor the name of a module: {_FORM}")
    file = local_file(source, (name.partition(".")[0],) if name else ())
    parts = tuple(source.split("."))
    return source if file is None else Neighbourhood(file, parts if file.name == "__init__.py" else parts[:-1])


def _import_installed(source: str) -> ModuleType:
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name and (source == error.name or source.startswith(f"{error.name}.")):
            raise TargetError(_no_module(source, error.name)) from error
        raise


def _no_file(path: Path, source: str) -> str:
    folder = path.parent
    if os.path.isdir(path):
        inside = sorted(file.name for file in path.glob("*.py"))
        return f"{source} is a directory: name a file in it" + (f", e.g. {path / inside[0]}" if inside else "")
    if not os.path.isdir(folder):
        return f"no file {source}: there is no folder {folder}"
    siblings = sorted(file.name for file in folder.glob("*.py"))
    near = nearest(f"{path.stem}.py", siblings)
    if near:
        return f"no file {source}, did you mean {folder / near}?"
    return f"no file {source}: the folder has {', '.join(siblings[:_SHOWN]) or 'no Python files'}"


def _no_module(source: str, missing: str) -> str:
    if os.path.isdir(source):
        return _no_file(Path(source), source)
    if os.path.isdir(missing):
        path = Path(*source.split(".")).with_suffix(".py")
        return _no_file(path, str(path))
    parent, _, last = missing.rpartition(".")
    if parent:
        siblings = pkgutil.iter_modules(getattr(importlib.import_module(parent), "__path__", []))
        near = nearest(last, [sibling.name for sibling in siblings])
        return f"no module {missing}" + (f", did you mean {parent}.{near}?" if near else f" in {parent}")
    near = did_you_mean(f"{source}.py", [file.name for file in Path.cwd().glob("*.py")])
    return f"no module {missing} here or installed{near or ': pip install it, or give the path of a file'}"


def _literal(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
