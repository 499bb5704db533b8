"""Settings from TOML and to TOML."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from trainer.config.settings import Config, kind_of, nearest
from trainer.errors import TrainerError


def read_toml(path: Path) -> dict[str, Any]:
    """The settings in a file, by name; hyphens are read as underscores.

    Raises:
        TrainerError: the file cannot be read, is no TOML, or has a key or a type that is not known.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainerError(f"{path} is not TOML: {error}") from error
    return {_known(key, path): _typed(_known(key, path), value, path) for key, value in raw.items()}


def from_mapping(settings: Mapping[str, Any]) -> Config:
    """A checked Config; what is missing has its default.

    Raises:
        TrainerError: a value that cannot be, or no target.
    """
    if not settings.get("target"):
        raise TrainerError("what is to be trained? name a target such as net.py:Net")
    return Config(**dict(settings))


def to_toml(config: Config) -> str:
    """Every setting with its value; what was left to the trainer is a comment."""
    lines = []
    for each in fields(Config):
        value = getattr(config, each.name)
        lines.append(f"# {each.name} is chosen by the trainer" if value is None else f"{each.name} = {_written(value)}")
    return "\n".join(lines) + "\n"


_MEANT = {"arg": "; did you mean arguments?"} | dict.fromkeys(
    ("config", "debug", "resume"), "; it is an option of the command line only"
)
"""What to say of options that are no settings, or are called otherwise."""


def _known(key: str, path: Path) -> str:
    names = tuple(each.name for each in fields(Config))
    name = key.replace("-", "_")
    if name not in names:
        hint = _MEANT.get(name) or nearest(name, names) or "; trainer fit --help lists them"
        raise TrainerError(f"{path}: there is no setting {key!r}{hint}")
    return name


def _typed(name: str, value: Any, path: Path) -> Any:
    """The value as its setting has it: whole numbers are numbers too, lists become tuples; augmentations may be tables."""
    kind = kind_of(name)
    if name == "augment" and isinstance(value, list) and all([isinstance(item, str | dict) for item in value]):
        return tuple(value)
    if kind is float and type(value) is int:
        return float(value)
    if kind is tuple and isinstance(value, list) and all([type(item) is str for item in value]):
        return tuple(value)
    if type(value) is not kind:
        if name == "augment":
            raise TrainerError(f"{path}: augment = {value!r} must be text in quotes, or a list of names and of tables")
        names = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
        raise TrainerError(f"{path}: {name} = {value!r} must be {names.get(kind, 'a list of texts')}")
    return value


def _written(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_written(each)}" for key, each in value.items()) + " }"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _written(name)
