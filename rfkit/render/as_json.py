"""The report as JSON, schema ``rfkit.report/1``: one line per layer, to search and to compare by."""

from __future__ import annotations

import json
from typing import Any

from rfkit.render.rows import entries
from rfkit.report import Report


def render(report: Report, *, layers: str | None = None) -> str:
    """The keys of ``Report.to_dict()``, every layer on its own line, ending in a newline.

    Args:
        report: what a trace found.
        layers: a shell pattern for the layers to write, e.g. ``conv*``; totals stay those of the whole network.

    Raises:
        UsageError: no layer matches ``layers``.
    """
    data = {**report.to_dict(), "layers": entries(report, layers)}
    return _block({key: _value(value) for key, value in data.items()})


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
    if isinstance(value, dict):
        inner = (f"    {json.dumps(key)}: {json.dumps(item)}" for key, item in value.items())
        return "{\n" + ",\n".join(inner) + "\n  }"
    return json.dumps(value)


def _block(values: dict[str, str]) -> str:
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {value}" for key, value in values.items()) + "\n}\n"
