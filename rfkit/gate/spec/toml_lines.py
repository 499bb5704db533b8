"""On which line of a TOML file a key stands; the standard library's reader does not say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

Key = tuple[str | int, ...]

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}'  # strings over several lines
    r'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
    r"|#[^\n]*|\n|.",
    re.DOTALL,
)
_STEP = re.compile(r'\s*("(?:\\.|[^"\\])*"|\'[^\']*\'|[A-Za-z0-9_-]+)\s*(\.?)')


def key_lines(text: str) -> dict[Key, int]:
    """The line, from 1, of every key that a statement of the file defines; keys within a value are not told apart.

    Args:
        text: TOML without mistakes.
    """
    lines: dict[Key, int] = {}
    lists: dict[Key, int] = {}
    table: Key = ()
    for number, statement in _statements(text):
        if statement.startswith("[["):
            path = _within(_steps(statement[2:]), lists)
            lists[path] = lists.get(path, -1) + 1
            lines.setdefault(path, number)
            table = (*path, lists[path])
        elif statement.startswith("["):
            table = _within(_steps(statement[1:]), lists)
        path = table if statement.startswith("[") else (*table, *_steps(statement))
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], number)
    return lines


def line_of(path: Key, lines: Mapping[Key, int]) -> int | None:
    """The line of a key, of the innermost table around it where the file has no such key; None without any."""
    return next((lines[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in lines), None)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of every header and every ``key = value``; a value may take several lines."""
    line, began, depth, parts = 1, 1, 0, list[str]()
    for token in _TOKEN.findall(text.replace("\r\n", "\n") + "\n"):
        if token == "\n" and depth <= 0:
            statement = "".join(parts).strip()
            if statement:
                yield began, statement
            parts, depth = [], 0
        elif token[0] != "#":
            if not parts and not token.isspace():
                began = line
            if parts or not token.isspace():
                parts.append(token)
            depth += (token in "[{") - (token in "]}")
        line += token.count("\n")


def _steps(text: str) -> Key:
    """The steps of the dotted key that a text starts with."""
    steps: list[str | int] = []
    position = 0
    while found := _STEP.match(text, position):
        step = found[1]
        steps.append(tomllib.loads(f"step = {step}")["step"] if step[0] in "\"'" else step)
        position = found.end()
        if not found[2]:
            break
    return tuple(steps)


def _within(steps: Key, lists: Mapping[Key, int]) -> Key:
    """A key with the index of the last item behind every list it leads through."""
    path: Key = ()
    for step in steps[:-1]:
        path = (*path, step)
        if path in lists:
            path = (*path, lists[path])
    return (*path, *steps[-1:])
