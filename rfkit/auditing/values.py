"""What a cell says: ``7``, ``32x32``, ``(3, 3)``, ``56x56x64``, ``3 px``, ``**7**``, ``1/2``, ``7,5``, ``-``."""

from __future__ import annotations

import re
from fractions import Fraction

from rfkit.auditing.headings import plain
from rfkit.auditing.model import Numbers
from rfkit.report import Number

INTEGER = re.compile(r"\d+")
NUMBER = re.compile(r"[-+]?\d+(?:[.]\d+)?(?:/\d+)?")
_BLANK = frozenset({"", "-", "--", "–", "—", "?", "n/a", "na", "nan", "none", "null", "nil", "/", ".", "x", '"', "''"})
_UNIT = re.compile(r"(?<=[\d\s)\]])\s*(?:px|pixels?|units?)\b|[~≈=]", re.IGNORECASE)
_ARROW = re.compile(r"->|→|=>|⇒")
_SHAPE = re.compile(r"^[\s(\[]*[-+]?\d[\d./]*(?:\s*[x×X*,;@\s]\s*[-+]?\d[\d./]*)*[\s)\]]*$")


class NotANumberError(ValueError):
    """A cell that should hold a number and holds something else."""


def whole(value: Number) -> Number:
    """The value, as an integer where it is one."""
    return int(value) if value.denominator == 1 else value


def is_blank(cell: str) -> bool:
    """Whether a cell says nothing: empty, a dash, ``n/a``."""
    return plain(cell).lower() in _BLANK


def numbers(cell: str, *, decimal_comma: bool = False) -> tuple[Number, ...]:
    """All numbers of a cell, in order; those behind an arrow where there is one.

    Raises:
        NotANumberError: the cell holds anything but numbers, separators and a unit.
    """
    words = _UNIT.sub("", _ARROW.split(plain(cell))[-1]).strip()
    if decimal_comma and (match := re.fullmatch(r"(\d+),(\d+)", words)) and match[1] != match[2]:
        words = f"{match[1]}.{match[2]}"
    if not _SHAPE.match(words):
        raise NotANumberError(plain(cell))
    try:
        return tuple(whole(Fraction(word)) for word in NUMBER.findall(words))
    except ZeroDivisionError:
        raise NotANumberError(plain(cell)) from None


def window(cell: str) -> tuple[int, ...]:
    """The whole numbers of a cell that holds several parameters: ``3,1,1``, ``3/1/1``, ``k=3 s=1 p=1``.

    Raises:
        NotANumberError: the cell holds anything but numbers, separators and the letters k, s, p, d.
    """
    words = plain(cell)
    if not re.fullmatch(r"[\s\d,;:/|x×()\[\]=kspd-]*", words.lower()) or not (found := INTEGER.findall(words)):
        raise NotANumberError(words)
    return tuple(map(int, found))


def per_axis(found: tuple[Number, ...], axes: int) -> tuple[int, ...]:
    """Places, among all numbers of a cell, of those that belong to the axes: channels and a batch are left out.

    Of ``56x56x64`` and ``64x56x56`` on two axes, the channels are the number that differs; else they come first, as in
    PyTorch. One number counts for all axes.

    Raises:
        NotANumberError: there are fewer numbers than axes, yet more than one.
    """
    if len(found) == 1:
        return (0,)
    if len(found) == axes:
        return tuple(range(axes))
    if len(found) == 2 and axes == 1:
        return (1,)
    if len(found) == axes + 1:
        first, last = found[:axes], found[1:]
        channels_last = len(set(first)) == 1 and len(set(last)) > 1
        return tuple(range(axes)) if channels_last else tuple(range(1, axes + 1))
    if len(found) == axes + 2:
        return tuple(range(2, axes + 2))
    raise NotANumberError(" ".join(map(str, found)))


def same(stated: Numbers, right: Numbers) -> bool:
    """Whether what was stated, once or per axis, is right on every axis."""
    values = stated * len(right) if len(stated) == 1 else stated
    return len(values) == len(right) and all(a == b for a, b in zip(values, right, strict=True))


def rewritten(cell: str, right: dict[int, Number], *, decimal_comma: bool = False, several: bool = False) -> str:
    """The cell with some of its numbers replaced, everything around them kept.

    Args:
        cell: as it was written.
        right: the new numbers, by place in the cell.
        decimal_comma: whether numbers are written ``7,5``.
        several: whether the cell holds several parameters of a window, see ``window``.
    """
    if decimal_comma and re.fullmatch(r"\s*\d+,\d+\s*", cell) and set(right) == {0}:
        return str(right[0])
    arrows = list(_ARROW.finditer(cell))
    at = arrows[-1].end() if arrows else 0
    place = iter(range(len(cell)))

    def put(match: re.Match[str]) -> str:
        i = next(place)
        return str(right[i]) if i in right else match[0]

    return cell[:at] + (INTEGER if several else NUMBER).sub(put, cell[at:])
