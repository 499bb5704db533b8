"""The form for a terminal: one quiet line where nothing differs, else the figures, then the layers, then what is left to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rfkit.gate.formats.lines import BOLD, DIM, GREEN, RED, YELLOW, hanging, styled
from rfkit.gate.formats.words import one_line
from rfkit.gate.history.changes import Changes, Compared, Failure, regressions
from rfkit.gate.history.diff_formats import Settings, layers
from rfkit.gate.history.diff_formats.wording import inputs, lines, remarks, sides, whole
from rfkit.gate.history.metrics import Step, Trend, shown_tolerance
from rfkit.render import text

NARROWEST = 60
_TRENDS = {Trend.BETTER: GREEN, Trend.WORSE: RED, Trend.UNKNOWN: YELLOW, Trend.SAME: ""}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, with the style it is written in."""

    text: str
    style: str = ""


def render(compared: Sequence[Compared], settings: Settings) -> str:
    """A block per network, an empty line between those that have more than one; networks that failed are left out."""
    blocks = [_block(one, settings) for one in compared if not isinstance(one, Failure)]
    joined: list[str] = []
    for i, block in enumerate(blocks):
        joined += ["", *block] if i and max(len(block), len(blocks[i - 1])) > 1 else block
    return "".join(f"{line.rstrip()}\n" for line in joined)


def _block(changes: Changes, settings: Settings) -> list[str]:
    color, width = settings.options.color, max(settings.options.width, NARROWEST)
    if changes.identical:
        names = [one_line(side.name) for side in (changes.old, changes.new)]
        same = hanging("", f"{one_line(changes.model)}: no difference between {' and '.join(names)}", width)
        return [styled(line, DIM, color) for line in same]
    parts = [_head(changes, width, color), _totals(changes, color)]
    if changes.totals or settings.all_layers:
        parts.append(layers.table(lines(changes, settings.all_layers), width, color))
    parts.append(_remarks(changes, settings, width))
    parts.append(_verdict(changes, settings, width))
    shown = [part for part in parts if part]
    return [line for i, part in enumerate(shown) for line in (["", *part] if i else part)]


def _head(changes: Changes, width: int, color: bool) -> list[str]:
    """Name, sides and input in a line, or in two or three where that is too narrow; the name is left out if a side has it."""
    shape, between = f"input {inputs(changes)}", sides(changes)
    if changes.model in (changes.old.name, changes.new.name):
        parts = [(between, BOLD)]
    else:
        parts = [(one_line(changes.model), BOLD), (between, "")]
    parts.append((shape, DIM))
    if sum(text.width(words) + 3 for words, _ in parts) - 3 <= width:
        return ["   ".join(styled(words, style, color and bool(style)) for words, style in parts)]
    return [styled(line, style, color and bool(style)) for words, style in parts for line in hanging("", words, width)]


def _totals(changes: Changes, color: bool) -> list[str]:
    """The figures of the whole: before, after, the step with its sign, its share."""
    if not changes.totals:
        return []
    head = [Cell(word, DIM) for word in ("", "before", "after", "change", "")]
    return _columns([head, *map(_figure, changes.totals)], "<>>>>", color)


def _figure(step: Step) -> list[Cell]:
    metric, trend = step.metric, step.trend()
    old, new = (
        f"{'<= ' if bound else ''}{metric.amount(values)}"
        for values, bound in ((step.old, step.old_bound), (step.new, step.new_bound))
    )
    difference, share = metric.difference(step.old, step.new)
    if not difference and old != new:
        difference = "?"
    quiet = DIM if old == new else ""
    style = _TRENDS[trend]
    return [
        Cell(metric.heading, quiet),
        Cell(old, quiet),
        Cell(new, quiet),
        Cell(difference, style),
        Cell(share, style),
    ]


def _columns(rows: Sequence[Sequence[Cell]], align: str, color: bool) -> list[str]:
    widths = [max(text.width(row[i].text) for row in rows) for i in range(len(align))]
    found = []
    for row in rows:
        cells = [_padded(cell, *size, color) for cell, size in zip(row, zip(widths, align, strict=True), strict=True)]
        found.append(f" {'  '.join(cells)}".rstrip())
    return found


def _padded(cell: Cell, width: int, align: str, color: bool) -> str:
    space = " " * (width - text.width(cell.text))
    shown = styled(cell.text, cell.style, color and bool(cell.style))
    return space + shown if align == ">" else shown + space


def _remarks(changes: Changes, settings: Settings, width: int) -> list[str]:
    hint = "" if settings.all_layers else "--all"
    every = [*whole(changes, hint), *remarks(changes, hint)]
    return [line for one in every for line in hanging(" ", one, width)]


def _verdict(changes: Changes, settings: Settings, width: int) -> list[str]:
    """What makes the command fail, in red; nothing where it does not."""
    worse = regressions(changes, settings.tolerance) if settings.fails else ()
    if not worse:
        return []
    tolerated = f" by more than {shown_tolerance(settings.tolerance)}" if settings.tolerance else ""
    names = {trend: ", ".join(s.metric.name for s in worse if s.trend(settings.tolerance) is trend) for trend in Trend}
    said = [f"worse than {one_line(changes.old.name)}{tolerated}: {names[Trend.WORSE]}"] if names[Trend.WORSE] else []
    said += [f"not to be compared: {names[Trend.UNKNOWN]}"] if names[Trend.UNKNOWN] else []
    found = [line for one in said for line in hanging("", one, width)]
    return [styled(line, RED, settings.options.color) for line in found]
