"""Limits as a person writes them: ``> 44``, ``< 200k``, ``<= 2 MiB``, ``45..64``, ``>= 0.9``.

A limit is a comparison (``>``, ``>=``, ``<``, ``<=``, ``==`` or ``=``), a bare number, which means exactly that number, a
range ``45..64`` with both ends included, or several comparisons at once, ``> 44, <= 64``. Numbers are exact fractions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from rfkit.gate.quantities import COUNT, Quantity, read_number


@dataclass(frozen=True, slots=True)
class Limit:
    """An interval that a number must lie in.

    Attributes:
        text: as one would write it, e.g. ``> 44`` or ``45..64``.
        low, high: its ends, None where it has none; exact.
        low_open, high_open: whether the end itself is excluded.
    """

    text: str
    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False

    def too_small(self, value: Fraction | int | float) -> bool:
        """Whether a value lies below the interval."""
        return self.low is not None and (value <= self.low if self.low_open else value < self.low)

    def too_large(self, value: Fraction | int | float) -> bool:
        """Whether a value lies above the interval."""
        return self.high is not None and (value >= self.high if self.high_open else value > self.high)

    def holds(self, value: Fraction | int | float) -> bool:
        """Whether a value lies in the interval."""
        return not self.too_small(value) and not self.too_large(value)


AT_LEAST_ONE = Limit(">= 1", low=Fraction(1))

_COMPARISON = re.compile(r"(<=|>=|==|=<|=>|=|<|>)?\s*(.*)", re.DOTALL)
_NEXT = re.compile(r"\s*(?:,|&|\band\b)\s*(?=[<>=])")
_PER_AXIS = re.compile(r"\s*[xX×]\s*(?=[\d.])")
_RANGE = re.compile(r"(.*?[^. ])\s*\.\.+\s*([^. ].*)", re.DOTALL)
_WORDS = {
    ">": ("more than", "greater than", "larger than", "above", "over"),
    ">=": ("at least", "no less than", "minimum", "min"),
    "<": ("less than", "fewer than", "smaller than", "below", "under"),
    "<=": ("at most", "up to", "no more than", "maximum", "max"),
    "==": ("exactly", "equal to", "equals"),
}
_LONGEST = 60


def parse_limits(value: object, quantity: Quantity = COUNT) -> tuple[Limit, ...]:
    """One limit for all axes, or one per axis: from ``["> 44", "> 60"]`` or ``> 44x60`` where the quantity has axes.

    Raises:
        ValueError: with the whole sentence, but for the name of the key.
    """
    if isinstance(value, (list, tuple)):
        if not quantity.per_axis:
            raise ValueError(f"{shown(value)} is a list, but it is one number, not one per axis")
        if not value:
            raise ValueError("the list is empty: a limit for each axis, or one for all")
        return tuple(parse_limit(item, quantity) for item in value)
    if isinstance(value, str) and quantity.per_axis:
        comparison, numbers = _parts(_tidy(value))
        each = _PER_AXIS.split(numbers)
        if len(each) > 1 and ".." not in numbers:
            return tuple(parse_limit(f"{comparison} {number}", quantity) for number in each)
    return (parse_limit(value, quantity),)


def parse_limit(value: object, quantity: Quantity = COUNT) -> Limit:
    """A limit from what a person writes.

    Args:
        value: the text of a limit, or a bare number, which means exactly that number.
        quantity: what is limited: its units and what is possible at all.

    Raises:
        ValueError: if it is no limit, contradicts itself or can never be met; the whole sentence, but for the key's name.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{shown(value)} is no limit")
    text = _tidy(value) if isinstance(value, str) else repr(value)
    if not text:
        raise ValueError("an empty text is no limit")
    span = _RANGE.fullmatch(text)
    limit = _range(span[1], span[2], value, quantity) if span else _all_of(_NEXT.split(text), value, quantity)
    _possible(limit, quantity)
    return limit


