"""A line per difference, for a spreadsheet: of which network and which layer, what it was, what it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rfkit.gate.formats.words import one_line
from rfkit.gate.history.changes import Changes, Compared, Failure, Kind, LayerChange
from rfkit.gate.history.diff_formats import Settings
from rfkit.report import Layer

COLUMNS = ("model", "kind", "layer", "was", "property", "old", "new")
_OF_ONE_SIDE = ("type", "output_shape", "receptive_field", "params", "macs")


def render(compared: Sequence[Compared], _settings: Settings) -> str:
    """Figures of the whole (kind ``total``), then layers; values per axis joined by ``x``. Failed networks are left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in compared:
        if not isinstance(one, Failure):
            writer.writerows([_text(cell) for cell in row] for row in _rows(one))
    return out.getvalue()


def _rows(changes: Changes) -> Iterator[tuple[str, ...]]:
    for step in changes.totals:
        if step.old != step.new:
            yield changes.model, "total", "", "", step.metric.key, _cell(step.old), _cell(step.new)
    for change in changes.layers:
        if change.kind is not Kind.SAME:
            yield from _layer(change, changes.model)


def _layer(change: LayerChange, model: str) -> Iterator[tuple[str, ...]]:
    was = change.old.label if change.renamed and change.old is not None else ""
    head = (model, str(change.kind), change.layer.label, was)
    one_side = change.old is None or change.new is None
    names = _OF_ONE_SIDE if one_side else (*change.own, *change.consequences)
    for name in names or ("",):
        yield (*head, name, _property(change.old, name), _property(change.new, name))


def _property(layer: Layer | None, name: str) -> str:
    return "" if layer is None or not name else _cell(getattr(layer, name))


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        words = [_cell(item) or "?" for item in value]
        return (" " if any(isinstance(item, str) for item in value) else "x").join(words)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(said: str) -> str:
    """One clean line; what a spreadsheet would take for a formula gets a ``'``."""
    said = one_line(said)
    return f"'{said}" if said.startswith(("=", "+", "-", "@")) else said
