"""Whether a report from elsewhere, a file or another process, holds what a report holds."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from rfkit.report import Report

LONGEST_TEXT = 1_000
"""Characters of a name beyond which it is no name."""


def faults(report: Report) -> Iterator[str]:
    """Where a value is not of its declared type, or a text is not printable."""
    return _mistakes(report, Report, "report")


def _mistakes(value: Any, hint: Any, path: str) -> Iterator[str]:
    """Where a value is not of its declared type, or a text is not printable."""
    if is_dataclass(hint):
        if type(value) is not hint:
            yield f"{path} is {type(value).__name__}"
            return
        kind: type = hint
        hints = _hints(kind)
        for f in fields(hint):
            yield from _mistakes(getattr(value, f.name), hints[f.name], f.name)
    elif typing.get_origin(hint) in (types.UnionType, typing.Union):
        if not any(next(_mistakes(value, option, path), None) is None for option in typing.get_args(hint)):
            yield f"{path} is {value!r}"
    elif typing.get_origin(hint) is tuple:
        yield from _mistakes_of_tuple(value, typing.get_args(hint), path)
    elif type(value) is not (type(None) if hint is None else hint):
        yield f"{path} is {value!r}"
    elif isinstance(value, str) and not (value.isprintable() and len(value) <= LONGEST_TEXT):
        yield f"{path} is {value[:40]!r}"


def _mistakes_of_tuple(value: Any, items: tuple[Any, ...], path: str) -> Iterator[str]:
    if type(value) is not tuple:
        yield f"{path} is {value!r}"
    elif items[-1] is Ellipsis:
        for item in value:
            yield from _mistakes(item, items[0], path)
    elif len(value) != len(items):
        yield f"{path} is {value!r}"
    else:
        for item, hint in zip(value, items, strict=True):
            yield from _mistakes(item, hint, path)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
