"""Suggestions as JSON, schema ``rfkit.suggest/1``."""

from __future__ import annotations

import json
from typing import Any

from rfkit.gate.findings import Finding
from rfkit.report import Report
from rfkit.suggesting.edits import Edit
from rfkit.suggesting.found import Suggestion, Suggestions

SCHEMA = "rfkit.suggest/1"


def render(found: Suggestions) -> str:
    """The whole as indented JSON in ASCII, ending in a newline."""
    return json.dumps(to_dict(found), indent=2) + "\n"


def to_dict(found: Suggestions) -> dict[str, Any]:
    """The whole as JSON values. Keys are stable: some may be added, none is renamed."""
    return {
        "schema": SCHEMA,
        "model": found.model,
        "target": found.target,
        "spec": found.spec,
        "exit_code": found.exit_code,
        "in_spec": found.in_spec,
        "totals": _totals(found.report),
        "broken": [_finding(finding) for finding in found.findings if finding.fails],
        "suggestions": [_suggestion(each, found.report) for each in found.found],
        "beyond": [_finding(finding) for finding in found.beyond],
        "nearest": None if found.nearest is None else _suggestion(found.nearest, found.report),
        "tried": found.tried,
        "together": found.together,
        "applied": found.applied,
        "out_of_time": found.out_of_time,
        "untried": dict(found.untried),
        "left_alone": {reason: list(names) for reason, names in found.left_alone.items()},
        "seconds": round(found.seconds, 3),
    }


def _suggestion(suggestion: Suggestion, before: Report) -> dict[str, Any]:
    return {
        "edits": [_edit(edit, before) for edit in suggestion.edits],
        "passes": suggestion.passes,
        "totals": _totals(suggestion.report),
        "broken": [_finding(finding) for finding in suggestion.findings if finding.fails],
    }


def _edit(edit: Edit, before: Report) -> dict[str, Any]:
    places = {layer.name: layer.place for layer in before if layer.place}
    return {
        "kind": edit.kind.value,
        "text": edit.text,
        "layers": [{"layer": name, "place": places.get(name)} for name in dict.fromkeys(c.layer for c in edit.changes)],
    }


def _totals(report: Report) -> dict[str, Any]:
    totals: dict[str, Any] = report.to_dict()["totals"]
    return totals


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "rule": finding.rule,
        "message": finding.message,
        "value": finding.value,
        "limit": finding.limit,
        "gap": finding.gap,
        "layer": finding.layer,
    }
