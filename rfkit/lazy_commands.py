"""A command line whose commands are imported when they are called: all of them together take longer than the help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

PLAIN: Any = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}


@dataclass(frozen=True)
class Command:
    """A command, and where it is.

    Attributes:
        summary: what it is for, in the list of commands.
        module: in which it is a function of its name, or ``app``, where it has commands of its own; its help is the name
            in capitals there.
    """

    summary: str
    module: str

    def load(self, name: str) -> Any:
        """The command as the option parser has it."""
        module, word = import_module(self.module), name.replace("-", "_")
        alone = typer.Typer(**PLAIN)
        described: Any = {"help": getattr(module, word.upper()), "short_help": self.summary}
        if hasattr(module, word):
            alone.command(name, **described)(getattr(module, word))
            return typer.main.get_command(alone)
        alone.add_typer(module.app, name=name, **described)
        group: Any = typer.main.get_command(alone)
        return group.commands[name]


def group_of(commands: Mapping[str, Command]) -> type[TyperGroup]:
    """The class of a group with these commands, for ``typer.Typer(cls=...)``."""

    class Group(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**{**attributes, "commands": None})
            self.commands: Any = _Loaded(commands)

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- as the option parser calls it
            return list(commands)

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
            with formatter.section("Commands"):
                formatter.write_dl([(name, command.summary) for name, command in commands.items()])

    return Group


class _Loaded(Mapping[str, Any]):
    """The commands by their names; one is imported when it is looked up."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = commands

    def __getitem__(self, name: str) -> Any:
        return self._commands[name].load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)
