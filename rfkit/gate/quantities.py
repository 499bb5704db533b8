"""What the numbers of a spec count, and the units in which people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

_THOUSANDS = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_MEMORY = {
    "B": 1,
    **{f"{letter}B": 10**power for letter, power in (("k", 3), ("K", 3), ("M", 6), ("G", 9))},
    **{f"{letter}iB": 2**power for letter, power in (("K", 10), ("M", 20), ("G", 30))},
}
_NUMBER = re.compile(
    r"(?P<whole>\d+(?:_\d+)*|\d{1,3}(?:,\d{3})+)?(?P<part>\.\d+(?:_\d+)*)?(?:[eE](?P<power>[+-]?\d+))?"
    r"(?:\s*/\s*(?P<below>\d+))?\s*(?P<unit>[^\W\d_]*|%)",
    re.ASCII,
)
_MOST_DIGITS = 30


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of number.

    Attributes:
        name: what the messages call one of them.
        units: how many one of each unit is.
        spaced: whether a unit stands apart from its number: ``2 MiB``, but ``200k``.
        whole: whether it is always a whole number.
        per_axis: whether it has a value for each axis of the input.
        most: the largest there can be; None: any. The smallest is 0.
        remark: what a message adds where a limit is out of reach.
    """

    name: str
    units: Mapping[str, Fraction | int] = field(default_factory=dict)
    spaced: bool = False
    whole: bool = False
    per_axis: bool = False
    most: Fraction | None = None
    remark: str = ""

    def tidy(self, text: str) -> str:
        """A number that was read, as one would write it: ``2MiB`` is ``2 MiB``, ``200 K`` is ``200K``."""
        found = _NUMBER.fullmatch(text)
        assert found is not None
        unit = found["unit"]
        number = text[: len(text) - len(unit)].strip()
        return number if unit == "px" else f"{number}{' ' if unit and self.spaced else ''}{unit}"


SIZE = Quantity("length", {"px": 1}, per_axis=True)
HOLE = Quantity("length", {"px": 1}, whole=True, per_axis=True)
WINDOW = Quantity("size", whole=True, per_axis=True)
COUNT = Quantity("count", _THOUSANDS, whole=True)
MEMORY = Quantity("amount of memory", _MEMORY, spaced=True, whole=True)
SHARE = Quantity(
    "share", {"%": Fraction(1, 100)}, most=Fraction(1), remark=': it is a part of the image, from 0 to 1, e.g. ">= 90%"'
)


def read_number(text: str, quantity: Quantity) -> Fraction:
    """The exact value of a number as a person writes it: ``44``, ``200k``, ``200_000``, ``200,000``, ``2 MiB``, ``90%``, ``1/2``.

    Raises:
        ValueError: what is wrong with it.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or not (found["whole"] or found["part"]):
        raise ValueError(_wrong(text))
    digits = f"{found['whole'] or '0'}{found['part'] or ''}".replace("_", "").replace(",", "")
    power = int(found["power"] or 0) if len(found["power"] or "") <= 4 else _MOST_DIGITS + 1
    if len(digits) > _MOST_DIGITS or abs(power) > _MOST_DIGITS:
        raise ValueError(f"{text[:20]}{'...' if len(text) > 20 else ''} has more than {_MOST_DIGITS} digits")
    number = Fraction(digits) * Fraction(10) ** power
    if found["below"]:
        if int(found["below"]) == 0:
            raise ValueError(f"{text} divides by 0")
        number /= int(found["below"])
    return number * _unit(found["unit"], text, quantity)


def _unit(unit: str, text: str, quantity: Quantity) -> Fraction | int:
    if not unit or unit in quantity.units:
        return quantity.units.get(unit, 1)
    number = text[: -len(unit)].strip()
    if quantity is MEMORY and unit in _THOUSANDS:
        letter = unit.upper()
        raise ValueError(f"{text!r} is no amount of memory; did you mean {number} {letter}B or {number} {letter}iB?")
    if quantity is COUNT and unit in _MEMORY:
        raise ValueError(f"{unit} is a unit of memory, and this is a count")
    near = next((known for known in quantity.units if known.lower() == unit.lower()), None)
    if near:
        raise ValueError(f"no unit {unit!r}; did you mean {number}{' ' if quantity.spaced else ''}{near}?")
    units = ", ".join(quantity.units)
    raise ValueError(f"no unit {unit!r}; " + (f"there are {units}" if len(quantity.units) > 1 else _only(units)))


def _only(unit: str) -> str:
    return f"there is only {unit}" if unit else "it is a plain number"


def _wrong(text: str) -> str:
    said = text if len(text) <= 40 else f"{text[:40]}..."
    if re.fullmatch(r"-\s*[0-9.].*", text):
        return f"{said} is negative"
    if re.fullmatch(r"[0-9,]+", text):
        return f"the commas of {said} do not stand between thousands"
    return f"{said!r} is no number"
