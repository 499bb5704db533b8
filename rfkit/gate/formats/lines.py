"""Lines for a terminal: wrapped to its width with a hanging indent, coloured with restraint."""

from __future__ import annotations

from rfkit.render import text

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"


def styled(words: str, code: str, color: bool) -> str:
    """The words in an ANSI style, untouched where there are none or colours are off."""
    return f"\x1b[{code}m{words}\x1b[0m" if color and words else words


def wrapped(words: str, columns: int) -> list[str]:
    """The words in lines of at most so many columns; a word that is longer than a line is broken."""
    lines = [""]
    for word in words.split():
        if lines[-1] and text.width(lines[-1]) + 1 + text.width(word) > columns:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
        while text.width(lines[-1]) > columns:
            head = _head(lines[-1], columns)
            lines[-1:] = [head, lines[-1][len(head) :]]
    return lines


def _head(word: str, columns: int) -> str:
    """As many of the first characters as fit, at least one."""
    end = 1
    while end < len(word) and text.width(word[: end + 1]) <= columns:
        end += 1
    return word[:end]


def hanging(first: str, words: str, width: int, lead: int | None = None) -> list[str]:
    """``first`` and the words behind it, wrapped to the width; further lines begin below the first word.

    Args:
        first: what stands before the words on the first line, uncoloured or coloured.
        words: what is wrapped.
        width: of the terminal.
        lead: columns that ``first`` takes, where it holds colours.
    """
    indent = text.width(first) if lead is None else lead
    lines = wrapped(words, max(width - indent, 20))
    return [first + lines[0], *(" " * indent + line for line in lines[1:])]
