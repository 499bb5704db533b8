"""What is asked of one network, from the defaults, its own entry and the options, the later before the earlier.

A key replaces the one before it. The parts under ``require`` and ``forbid``, the patterns under ``layers`` and the
exceptions add up, each part and each key of a pattern replacing its like. ``false`` takes back what came before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rfkit.gate.limits import Limit
from rfkit.gate.requirements import Exemption, Requirement
from rfkit.gate.spec.mistakes import Key, Mistake
from rfkit.gate.spec.readers import Blocks
from rfkit.gate.spec.tables import LayerRules, Rule, Rules
from rfkit.gate.spec.vocabulary import alias

SETTINGS = ("input", "arguments", "strict", "device")
MAX_POOLING = "max_pooling"
_NO_RULES = (*SETTINGS, "target", "layers", "exceptions")
_Slot = tuple[str, str | None, str | None]
"""A check, the pattern of layers and the part it is about."""
_Asked = tuple[Requirement, ...] | None


@dataclass(frozen=True, slots=True)
class Source:
    """One place that asks something.

    Attributes:
        rules: what it asks.
        path: where it stands, e.g. ``("models", "net")``.
        key: what a key of it is called.
        place: what a mistake at a key of it starts with; None: the key.
    """

    rules: Rules
    path: Key
    key: Callable[[Key], str]
    place: Callable[[Key], str] | None = None

    def start(self, key: Key) -> str:
        """What a mistake at a key of it starts with."""
        return (self.place or self.key)(key)


def requirements_of(sources: Sequence[Source]) -> tuple[Requirement, ...]:
    """What several sources ask together, the later before the earlier."""
    slots: dict[_Slot, tuple[Requirement, ...]] = {}
    for source in sources:
        for slot, asked in _asked(source):
            if asked is not None:
                slots[slot] = asked
            elif slot[2] is None and slot[0] in ("require", "forbid"):
                slots = {other: value for other, value in slots.items() if other[:2] != slot[:2]}
            else:
                slots.pop(slot, None)
    return tuple(requirement for asked in slots.values() for requirement in asked if not _repeated(requirement, slots))


def exemptions_of(sources: Sequence[Source]) -> tuple[Exemption, ...]:
    """The exceptions of several sources."""
    return tuple(
        Exemption(each.rule, each.layer, each.reason, each.until, source.key((*source.path, "exceptions", index)))
        for source in sources
        for index, each in enumerate(source.rules.exceptions or ())
    )


def setting_of(sources: Sequence[Source], name: str) -> tuple[Any, Source | None]:
    """A setting and the source that has it; None, None where none has."""
    for source in reversed(sources):
        value = getattr(source.rules, name)
        if value is not None:
            return value, source
    return None, None


def contradictions(sources: Sequence[Source]) -> list[Mistake]:
    """Parts that are required and forbidden at once, a mistake each, at the key that forbids."""
    placed: dict[tuple[str, str], tuple[Source, Key, str]] = {}
    for source in sources:
        for (check, layers, _), asked in _asked(source):
            for requirement in asked or ():
                if requirement.check in ("require", "forbid") and layers is None:
                    subject = alias(str(requirement.subject))
                    inner = (check,) if check == "conv_blocks" else (check, subject)
                    placed[requirement.check, subject] = source, (*source.path, *inner), requirement.key or ""
    alive = {(each.check, alias(str(each.subject))) for each in requirements_of(sources)}
    return [
        Mistake(key, f"{subject} is forbidden here and required by {placed['require', subject][2]}", source.start(key))
        for (check, subject), (source, key, _) in placed.items()
        if check == "forbid" and {("require", subject), ("forbid", subject)} <= alive
    ]


def _asked(source: Source) -> Iterator[tuple[_Slot, _Asked]]:
    """Everything a source sets: requirements, or None where it takes them back."""
    yield from _asked_of(source, source.rules, None)
    for pattern, rules in (source.rules.layers or {}).items():
        yield from _asked_of(source, rules, pattern)


def _asked_of(source: Source, rules: LayerRules, layers: str | None) -> Iterator[tuple[_Slot, _Asked]]:
    """What is set for the network as a whole, or for the layers of a pattern."""
    path: Key = () if layers is None else ("layers", layers)
    for name in (each for each in type(rules).model_fields if each in rules.model_fields_set and each not in _NO_RULES):
        value = getattr(rules, name)
        if name not in ("require", "forbid"):
            yield (name, layers, None), _rule(source, name, (*path, name), value, layers=layers)
        elif value is None:
            yield (name, layers, None), None
        else:
            for part, rule in value.items():
                yield (name, layers, part), _rule(source, name, (*path, name, part), rule, subject=part, layers=layers)


def _rule(
    source: Source, check: str, path: Key, rule: Rule | None, *, subject: str | None = None, layers: str | None = None
) -> _Asked:
    if rule is None:
        return None
    limit = getattr(rule, "limit", getattr(rule, "count", ()))
    limits: tuple[Limit, ...] = limit.limits if isinstance(limit, Blocks) else limit
    key = source.key((*source.path, *path))
    shape: tuple[int, ...] | None = getattr(rule, "shape", None)
    asked = Requirement(check, limits, shape or subject, layers, rule.severity, rule.message, key)
    if isinstance(limit, Blocks) and limit.no_max_pooling:
        return asked, Requirement("forbid", (), MAX_POOLING, layers, rule.severity, rule.message, key)
    return (asked,)


def _repeated(requirement: Requirement, slots: dict[_Slot, tuple[Requirement, ...]]) -> bool:
    """Whether ``conv_blocks`` forbids what ``forbid`` names as well."""
    if requirement.check != "forbid" or requirement.subject != MAX_POOLING:
        return False
    named = [
        asked for slot, asked in slots.items() if slot[:2] == ("forbid", None) and alias(slot[2] or "") == MAX_POOLING
    ]
    return bool(named) and all(requirement not in asked for asked in named)
