"""The body of a pull request's comment: per network the figures, then the layers."""

from __future__ import annotations

from collections.abc import Sequence

from rfkit.gate.formats.markdown import code, escaped
from rfkit.gate.history.changes import Changes, Compared, Failure, Kind, regressions
from rfkit.gate.history.diff_formats import Settings
from rfkit.gate.history.diff_formats.wording import ARROW, MARKS, Line, inputs, lines, remarks, sides, whole
from rfkit.gate.history.metrics import Step, Trend

MARKER = "<!-- rfkit diff -->"
"""The first line, by which the comment to be renewed is found."""
LAYERS = 100
"""Layers of one network that are shown, and of all together five times as many: a comment holds 64 KiB."""


def render(compared: Sequence[Compared], settings: Settings) -> str:
    """The comment, its marker first. Networks that did not change are named in one line."""
    found = [one for one in compared if isinstance(one, Changes)]
    parts = [[MARKER]]
    room = 5 * LAYERS
    for changes in found:
        if not changes.identical:
            rows = lines(changes, settings.all_layers) if changes.totals or settings.all_layers else []
            shown = rows[: min(LAYERS, room)]
            room -= len(shown)
            parts += _block(changes, shown, len(rows) - len(shown), settings)
    same = [code(changes.model) for changes in found if changes.identical]
    parts += [[f"No difference: {', '.join(same)} ({escaped(sides(found[0]))})."]] if same else []
    failed = [one for one in compared if isinstance(one, Failure)]
    parts += [[f"- {code(one.model)} could not be compared: {escaped(one.error)}" for one in failed]] if failed else []
    return "\n".join("\n".join(part) + "\n" for part in parts).replace(f"{MARKER}\n\n", f"{MARKER}\n", 1)


def _block(changes: Changes, rows: Sequence[Line], rest: int, settings: Settings) -> list[list[str]]:
    parts = [[f"### rfkit diff: {code(changes.model)}"], [f"{escaped(sides(changes))}, input {inputs(changes)}"]]
    if changes.totals:
        worse = {step.metric.key for step in regressions(changes, settings.tolerance)}
        table = [_row(["", "before", "after", "change", ""]), _row([":--", "--:", "--:", "--:", "--:"])]
        parts.append([*table, *(_row(_total(step, step.metric.key in worse)) for step in changes.totals)])
    if rows:
        table = [_row(["", "layer", "type", "", "RF", "params"]), _row([":--", ":--", ":--", ":--", "--:", "--:"])]
        more = [f"\n{rest:,} more layers are in the log."] if rest else []
        parts.append([*table, *(_row(_layer(one)) for one in rows), *more])
    remarked = [f"- {escaped(one)}" for one in [*whole(changes), *remarks(changes, "")]]
    return [*parts, remarked] if remarked else parts


def _total(step: Step, worse: bool) -> list[str]:
    metric = step.metric
    before, after = (
        f"{'≤ ' if bound else ''}{metric.amount(values)}"
        for values, bound in ((step.old, step.old_bound), (step.new, step.new_bound))
    )
    cells = [before, after, *metric.difference(step.old, step.new)]
    if step.trend() is not Trend.SAME and worse:
        cells = [f"**{cell}**" if cell else "" for cell in cells]
    return [metric.heading, *map(_plus, cells)]


def _layer(one: Line) -> list[str]:
    sign = {Kind.REMOVED: "−"}.get(one.kind, MARKS[one.kind])
    return [
        f"`{sign}`",
        f" {ARROW} ".join(map(code, one.names)),
        escaped(one.type),
        escaped(one.what),
        escaped(one.field),
        _plus(one.params),
    ]


def _plus(said: str) -> str:
    """A signed number that is no item of a list, and a share that is no tag."""
    return said.replace("<", "&lt;")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
