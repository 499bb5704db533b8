"""Command-line options for every setting of `Config`, and the settings that a command line and a file ask for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from trainer.config import Config, kind_of, option_of, read_toml


def with_settings(command: Callable[..., int], leave_out: frozenset[str] = frozenset()) -> Callable[..., int]:
    """The command with an option for each setting; what is not given is None and not passed on.

    Args:
        command: takes its own options by name, and the settings that were given as `settings`.
        leave_out: settings that make no sense for it.
    """
    own = [each for each in inspect.signature(command, eval_str=True).parameters.values() if each.name != "settings"]
    names = [each.name for each in fields(Config) if each.name not in leave_out]

    def called(**given: Any) -> int:
        settings = {name: given.pop(name) for name in names}
        return command(**given, settings={name: _plain(value) for name, value in settings.items() if _given(value)})

    given_first = [_parameter(name) for name in names if name == "target"]
    last = [each for each in own if each.name == "debug"]
    others = [_parameter(name) for name in names if name != "target"]
    parameters = [*given_first, *(each for each in own if each not in last), *others, *last]
    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters], return_annotation=int
    )
    called.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": int}
    called.__doc__ = command.__doc__
    return called


def asked(settings: Mapping[str, Any], file: Path | None) -> dict[str, Any]:
    """The settings of a file, overruled by those of the command line.

    Raises:
        TrainerError: the file cannot be used.
    """
    return {**(read_toml(file) if file is not None else {}), **settings}


def _given(value: Any) -> bool:
    return value is not None and value != []


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def _parameter(name: str) -> inspect.Parameter:
    field = next(each for each in fields(Config) if each.name == name)
    kind: Any = kind_of(name) if kind_of(name) is not tuple else list[str]
    if name == "target":
        described: Any = typer.Argument(metavar="TARGET", help="model.py:Net or package.module:factory.")
    else:
        flag = f"{option_of(name)}/--no-{option_of(name)[2:]}" if kind is bool else option_of(name)
        metavar = field.metadata["metavar"] or {int: "N", float: "X"}.get(kind)
        described = typer.Option(flag, metavar=metavar, help=_help(field))
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, described]
    )


def _help(field: Any) -> str:
    text: str = field.metadata["help"]
    default = field.default
    if default in (MISSING, None, ()) or isinstance(default, bool) or "Default" in text:
        return text
    return f"{text} Default: {f'{default:g}' if isinstance(default, float) else default}."
