"""Texts that the forms of a diff share: what is different about a layer, how many there are, what the figures became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rfkit.gate.formats.words import many, one_line
from rfkit.gate.history.changes import Changes, Kind, LayerChange
from rfkit.gate.history.metrics import signed
from rfkit.render import rows, summary, text
from rfkit.report import Layer, Report

ARROW = "->"
MARKS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~", Kind.RENAMED: "=", Kind.AFFECTED: "."}
_WINDOW = {"kernel_size": "kernel", "stride": "stride", "padding": "padding", "dilation": "dilation"}
_SHOWN = (Kind.ADDED, Kind.REMOVED, Kind.CHANGED)


@dataclass(frozen=True, slots=True)
class Line:
    """One layer of a diff, as the forms for people show it.

    Attributes:
        kind: what became of it.
        names: its label; the old and the new one where it has another.
        type: its class, that of the new side.
        what: what is different about it; of one that was added or removed, its window and its output.
        field: its receptive field over the longest path, ``31 -> 39`` where that differs.
        params: by how many parameters there are more or fewer, with a sign; empty where there are as many.
    """

    kind: Kind
    names: tuple[str, ...]
    type: str
    what: str
    field: str
    params: str


def lines(changes: Changes, all_layers: bool = False) -> list[Line]:
    """A line per layer that was added, removed or changed; with ``all_layers`` also per one that differs in any way."""
    kinds = [kind for kind in MARKS if all_layers or kind in _SHOWN]
    graphs = [_Graph.of(side.report) for side in (changes.old, changes.new)]
    return [_line(change, changes, *graphs) for change in changes.of(*kinds)]


def arrow(old: object, new: object) -> str:
    """``3 -> 5``, a single word where both are alike."""
    return str(old) if str(old) == str(new) else f"{old} {ARROW} {new}"


def counts(changes: Changes) -> str:
    """``2 layers added, 1 removed, 3 changed``; empty where there are none of these."""
    found = [(len(changes.of(kind)), str(kind)) for kind in _SHOWN]
    said = [(count, word) for count, word in found if count]
    if not said:
        return ""
    (first, word), *rest = said
    return ", ".join([f"{many(first, 'layer')} {word}", *(f"{count:,} {word}" for count, word in rest)])


def whole(changes: Changes, hint: str = "") -> list[str]:
    """``counts`` as a sentence; where one side has no network, what the other one costs and sees."""
    if changes.totals:
        said = counts(changes)
        return [f"{said}."] if said else []
    report, word = (changes.new.report, "added") if changes.old.report is None else (changes.old.report, "removed")
    if report is None:
        return []
    listed = f"; {hint} lists them" if hint else ""
    return [f"{many(len(report), 'layer')} {word}{listed}.", summary.cost(report), *summary.seen(report)]


def remarks(changes: Changes, hint: str = "--all") -> list[str]:
    """What else differs, and what is left out, a sentence each."""
    found = [note if note.endswith(".") else f"{note}." for note in map(one_line, changes.notes)]
    old, new = changes.old.report, changes.new.report
    if old is not None and new is not None:
        found += _frame(old, new)
    renamed, affected = changes.of(Kind.RENAMED), changes.of(Kind.AFFECTED)
    shows = f"; {hint} lists {'it' if len(renamed) == 1 else 'them'}" if hint else ""
    if renamed:
        names = arrow(*(layer.label for layer in (renamed[0].old, renamed[0].new) if layer is not None))
        verb = "has" if len(renamed) == 1 else "have"
        found.append(f"{many(len(renamed), 'layer')} only {verb} another name ({one_line(names)}){shows}.")
    shows = f"; {hint} lists {'it' if len(affected) == 1 else 'them'}" if hint else ""
    if affected:
        others = f"{many(len(affected), 'other layer')} {'is' if len(affected) == 1 else 'are'} as before"
        found.append(f"{others}, but {_consequence(affected)}{shows}.")
    return found


def sides(changes: Changes) -> str:
    """``main (a1b2c3d) -> the working tree``."""
    return f"{one_line(changes.old.name)} {ARROW} {one_line(changes.new.name)}"


def inputs(changes: Changes) -> str:
    """``3x32x32``, ``3x32x32 -> 3x64x64`` where the two were traced on different ones."""
    shapes = [
        text.shape(side.report.input_shape, _batch(side.report)) for side in (changes.old, changes.new) if side.report
    ]
    return arrow(shapes[0], shapes[-1])


def _batch(report: Report) -> int:
    return report.input_shape[0] if report.input_shape[0] == 1 else -1


def _consequence(affected: Sequence[LayerChange]) -> str:
    """What follows for the layers that are as before themselves."""
    names = {name for change in affected for name in change.consequences}
    said = [("sees more or less", {"receptive_field", "receptive_field_min", "jump", "coverage", "unknown", "flags"})]
    said += [("has another shape", {"output_shape"}), ("costs more or less", {"macs"})]
    found = [words for words, group in said if names & group]
    plural = {"sees": "see", "has": "have", "costs": "cost"}
    if len(affected) > 1:
        found = [f"{plural[words.split()[0]]} {words.split(maxsplit=1)[1]}" for words in found]
    *first, last = found
    return f"{', '.join(first)} and {last}" if first else last


def _frame(old: Report, new: Report) -> list[str]:
    """Sentences on what belongs to no single layer."""
    found = []
    if old.input_shape != new.input_shape:
        found.append("The two were traced on different inputs, so their figures are not those of the layers alone.")
    if old.totals.output_shapes != new.totals.output_shapes:
        shapes = (
            ", ".join(text.shape(shape, _batch(report)) for shape in report.totals.output_shapes)
            for report in (old, new)
        )
        found.append(f"Output: {arrow(*shapes)}.")
    if old.totals.trainable_params != new.totals.trainable_params != new.totals.params:
        found.append(f"Trainable: {arrow(f'{old.totals.trainable_params:,}', f'{new.totals.trainable_params:,}')}.")
    idle = [name for name in new.totals.unused_modules if name not in old.totals.unused_modules]
    used = [name for name in old.totals.unused_modules if name not in new.totals.unused_modules]
    found += [f"Never called now: {one_line(text.listing(idle, 60))}."] if idle else []
    found += [f"No longer there or called now: {one_line(text.listing(used, 60))}."] if used else []
    return found


@dataclass(frozen=True, slots=True)
class _Graph:
    """A report with its layers by label."""

    report: Report | None
    layers: Mapping[str, Layer]

    @classmethod
    def of(cls, report: Report | None) -> _Graph:
        return cls(report, {layer.label: layer for layer in report or ()})

    def row(self, layer: Layer | None) -> rows.Row | None:
        return None if self.report is None or layer is None else rows.row(self.report, (layer,), self.layers)


def _line(change: LayerChange, changes: Changes, before: _Graph, after: _Graph) -> Line:
    layer = change.layer
    old, new = before.row(change.old), after.row(change.new)
    fields = [row.longest_field for row in (old, new) if row is not None]
    there = new or old
    what = _differences(change, changes) if old and new else "" if there is None else _described(there)
    had, has = (each.params if each is not None else 0 for each in (change.old, change.new))
    labels = [one_line(each.label) for each in (change.old, change.new) if each is not None]
    return Line(
        kind=change.kind,
        names=tuple(dict.fromkeys(labels)),
        type=one_line(layer.type),
        what=one_line(what),
        field=arrow(fields[0] or "-", fields[-1] or "-") if any(fields) else "",
        params=signed(has - had) if has != had else "",
    )


def _described(row: rows.Row) -> str:
    return ", ".join(part for part in (row.window_words, row.output) if part)


def _differences(change: LayerChange, changes: Changes) -> str:
    """``kernel 3 -> 5, padding 1 -> 2``."""
    old, new = change.old, change.new
    assert old is not None
    assert new is not None
    said = [arrow(old.type, new.type)] if "type" in change.own else []
    for name, word in _WINDOW.items():
        if name in change.own:
            sizes = ("none" if size is None else text.sizes(size) for size in (getattr(old, name), getattr(new, name)))
            said.append(f"{word} {arrow(*sizes)}")
    if "groups" in change.own:
        said.append(f"groups {arrow(old.groups, new.groups)}")
    if "transposed" in change.own:
        said.append("transposed" if new.transposed else "no longer transposed")
    if "channels" in change.own and old.channels and new.channels:
        pairs = zip(("in", "out"), old.channels, new.channels, strict=True)
        said += [f"{word} {arrow(before, after)}" for word, before, after in pairs if before != after]
    if "inputs" in change.own:
        said.append(f"reads {arrow(*(text.listing(each.inputs or ('nothing',)) for each in (old, new)))}")
    if not said or change.kind is not Kind.CHANGED:
        said += _shape(change, changes)
    if not said and "params" in change.own:
        said.append(f"params {arrow(f'{old.params:,}', f'{new.params:,}')}")
    return ", ".join(said)


def _shape(change: LayerChange, changes: Changes) -> list[str]:
    """The output of a layer that shows its change in nothing else."""
    both = [
        text.shape(layer.output_shape, report.input_shape[0])
        for layer, report in ((change.old, changes.old.report), (change.new, changes.new.report))
        if layer is not None and report is not None
    ]
    return [f"output {arrow(*both)}"] if both[0] != both[-1] else []
