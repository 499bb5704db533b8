"""One table of many networks: name, what became of it, its figures, and the codes of what does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from rfkit.gate.findings import Outcome, Verdict
from rfkit.gate.formats import words
from rfkit.gate.formats.lines import DIM, GREEN, RED, YELLOW, styled
from rfkit.gate.formats.options import Options
from rfkit.render import text

HEADINGS = ("network", "verdict", "RF", "features", "params", "MACs", "what does not hold")
NUMBERS = range(2, 6)
EXPENDABLE = (5, 3, 4)
"""Columns that are left out, one after the other, where the terminal is too narrow."""
NARROWEST = 60
LEAST_NAME, LEAST_REST = 20, 20
GAP = 2
_COLORS = {"held": GREEN, "broken": RED, "undecided": YELLOW, "error": RED}


def table(outcome: Outcome, options: Options) -> str:
    """A heading and a line per network, in their order, no line wider than ``options.width`` (at least 60)."""
    rows = [HEADINGS, *(_cells(verdict) for verdict in outcome.verdicts)]
    width = max(options.width, NARROWEST)
    widths = _widths(rows, width)
    if any(text.width(row[0]) > widths[0] for row in rows):
        rows = [(name, *row[1:]) for name, row in zip(_told_apart([row[0] for row in rows]), rows, strict=True)]
        widths = _widths(rows, width)
    heading = styled(_line(rows[0], widths, color=False), DIM, options.color)
    return "".join(f"{line}\n" for line in [heading, *(_line(row, widths, options.color) for row in rows[1:])])


def _cells(verdict: Verdict) -> tuple[str, ...]:
    return (words.one_line(verdict.model), words.state(verdict), *words.figures(verdict), _rest(verdict))


def _rest(verdict: Verdict) -> str:
    """Codes of what is broken, then of what is undecided with a ``?``; of a network that could not be run, why."""
    if verdict.error is not None:
        return _without_target(words.reason(verdict), verdict)
    undecided = (f"{code}?" for code in words.codes(verdict, "undecided").split())
    return " ".join([*words.codes(verdict, "broken").split(), *undecided])


def _without_target(said: str, verdict: Verdict) -> str:
    """The words without the target that they begin with: it stands in the first column."""
    source = words.one_line(verdict.target).rpartition(":")[0] or words.one_line(verdict.target)
    first, _, rest = said.partition(" ")
    return rest if rest and first.rstrip(":").startswith(source) else said


def _told_apart(column: Sequence[str]) -> list[str]:
    """Names without the folders before and the file behind that all have in common, which the heading then shows."""
    heading, *names = column
    before, behind = _alike(names), _alike([name[::-1] for name in names])[::-1]
    before = before[: before.rfind("/") + 1]
    behind = behind[min((behind.find(mark) for mark in "/:" if mark in behind), default=len(behind)) :]
    if not before + behind or any(len(name) <= len(before) + len(behind) for name in names):
        return [heading, *names]
    return [f"{before}*{behind}", *(name[len(before) : len(name) - len(behind)] for name in names)]


def _alike(names: Sequence[str]) -> str:
    """The characters with which all names begin."""
    columns = enumerate(zip(*names, strict=False))
    shared = next((i for i, chars in columns if len(set(chars)) > 1), min(map(len, names), default=0))
    return names[0][:shared] if names else ""


def _widths(rows: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """Columns that are shown and how wide each is: numbers whole, the rest shortened, the least important left out."""
    widths = {i: max(text.width(row[i]) for row in rows) for i in range(len(HEADINGS))}
    first, last = 0, len(HEADINGS) - 1
    if not any(row[last] for row in rows[1:]):
        del widths[last]
    least = min(widths[first], LEAST_NAME) + min(widths.get(last, 0), LEAST_REST)

    def room() -> int:
        return width - sum(w + GAP for i, w in widths.items() if i not in (first, last)) - GAP * (last in widths)

    for column in EXPENDABLE:
        if room() < least:
            del widths[column]
    if last in widths:
        named = max(room() - widths[last], room() // 2)
        widths[first] = min(widths[first], named)
        widths[last] = min(widths[last], room() - widths[first])
    else:
        widths[first] = min(widths[first], room())
    return widths


def _line(row: Sequence[str], widths: dict[int, int], color: bool) -> str:
    cells = []
    for i, columns in widths.items():
        short = text.shorten(row[i], columns) if i == 0 else text.cut(row[i], columns)
        padded = text.pad(short, columns, ">" if i in NUMBERS else "<")
        cells.append(styled(padded, _COLORS.get(row[i], ""), color and i == 1 and row[i] in _COLORS))
    return (" " * GAP).join(cells).rstrip()
