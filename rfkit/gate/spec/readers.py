"""The values of a spec that are no limits: from what a TOML file holds to what the tool uses.

Every function raises ValueError with a sentence that quotes what it found; the name of the key is added by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from rfkit.gate.findings import Severity
from rfkit.gate.limits import Limit, parse_limits, shown
from rfkit.gate.quantities import COUNT, MEMORY, SHARE, read_number
from rfkit.gate.spec.mistakes import did_you_mean, one_of
from rfkit.gate.spec.vocabulary import alias, known_codes, nearly, part_names

DEVICES = ("meta", "cpu")
LEAST_MEMORY = 2**20
_SECONDS = {"": 1, "s": 1, "sec": 1, "seconds": 1, "m": 60, "min": 60, "minutes": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Blocks:
    """What ``conv_blocks`` asks: how many, and whether max pooling is forbidden too."""

    limits: tuple[Limit, ...]
    no_max_pooling: bool = False


class TypedArguments(tuple[str, ...]):
    """Arguments of a constructor as ``--arg`` was given them."""


def text(value: object) -> str:
    """A text that is not blank."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is no text")
    if not value.strip():
        raise ValueError("the text is empty")
    return value.strip()


def switch(value: object) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false")
    return value


def severity(value: object) -> Severity:
    """``error``, ``warning`` or ``info``."""
    return Severity(choice(value, [str(each) for each in Severity], "severity"))


def device(value: object) -> str:
    """``meta`` or ``cpu``."""
    return choice(value, DEVICES, "device")


def choice(value: object, options: Sequence[str], kind: str) -> str:
    """One of some words."""
    word = text(value)
    if word not in options:
        raise ValueError(one_of(word, options, kind))
    return word


def sizes(value: object) -> tuple[int, ...]:
    """Sizes of a tensor: ``[3, 32, 32]`` or ``3x32x32``."""
    parts = re.split("[xX×,*]", value.strip().strip("()[]")) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not parts:
        raise ValueError(f"{shown(value)} is no shape")
    for part in parts:
        if isinstance(part, bool) or not re.fullmatch(r"\+?0*[1-9][0-9]{0,9}", str(part).strip()):
            raise ValueError(f"{shown(value)} is no shape: {shown(part)} is no whole number above 0")
    return tuple(int(str(part).strip()) for part in parts)


def arguments(value: object) -> tuple[str, ...]:
    """Arguments of a constructor as ``--arg`` takes them, from a table (by keyword) or a list (by position)."""
    if isinstance(value, TypedArguments):
        return tuple(value)
    if isinstance(value, Mapping):
        wrong = next((key for key in value if not str(key).isidentifier()), None)
        if wrong is not None:
            raise ValueError(f"{shown(wrong)} is no name of an argument")
        return tuple(f"{key}={_literal(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_literal(item) for item in value)
    raise ValueError(f"{shown(value)} is neither a table of arguments by name nor a list of them by position")


def part(value: object) -> str:
    """A part that ``require`` can ask for; dashes are as good as underscores."""
    word = text(value)
    if word.replace("-", "_") in part_names():
        return word.replace("-", "_")
    if alias(word) in part_names():
        raise ValueError(f"{shown(word)} is no known part; did you mean {alias(word)}?")
    raise ValueError(one_of(word, part_names(), "known part"))


def forbidden(value: object) -> str:
    """A part, an operator or a class that ``forbid`` names, or a pattern: any name but one that is nearly a known one."""
    word = text(value)
    if not re.fullmatch(r"[\w.\-*?]+", word):
        raise ValueError(f"{shown(word)} is no name of a part, an operator or a class")
    near = nearly(word)
    if near is not None:
        own = f'for a class of your own write "{word}*"'
        raise ValueError(f"{shown(word)} is no known part, operator or layer; did you mean {near}? ({own})")
    return word.replace("-", "_") if word.replace("-", "_") in part_names() else word


def code(value: object) -> str:
    """The code of a rule."""
    word = text(value).upper()
    if word not in known_codes():
        raise ValueError(_no_code(word))
    return word


def codes(value: object) -> tuple[str, ...]:
    """Codes of rules, or what several of them start with: ``["RF101", "RF3"]``."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise ValueError(f"{shown(value)} is no list of codes")
    words = [word for item in items for word in text(item).upper().replace(",", " ").split()]
    for word in words:
        if not any(code.startswith(word) for code in known_codes()):
            raise ValueError(_no_code(word))
    return tuple(words)


def day(value: object) -> date:
    """A day: ``2027-01-01``, quoted or not."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else _no_day(value)
    except ValueError:
        return _no_day(value)


def share(value: object) -> Fraction:
    """A share that may be above 1: ``2%``, ``0.02``."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{shown(value)} is no share")
    try:
        number = read_number(str(value).strip(), SHARE)
    except ValueError as error:
        raise ValueError(f"{shown(value)} is no share: {error}") from None
    if not isinstance(value, str) and number > 1:
        raise ValueError(f'{shown(value)} is more than all of it; did you mean "{value}%"?')
    return number


def seconds(value: object) -> float:
    """A time in seconds: ``60``, ``"60 s"``, ``"2 min"``."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]*)", str(value).strip().lower())
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or found is None or found[2] not in _SECONDS:
        raise ValueError(f"{shown(value)} is no time in seconds")
    time = float(found[1]) * _SECONDS[found[2]]
    if time <= 0:
        raise ValueError(f"{shown(value)} leaves no time")
    return time


