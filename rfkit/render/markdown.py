"""The report as a table in GitHub's Markdown, with the same rows and sentences as the terminal's."""

from __future__ import annotations

from collections.abc import Sequence

from rfkit.render import summary, text
from rfkit.render.rows import Row, select
from rfkit.report import Report

COLUMNS = (
    ("layer", ":--"),
    ("type", ":--"),
    ("output", "--:"),
    ("window", ":--"),
    ("RF", "--:"),
    ("jump", "--:"),
    ("reads", "--:"),
    ("hole", "--:"),
    ("sees", "--:"),
    ("params", "--:"),
    ("MACs", "--:"),
    ("", ":--"),
)
_RARE = frozenset({"reads", "hole", ""})
"""Columns that are left out where they are empty."""


def render(report: Report, *, all_rows: bool = False, layers: str | None = None, depth: int | None = None) -> str:
    """The report as Markdown, ending in a newline. Arguments and errors as for the terminal's table."""
    selection = select(report, all_rows=all_rows, layers=layers, depth=depth)
    target, size, how = summary.head(report)
    rows = [_cells(row) for row in selection.rows]
    used = [i for i, (name, _) in enumerate(COLUMNS) if name not in _RARE or any(row[i] for row in rows)]
    lines = [f"**{_escaped(target)}**, {size}, {how}", ""]
    lines += [_line([COLUMNS[i][0] for i in used]), _line([COLUMNS[i][1] for i in used])]
    lines += [_line([row[i] for i in used]) for row in rows]
    remarks = [f"- {_begun(_escaped(line))}" for line in summary.lines(report, selection)]
    return "\n".join([*lines, "", *remarks]) + "\n"


def _cells(row: Row) -> Sequence[str]:
    sees = "" if row.coverage is None else text.percent(row.coverage)
    return (
        f"`{row.label}`",
        _escaped(row.type),
        row.output,
        row.window_words,
        row.field,
        row.jump,
        row.reads,
        row.hole,
        "everything" if row.everything else sees,
        f"{row.params:,}" if row.params else "",
        text.human(row.macs) if row.macs else "",
        row.marks.replace("*", "\\*").replace("~", "\\~").replace("+", "\\+"),
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _begun(words: str) -> str:
    """Words that begin neither a heading nor a list of their own."""
    return f"\\{words}" if words[:1] in "#+" else words


def _escaped(words: str) -> str:
    for char in "\\`*_|<>~":
        words = words.replace(char, "\\" + char)
    return words