def shown(value: object) -> str:
    """A value of a spec as a message quotes it: as TOML writes it, cut where it is long."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str):
        text = quoted(value)
    elif isinstance(value, dict):
        text = "a table" if value else "an empty table"
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(map(shown, value)) + "]"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def quoted(text: str) -> str:
    """A text as TOML writes it, on one line and with everything escaped that does not print."""
    return "".join(
        letter if letter.isprintable() else _escaped(letter) for letter in json.dumps(text, ensure_ascii=False)
    )


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 2**16 else f"\\U{ord(letter):08x}"


def _range(low: str, high: str, value: object, quantity: Quantity) -> Limit:
    for end in (low, high):
        if _parts(end)[0]:
            raise ValueError(f"{shown(value)} is no limit: a range has no comparison in it, e.g. 45..64")
    lowest, highest = _number(low, value, quantity), _number(high, value, quantity)
    return Limit(f"{quantity.tidy(low)}..{quantity.tidy(high)}", lowest, highest)


def _all_of(parts: list[str], value: object, quantity: Quantity) -> Limit:
    limits = [_comparison(part, value, quantity) for part in parts]
    joined = limits[0]
    for limit in limits[1:]:
        joined = _both(joined, limit)
    return joined


def _comparison(text: str, value: object, quantity: Quantity) -> Limit:
    comparison, written = _parts(text)
    if not written:
        raise ValueError(f"{shown(value)} is no limit: no number follows {comparison}")
    number = _number(written, value, quantity)
    comparison = comparison or "=="
    said = f"{comparison} {quantity.tidy(written)}"
    if comparison == "==":
        return Limit(said, number, number)
    if comparison[0] == ">":
        return Limit(said, low=number, low_open=comparison == ">")
    return Limit(said, high=number, high_open=comparison == "<")


def _both(one: Limit, other: Limit) -> Limit:
    """The interval in which two overlap, which may be none."""
    text = f"{one.text}, {other.text}"
    ends: dict[str, Fraction | None] = {"low": one.low, "high": one.high}
    opened = {"low": one.low_open, "high": one.high_open}
    for end, sign in (("low", 1), ("high", -1)):
        mine, theirs = ends[end], getattr(other, end)
        if theirs is not None and (mine is None or sign * theirs > sign * mine):
            ends[end], opened[end] = theirs, getattr(other, f"{end}_open")
        elif theirs == mine:
            opened[end] |= getattr(other, f"{end}_open")
    return Limit(text, ends["low"], ends["high"], opened["low"], opened["high"])


def _possible(limit: Limit, quantity: Quantity) -> None:
    """Raise ValueError where no number meets the limit, or none that this quantity can have."""
    low, high = limit.low, limit.high
    if low is not None and high is not None and (low > high or (low == high and (limit.low_open or limit.high_open))):
        raise ValueError(f"no number can be {limit.text}")
    if limit.too_large(0) or (quantity.most is not None and limit.too_small(quantity.most)):
        raise ValueError(f"no {quantity.name} can be {limit.text}{quantity.remark}")
    if quantity.whole and low is not None and high is not None:
        first = low.__floor__() + 1 if limit.low_open else low.__ceil__()
        if limit.too_large(first):
            raise ValueError(f"no whole number is {limit.text}")


def _number(text: str, value: object, quantity: Quantity) -> Fraction:
    try:
        return read_number(text, quantity)
    except ValueError as error:
        meant = _meant(text) if isinstance(value, str) else None
        hint = f"; did you mean {meant}?" if meant else ""
        raise ValueError(f"{shown(value)} is no limit: {error}{hint}") from None


def _meant(text: str) -> str | None:
    """The limit that a phrase such as ``at least 45``, ``44 <`` or ``45+`` stands for; None where it is none of these."""
    lower = text.lower().rstrip(".")
    for comparison, word in _phrases():
        number = re.fullmatch(rf"{word}\b\W*(\d\S*)", lower)
        if number:
            return f'"{comparison} {number[1]}"'
    turned = re.fullmatch(r"(\d[^<>=]*?)\s*(<=|>=|<|>)", text)
    if turned:
        return f'"{turned[2].translate(str.maketrans("<>", "><"))} {turned[1]}"'
    plus = re.fullmatch(r"(\d\S*?)\s*\+", text)
    if plus:
        return f'">= {plus[1]}"'
    span = re.fullmatch(r"(\d+)\s*(?:-|–|to)\s*(\d+)", text)
    return f'"{span[1]}..{span[2]}"' if span else None


def _phrases() -> Iterator[tuple[str, str]]:
    for comparison, words in _WORDS.items():
        for word in words:
            yield comparison, word


def _parts(text: str) -> tuple[str, str]:
    """The comparison and what follows it; an empty comparison where there is none."""
    found = _COMPARISON.fullmatch(text)
    assert found is not None
    same = {"=": "==", "=<": "<=", "=>": ">="}
    comparison = found[1] or ""
    return same.get(comparison, comparison), found[2].strip()


def _tidy(text: str) -> str:
    return " ".join(text.replace("≤", "<=").replace("≥", ">=").split())
