"""How values, limits and gaps are written: short where that tells enough, in full digits where it would mislead."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rfkit.gate.limits import Limit
from rfkit.gate.quantities import COUNT, MEMORY, SHARE, Quantity, read_number
from rfkit.render.text import human, mebibytes
from rfkit.report import Number

MACS = Quantity("number of multiply-accumulates", COUNT.units, whole=True)


def written(value: Number | float, quantity: Quantity, limit: Limit | None = None) -> str:
    """A value as a message shows it.

    It is rounded only where the rounded value and the true one stand alike to the limit, and never onto its end.
    """
    short, full = _short(value, quantity, limit), _full(value, quantity, limit)
    try:
        rounded = read_number(short, quantity)
    except ValueError:
        return full
    exact = exactly(value)
    if rounded != exact and limit is not None:
        ends = (limit.low, limit.high)
        if limit.holds(rounded) != limit.holds(exact) or rounded in ends:
            return full
    return short


def exactly(value: Number | float) -> Fraction:
    """A value as a fraction; a decimal number as it is printed."""
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def _short(value: Number | float, quantity: Quantity, limit: Limit | None) -> str:
    if quantity is MEMORY:
        return mebibytes(int(value))
    if quantity is MACS:
        return human(int(value))
    if quantity is SHARE:
        return f"{float(value):.1%}" if _percents(limit) else f"{float(value):.3g}"
    return _full(value, quantity, limit)


def _full(value: Number | float, quantity: Quantity, limit: Limit | None) -> str:
    if quantity is MEMORY:
        return f"{int(value):,} B"
    if quantity is SHARE:
        return f"{float(value) * 100:.8g}%" if _percents(limit) else f"{float(value):.8g}"
    return f"{int(value):,}" if Fraction(value).denominator == 1 else str(value)


def _percents(limit: Limit | None) -> bool:
    return limit is not None and "%" in limit.text


def inside(limit: Limit) -> str:
    """A limit behind ``is`` or ``is not``: ``> 44``, ``in 45..64``, ``10``."""
    if ".." in limit.text:
        return f"in {limit.text}"
    return limit.text.removeprefix("== ")


def gap(value: Fraction, limit: Limit, whole: bool) -> Fraction:
    """By how much a value misses a limit; where both are whole, the least step that meets it. 0 where it holds."""
    low, high = limit.low, limit.high
    if limit.too_small(value) and low is not None:
        step = limit.low_open and whole and low.denominator == 1
        return low - value + step if not whole or low.denominator == 1 else Fraction(-(-low // 1)) - value
    if limit.too_large(value) and high is not None:
        step = limit.high_open and whole and high.denominator == 1
        return value - high + step if not whole or high.denominator == 1 else value - Fraction(high // 1)
    return Fraction(0)


def plain(value: Number | float | None) -> int | float | str | None:
    """A number as a finding holds it: whole ones as int, other fractions as text."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else str(value)
    return value


def per_axis(values: Sequence[Number | float | None]) -> int | float | str | None:
    """Values as a finding holds them: one number where all axes agree, else ``41x55``."""
    known = [value for value in values if value is not None]
    if known and len(set(values)) == 1:
        return plain(known[0])
    return "x".join("?" if value is None else str(value) for value in values)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 layer``, ``2 layers``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
