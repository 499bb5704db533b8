"""The mistakes of a spec: each with its key, its line, what was found, what is allowed, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rfkit.errors import SpecError
from rfkit.gate.limits import quoted, shown

Key = tuple[str | int, ...]
_T = TypeVar("_T", bound=BaseModel)
_BARE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_KINDS = {"model_type": "a table", "model_attributes_type": "a table", "dict_type": "a table", "list_type": "a list"}
_LISTED = 12
_UNKNOWN = "unknown key"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a spec.

    Attributes:
        path: the key it is about, step by step, e.g. ``("models", "net", "params")``.
        message: what was found, what is allowed, what was probably meant; without the key.
        place: what its line starts with, where that is known already.
    """

    path: Key
    message: str
    place: str = ""


def error_of(mistakes: Iterable[Mistake], name: Callable[[Key], str]) -> SpecError:
    """One error for all mistakes, a line each.

    Args:
        mistakes: at least one.
        name: what a line starts with, from the key: the file, the line in it and the key, or the option.
    """
    lines = [f"{each.place or name(each.path)}: {' '.join(each.message.split())}" for each in mistakes]
    return SpecError("\n".join(dict.fromkeys(lines)))


def validated(
    table: type[_T],
    raw: Any,
    examples: Mapping[str, str],
    name: Callable[[Key], str],
    rank: Callable[[Key], int] = lambda _: 0,
) -> _T:
    """What was read, as a table.

    Args:
        table: the model of the table.
        raw: what was read.
        examples: by key, a right use of it.
        name: see ``error_of``.
        rank: which mistakes come first, from their keys.

    Raises:
        SpecError: all mistakes in it.
    """
    try:
        return table.model_validate(raw)
    except ValidationError as error:
        found = sorted(mistakes_in(error, raw, table, examples), key=lambda mistake: rank(mistake.path))
        raise error_of(found, name) from None


def mistakes_in(error: ValidationError, raw: Any, table: type[BaseModel], examples: Mapping[str, str]) -> list[Mistake]:
    """What pydantic found, in our words.

    Args:
        error: of one validation.
        raw: what was validated, as the file has it: short forms are not yet written out.
        table: the model it was validated by.
        examples: by key, a right use of it.
    """
    mistakes = [_mistake(found, raw, table, examples) for found in error.errors(include_url=False)]
    meant = {mistake.path[:-1]: mistake.message for mistake in mistakes if mistake.message.startswith(_UNKNOWN)}
    return [each for each in mistakes if not _misspelt(each, meant)]


def dotted(path: Key) -> str:
    """A key as TOML writes it: ``models.net.layers."backbone.*".params``, an item of a list ``exceptions[0]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            bare = step and all(letter in _BARE for letter in step)
            text += ("." if text else "") + (step if bare else quoted(step))
    return text


def did_you_mean(word: str, options: Iterable[str]) -> str | None:
    """The option nearest to a word, whatever its case and its dashes; None where none is near."""
    plain = {_plain(option): option for option in options}
    near = difflib.get_close_matches(_plain(word), plain, 1, 0.6)
    return plain[near[0]] if near else None


def one_of(word: str, options: Sequence[str], kind: str) -> str:
    """The message for a word that is none of the options."""
    near = did_you_mean(word, options)
    if near:
        return f"{shown(word)} is no {kind}; did you mean {near}?"
    return f"{shown(word)} is no {kind}; expected one of {listed(options)}"


def listed(options: Sequence[str]) -> str:
    """Options in a row, cut where there are many."""
    more = f" and {len(options) - _LISTED} more" if len(options) > _LISTED else ""
    return ", ".join(options[:_LISTED]) + more


def _mistake(found: Any, raw: Any, table: type[BaseModel], examples: Mapping[str, str]) -> Mistake:
    kind, steps = found["type"], found["loc"]
    path = _written(steps, raw)
    if kind == "extra_forbidden":
        return Mistake((*path[:-1], str(steps[-1])), _unknown_key(str(steps[-1]), _keys(table, steps[:-1])))
    if kind == "missing":
        return Mistake((*path, str(steps[-1])), f"missing{_example(_last((*path, str(steps[-1]))), examples)}")
    if kind in _KINDS:
        return Mistake(path, f"{shown(found['input'])} is not {_KINDS[kind]}{_example(_last(path), examples)}")
    if kind == "value_error":
        said = str(found["ctx"]["error"])
        settled = "did you mean" in said or "e.g." in said or "expected" in said
        return Mistake(path, said if settled else f"{said}{_example(_last(path), examples)}")
    return Mistake(path, f"{shown(found['input'])}: {found['msg'].lower()}{_example(_last(path), examples)}")


def _misspelt(mistake: Mistake, unknown: Mapping[Key, str]) -> bool:
    """Whether a key is missing only because it is there with a typing error."""
    instead = unknown.get(mistake.path[:-1], "")
    return mistake.message.startswith("missing") and instead.endswith(f"did you mean {mistake.path[-1]}?")


def _written(steps: Sequence[str | int], raw: Any) -> Key:
    """The part of a path that the file has: steps into a written-out short form are left away."""
    path: list[str | int] = []
    for step in steps:
        if isinstance(raw, Mapping) and step in raw:
            path, raw = [*path, step], raw[step]
        elif isinstance(raw, (list, tuple)):
            index = step if isinstance(step, int) else _index(raw, step)
            if index is not None and index < len(raw):
                path, raw = [*path, index], raw[index]
    return tuple(path)


def _index(items: Sequence[Any], name: str) -> int | None:
    """Where a list names a part: by its name or in a table."""
    named = [item.get("part") if isinstance(item, Mapping) else item for item in items]
    return named.index(name) if name in named else None


def _unknown_key(key: str, known: Sequence[str]) -> str:
    near = did_you_mean(key, known)
    return f"{_UNKNOWN}; " + (f"did you mean {near}?" if near else f"expected one of {', '.join(known)}")


def _keys(table: type[BaseModel], steps: Sequence[str | int]) -> list[str]:
    """The keys that a table takes which lies at some steps below another."""
    tables: list[type[BaseModel]] = [table]
    for step in steps:
        inner = [found for each in tables for found in _tables_under(each, step)]
        tables = inner or tables
    return list(dict.fromkeys(key for each in tables for key in each.model_fields))


def _tables_under(table: type[BaseModel], step: str | int) -> list[type[BaseModel]]:
    field = table.model_fields.get(str(step))
    return [] if field is None else list(_tables_in(field.annotation))


def _tables_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _tables_in(inner)


def _example(key: str, examples: Mapping[str, str]) -> str:
    return f"; expected e.g. {examples[key]}" if key in examples else ""


def _last(path: Key) -> str:
    """The innermost key that has a meaning of its own: not ``limit``, ``shape`` or the index in a list."""
    names = [step for step in path if isinstance(step, str) and step not in ("limit", "shape")]
    return names[-1] if names else ""


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")
