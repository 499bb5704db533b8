"""``rfkit check --show-config``: everything that is asked of a network, with where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rfkit.gate.requirements import ModelSpec, Requirement
from rfkit.gate.spec.file import TOP, Spec
from rfkit.gate.spec.flags import option_of
from rfkit.gate.spec.merging import SETTINGS, exemptions_of, requirements_of, setting_of
from rfkit.gate.spec.mistakes import dotted
from rfkit.gate.spec.tables import toml
from rfkit.isolation.verdicts import size

IN_UNITS: dict[str, Callable[[Any], str]] = {
    "tolerance": lambda share: f"{float(100 * share):g}%",
    "timeout": lambda seconds: f"{seconds:g} s",
    "memory": size,
}
USUAL = {
    "input": "what the network states, else the usual ones",
    "arguments": "none",
    "strict": "false",
    "device": "meta",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One key.

    Attributes:
        key: as in the file, without what stands before it.
        value: as one would write it.
        origin: ``rfkit.toml:12: models.net.params``, an option, or ``default``.
    """

    key: str
    value: str
    origin: str


def describe(spec: Spec, model: ModelSpec) -> tuple[Row, ...]:
    """How a network is run and what is asked of it, a row for each key, with its origin."""
    sources = spec.sources(spec.entry_of(model), spec.named)
    rows = []
    for name in SETTINGS:
        value, source = setting_of(sources, name)
        if source is None:
            rows.append(Row(name, USUAL[name], "default"))
        else:
            rows.append(Row(name, _setting(name, value), source.key((*source.path, name))))
    rows += [Row(_key(each), _value(each), each.key or "") for each in requirements_of(sources)]
    rows += [Row("exceptions", _exemption(each), each.key) for each in exemptions_of(sources)]
    return tuple(rows)


def describe_settings(spec: Spec) -> tuple[Row, ...]:
    """How the check is run, a row for each key, with its origin."""
    settings = spec.settings
    rows = []
    for name in TOP:
        origin = "default"
        if getattr(spec.options, name) is not None:
            origin = option_of((name,))
        elif getattr(spec.table, name) is not None:
            origin = spec.named((name,))
        rows.append(Row(name, IN_UNITS.get(name, _plain)(getattr(settings, name)), origin))
    return tuple(rows)


def render(rows: tuple[Row, ...]) -> str:
    """The rows as text, a line each, in columns."""
    key, value = (max((len(getattr(row, column)) for row in rows), default=0) for column in ("key", "value"))
    return "".join(f"{row.key:<{key}}  {row.value:<{value}}  {row.origin}\n" for row in rows)


def _setting(name: str, value: object) -> str:
    if name == "input" and isinstance(value, tuple):
        return "x".join(map(str, value))
    return ", ".join(map(str, value)) if isinstance(value, tuple) else toml(value).strip('"')


def _plain(value: object) -> str:
    if value is None or value == ():
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else toml(value)


def _key(asked: Requirement) -> str:
    before = ("layers", asked.layers) if asked.layers is not None else ()
    after = (asked.subject,) if isinstance(asked.subject, str) else ()
    return dotted((*before, asked.check, *after))


def _value(asked: Requirement) -> str:
    limits = ", ".join(limit.text for limit in asked.limits)
    if len(asked.limits) > 1:
        limits = toml([limit.text for limit in asked.limits])
    shape = toml(asked.subject) if isinstance(asked.subject, tuple) else ""
    severity = "" if asked.severity == "error" else f" ({asked.severity})"
    note = "" if asked.note is None else f" ({asked.note})"
    return f"{limits or shape or 'true'}{severity}{note}"


def _exemption(each: object) -> str:
    words = [
        getattr(each, "rule", ""),
        getattr(each, "layer", None),
        getattr(each, "reason", ""),
        getattr(each, "until", None),
    ]
    return ", ".join(str(word) for word in words if word is not None)
