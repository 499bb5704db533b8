"""Words as the HTML-like labels of Graphviz."""

from __future__ import annotations

import re
from html import escape

from rfkit.render.graph.words import Words

MUTED = "#3d3d3d"
WARNING = "#a63603"
PALE = "#fff4ec"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GAP = '<TD WIDTH="8"></TD>'


def clean(words: str) -> str:
    """The words with a replacement character for every character that no XML may hold."""
    return _NOT_XML.sub("\ufffd", words)


def plain(words: str) -> str:
    """The words as text of a label."""
    return escape(clean(words))


def colored(words: str, color: str) -> str:
    """The words in a colour."""
    return f'<FONT COLOR="{color}">{plain(words)}</FONT>' if words else ""


def bold(words: str) -> str:
    """The words in bold."""
    return f"<B>{plain(words)}</B>"


def label(words: Words) -> str:
    """The label of a box: two columns with a gap between them, then its warnings on a pale ground."""
    kinds = {words.name: bold(words.name), words.kind: colored(words.kind, MUTED)}
    rows = [_row(kinds.get(left, plain(left)), right) for left, right in words.lines]
    rows += [
        f'<TR><TD COLSPAN="3" ALIGN="LEFT" BGCOLOR="{PALE}"><FONT COLOR="{WARNING}">{bold(warning)}</FONT></TD></TR>'
        for warning in words.warnings
    ]
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>'


def _row(left: str, right: str) -> str:
    if not right:
        return f'<TR><TD COLSPAN="3" ALIGN="LEFT">{left}</TD></TR>'
    return f'<TR><TD ALIGN="LEFT">{left or " "}</TD>{_GAP}<TD ALIGN="RIGHT">{plain(right)}</TD></TR>'
