"""Everything that differs, as JSON, schema ``rfkit.diff/1``: a line per layer, to search and to compare by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rfkit import __version__
from rfkit.gate.history.changes import Changes, Compared, Failure, Kind, LayerChange, Side, regressions
from rfkit.gate.history.diff_formats import Settings
from rfkit.gate.history.metrics import Step, Value, Values
from rfkit.report import Report

SCHEMA = "rfkit.diff/1"
FRAME = ("target", "input_shape", "spatial", "device", "strict", "totals", "notes")
"""Keys of a report that stand on each side; its layers stand where they differ."""


def render(compared: Sequence[Compared], settings: Settings) -> str:
    """The comparisons as JSON in ASCII, ending in a newline; layers that are the same are only counted."""
    data = {
        "schema": SCHEMA,
        "rfkit": __version__,
        "tolerance": _number(settings.tolerance),
        "diffs": [_diff(one, settings) for one in compared if not isinstance(one, Failure)],
        "errors": [
            {"model": one.model, "target": one.target, "error": one.error}
            for one in compared
            if isinstance(one, Failure)
        ],
    }
    return f"{_laid_out(data)}\n"


def _diff(changes: Changes, settings: Settings) -> dict[str, Any]:
    return {
        "model": changes.model,
        "identical": changes.identical,
        "regressions": [step.metric.key for step in regressions(changes, settings.tolerance)],
        "old": _side(changes.old),
        "new": _side(changes.new),
        "totals": [_total(step, settings) for step in changes.totals],
        "counts": {str(kind): len(changes.of(kind)) for kind in Kind},
        "layers": _layers(changes),
        "notes": list(changes.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    data = side.report.to_dict() if side.report is not None else {}
    return {"name": side.name, "report": {key: data[key] for key in FRAME} if data else None}


def _total(step: Step, settings: Settings) -> dict[str, Any]:
    shares = [_share(*pair) for pair in zip(step.old, step.new, strict=False)]
    return {
        "metric": step.metric.key,
        "old": _values(step.old, step.metric.per_axis),
        "new": _values(step.new, step.metric.per_axis),
        "change": _values(step.change(), step.metric.per_axis),
        "share": shares if step.metric.per_axis else shares[0],
        "trend": str(step.trend(settings.tolerance)),
    }


def _values(values: Values, per_axis: bool) -> Any:
    plain = [_number(value) if isinstance(value, Fraction) else value for value in values]
    return plain if per_axis else plain[0]


def _share(old: Value, new: Value) -> float | None:
    """The step as a share of where it began, e.g. -0.0352; None where that was nothing or is not known."""
    return None if old is None or new is None or not old else round(float(new) / float(old) - 1, 6)


def _number(value: Fraction) -> int | str:
    return int(value) if value.denominator == 1 else str(value)


def _layers(changes: Changes) -> list[dict[str, Any]]:
    rows = [_rows(side.report) for side in (changes.old, changes.new)]
    return [_layer(change, *rows) for change in changes.layers if change.kind is not Kind.SAME]


def _rows(report: Report | None) -> dict[str, dict[str, Any]]:
    """The layers of a report as its JSON has them, by label."""
    if report is None:
        return {}
    return {layer.label: data for layer, data in zip(report, report.to_dict()["layers"], strict=True)}


def _layer(change: LayerChange, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    before = None if change.old is None else old[change.old.label]
    after = None if change.new is None else new[change.new.label]
    found: dict[str, Any] = {
        "kind": str(change.kind),
        "old": None if change.old is None else change.old.label,
        "new": None if change.new is None else change.new.label,
    }
    if before is None or after is None:
        return {**found, "layer": before or after}
    for group, names in (("own", change.own), ("consequences", change.consequences)):
        found[group] = {name: [before[name], after[name]] for name in names}
    return found


def _laid_out(value: Any, indent: str = "") -> str:
    """A list of objects has an item per line, an object that holds one a key per line; anything else stands on one line."""
    deeper = f"{indent}  "
    if _is_listing(value):
        return "[\n" + ",\n".join(deeper + _laid_out(item, deeper) for item in value) + f"\n{indent}]"
    if isinstance(value, dict) and any(map(_is_listing, value.values())):
        entries = (f"{deeper}{json.dumps(key)}: {_laid_out(item, deeper)}" for key, item in value.items())
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    return json.dumps(value, allow_nan=False)


def _is_listing(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
