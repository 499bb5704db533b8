"""How single values are written: sizes, fields, counts, bars, and names that must fit a column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from rfkit.report import Number, PerAxis

EIGHTHS = " ▏▎▍▌▋▊▉█"
_WORD = re.compile(r"[^\W\d_]+")


def sizes(values: Sequence[object]) -> str:
    """Values per axis as one word: ``3`` where all axes agree, else ``5x7``."""
    words = [str(value) for value in values]
    return words[0] if len(set(words)) == 1 else "x".join(words)


def area(values: Sequence[object]) -> str:
    """Values per axis, every axis written out: ``32x32``, ``150``."""
    return "x".join(str(value) for value in values)


def known(values: PerAxis) -> tuple[Number, ...] | None:
    """The values when every axis has one, else None."""
    numbers = tuple(value for value in values if value is not None)
    return numbers if numbers and len(numbers) == len(values) else None


def field(largest: PerAxis, smallest: PerAxis) -> str:
    """A receptive field: ``11``, ``5x7``, ``31..39`` where paths differ, ``?`` on an axis that is not known."""
    if all(value is None for value in largest):
        return ""
    top, low = ["?" if value is None else str(value) for value in largest], [str(value) for value in smallest]
    if top == low or "None" in low:
        return sizes(top)
    return f"{sizes(low)}..{sizes(top)}" if len(set(top)) == len(set(low)) == 1 else f"{area(low)}..{area(top)}"


def jump(values: PerAxis) -> str:
    """Distance between neighbouring units: ``2``, ``1/2``, ``2x1``; empty where no axis has two units left."""
    if not any(values):
        return ""
    return sizes([value or "-" for value in values])


def shape(dims: Sequence[int], batch: int | None) -> str:
    """A tensor's shape without its batch dimension, which is kept where it is not ``batch``."""
    inner = dims[1:] if len(dims) > 1 and dims[0] == batch else dims
    return area(inner) if inner else "scalar"


def human(count: int) -> str:
    """A count in at most five characters: ``320``, ``9.2k``, ``111k``, ``18.8M``, ``1.2G``."""
    if count < 1000:
        return str(count)
    value = float(count)
    for unit in "kMGTP":
        value /= 1000
        if value < 99.95:
            return f"{value:.1f}{unit}"
        if value < 999.5:
            return f"{value:.0f}{unit}"
    return f"{value:.0f}P"


def mebibytes(size: int) -> str:
    """Bytes in the binary unit that reads best: ``640 B``, ``16 KiB``, ``0.55 MiB``, ``102 MiB``, ``1.2 GiB``."""
    if size < 10_000:
        return f"{size:,} B"
    if size < 100 * 2**10:
        return f"{size / 2**10:.0f} KiB"
    value, unit = size / 2**20, "MiB"
    if value >= 1000:
        value, unit = value / 1024, "GiB"
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}" if value < 1 else f"{value:.1f} {unit}"


def percent(share: float) -> str:
    """A share of one. Neither 0% nor 100% is printed for what is only near it."""
    if 0 < share < 0.005:
        return "<1%"
    return "99%" if 0.99 < share < 1 else f"{share:.0%}"


def bar(share: float, cells: int) -> str:
    """A bar of ``cells`` characters in eighths; anything above zero shows."""
    eighths = max(round(share * cells * 8), 1 if share > 0 else 0)
    if share < 1:
        eighths = min(eighths, cells * 8 - 1)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(cells)


def width(text: str) -> int:
    """Columns that a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def pad(text: str, columns: int, align: str = "<") -> str:
    """The text filled up with spaces to a number of columns."""
    space = " " * max(columns - width(text), 0)
    return space + text if align == ">" else text + space


def one_line(words: str) -> str:
    """The words with a space for every line break and whatever else a terminal would not print, as names may hold."""
    return words if words.isprintable() else "".join(char if char.isprintable() else " " for char in words)


def abbreviate(name: str, letters: int) -> str:
    """A dotted path, in one line, whose words, those of its last component aside, are cut to so many letters: ``f.d3.d12.conv1``.

    A word that would lose a single letter keeps it.
    """
    *path, last = one_line(name).split(".")
    parts = [_WORD.sub(lambda word: word[0][: letters + (len(word[0]) == letters + 1)], part) for part in path]
    return ".".join([*(part.replace("_", "") if letters == 1 else part for part in parts), last])


def shorten(name: str, columns: int) -> str:
    """The name, in one line, its middle replaced by ``…`` until it fits; the end, which tells layers apart, keeps two thirds."""
    name = one_line(name)
    if width(name) <= columns:
        return name
    if columns < 2:
        return "…"[:columns]
    head = (columns - 1) // 3
    front, back = name[:head], name[len(name) - (columns - 1 - head) :]
    while width(front) + width(back) >= columns:
        front, back = front[:-1] if len(front) > len(back) else front, back[1:] if len(back) >= len(front) else back
    return f"{front}…{back}"


def cut(word: str, columns: int) -> str:
    """The word with its end replaced by ``…`` until it fits."""
    if width(word) <= columns:
        return word
    while word and width(word) >= columns:
        word = word[:-1]
    return f"{word}…"


def listing(names: Sequence[str], room: int = 40) -> str:
    """The first names, as many as fit the room but at least one: ``a, b, c (and 8 more)``."""
    shown = 1
    while shown < len(names) and sum(map(len, names[: shown + 1])) <= room:
        shown += 1
    rest = len(names) - shown
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:shown])} (and {rest:,} more)"