def memory(value: object) -> int:
    """An amount of memory in bytes: ``"4 GiB"``; a bare number is bytes."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"{shown(value)} is no amount of memory")
    try:
        size = int(read_number(str(value).strip(), MEMORY))
    except ValueError as error:
        raise ValueError(f"{shown(value)} is no amount of memory: {error}") from None
    if size < LEAST_MEMORY:
        meant = f'; did you mean "{value} GiB"?' if str(value).strip().isdecimal() and size < 10**4 else ""
        raise ValueError(f"{shown(value)} is {size} bytes, too little for anything to run{meant}")
    return size


def conv_blocks(value: object) -> Blocks:
    """A number of convolution blocks: a limit, or ``C1C2C3C40``, which is at least 4 of them and no max pooling.

    The synonym names the blocks C1, C2, ... and ends in 0 or O, for the output.
    """
    steps = re.findall(r"C\s*([0-9]+)", value, re.IGNORECASE) if isinstance(value, str) else []
    if not isinstance(value, str) or not re.fullmatch(r"\s*(C\s*[0-9]+[\s,-]*)+[0O]?\s*", value, re.IGNORECASE):
        return Blocks(parse_limits(value, COUNT))
    last = str(len(steps))
    if steps[:-1] != [str(number) for number in range(1, len(steps))] or steps[-1] not in (last, f"{last}0"):
        raise ValueError(
            f"{shown(value)} does not number its blocks from 1; did you mean {shown(_synonym(len(steps)))}?"
        )
    return Blocks((Limit(f">= {last}", low=Fraction(last)),), no_max_pooling=True)


def _synonym(blocks: int) -> str:
    return "".join(f"C{number}" for number in range(1, blocks + 1)) + "0"


def _literal(value: object) -> str:
    """A value of an argument as Python writes it, which is what ``--arg`` reads."""
    if isinstance(value, (date, datetime)) or (hasattr(value, "isoformat")):
        raise ValueError(f"{value} is a date or a time, which no argument can be; put it in quotes")
    return repr(value)


def _no_code(word: str) -> str:
    near = did_you_mean(word, known_codes())
    return f"no rule has the code {shown(word)}; " + (f"did you mean {near}?" if near else "rfkit rule lists them")


def _no_day(value: object) -> date:
    raise ValueError(f"{shown(value)} is no day")
