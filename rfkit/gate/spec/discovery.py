"""Finding the spec, and the files that a target stands for."""

from __future__ import annotations

import glob
import os
import tomllib
from pathlib import Path

from rfkit.errors import SpecError, UsageError

NAMES = ("rfkit.toml", ".rfkit.toml", "pyproject.toml")
SECTION = ("tool", "rfkit")
_PATTERN = frozenset("*?[")


def find_spec(start: Path) -> Path | None:
    """The nearest spec from a folder up to the root of its repository, to that of the file system where there is none.

    In each folder ``rfkit.toml`` comes before ``.rfkit.toml`` and that before ``pyproject.toml``, which counts only if it
    has a ``[tool.rfkit]``.

    Raises:
        SpecError: if a pyproject.toml on the way cannot be read.
    """
    folder = start.resolve()
    for parent in (folder, *folder.parents):
        for name in NAMES:
            path = parent / name
            if os.path.isfile(path) and (name != NAMES[-1] or has_section(path)):
                return path
        if os.path.exists(parent / ".git"):
            return None
    return None


def has_section(path: Path) -> bool:
    """Whether a pyproject.toml has a ``[tool.rfkit]``."""
    _, data = read_toml(path)
    tool = data.get(SECTION[0])
    return isinstance(tool, dict) and SECTION[1] in tool


def read_toml(path: Path) -> tuple[str, dict[str, object]]:
    """Text and data of a TOML file.

    Raises:
        SpecError: if it cannot be read, is no UTF-8 or no TOML: the file, the line, what is wrong.
    """
    name = shown_path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SpecError(f"{name}:{line}: not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise SpecError(f"cannot read {name}: {(error.strerror or str(error)).lower()}") from error
    try:
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f"{name}{_where(str(error), text)}") from error


def shown_path(path: Path) -> str:
    """A path as a message calls it: relative to the current directory, absolute where that is shorter."""
    relative, absolute = os.path.relpath(path), str(path.absolute())
    return relative if relative.count("..") <= 3 and len(relative) <= len(absolute) else absolute


def split_target(target: str) -> tuple[str, str]:
    """The file or module of a target, and the name behind the colon with it, empty without one."""
    source, colon, name = target.rpartition(":")
    if not colon or "/" in name or "\\" in name:
        return target, ""
    return source, f":{name}"


def is_file(source: str, folder: Path) -> bool:
    """Whether the source of a target is a file, not a module: by how it is written, else by what there is."""
    return source.endswith(".py") or "/" in source or "\\" in source or (folder / source).is_file()


def expand(target: str) -> list[str]:
    """The targets that a pattern stands for, sorted: ``submissions/*/model.py:Net``; any other target as it is.

    Raises:
        UsageError: if no file matches.
    """
    source, name = split_target(target)
    if not _PATTERN & set(source) or os.path.exists(source):
        return [target]
    found = sorted(path for path in glob.glob(os.path.expanduser(source), recursive=True) if os.path.isfile(path))
    if not found:
        raise UsageError(f"no file matches {source}; the pattern is relative to {Path.cwd()}")
    return [f"{path}{name}" for path in found]


def runnable(target: str, folder: Path) -> str:
    """A target of a spec in a folder, so that it can be run from the current directory."""
    source, name = split_target(target)
    if folder.resolve() == Path.cwd():
        return target
    if is_file(source, folder):
        return f"{_relative(folder / os.path.expanduser(source))}{name}"
    path = folder.joinpath(*source.split("."))
    for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if file.is_file():
            return f"{_relative(file)}{name}"
    return target


def same_place(target: str) -> tuple[str, str]:
    """What tells whether two targets are the same, however their paths are written."""
    source, name = split_target(target)
    return (os.path.realpath(os.path.expanduser(source)) if is_file(source, Path.cwd()) else source), name


def _relative(path: Path) -> str:
    return shown_path(path).replace(os.sep, "/")


def _where(message: str, text: str) -> str:
    """What tomllib says, with the line in front: ``:3: Expected '=' after a key``."""
    said, _, place = message.rpartition(" (at ")
    if place.startswith("line "):
        line = place.removeprefix("line ").split(",")[0]
        return f":{line}: no valid TOML: {said[:1].lower()}{said[1:]}: {_quoted(text, int(line))}"
    last = text.rstrip().count("\n") + 1
    return f":{last}: no valid TOML: {(said or message)[:1].lower()}{(said or message)[1:]}"


def _quoted(text: str, line: int) -> str:
    lines = text.splitlines()
    found = lines[line - 1].strip() if line <= len(lines) else ""
    return found if len(found) <= 60 else f"{found[:60]}..."
