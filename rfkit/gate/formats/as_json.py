"""Everything, as JSON, schema ``rfkit.check/1``: every finding, also those that hold, and every network's totals."""

from __future__ import annotations

import json
import re
from math import isfinite
from pathlib import Path
from typing import Any

from rfkit.gate.findings import Finding, Outcome, Value, Verdict
from rfkit.gate.formats import words
from rfkit.gate.formats.options import Options, installed_versions
from rfkit.gate.formats.problems import fingerprints, locate

SCHEMA = "rfkit.check/1"
REPORT = ("input_shape", "spatial", "device", "strict", "totals", "notes")
"""Keys of a report that stand in a network's entry; its layers are left to ``rfkit report --format json``."""

_HALF = re.compile("[\ud800-\udfff]")


def render(outcome: Outcome, options: Options) -> str:
    """The outcome as JSON in ASCII, a line per finding to search and to compare by, ending in a newline."""
    return f"{_laid_out(to_dict(outcome, options), '')}\n"


def _laid_out(value: Any, indent: str) -> str:
    """A list of objects with an item per line, an object that holds one with a key per line, anything else on one line."""
    deeper = f"{indent}  "
    if _listing(value):
        return "[\n" + ",\n".join(deeper + _laid_out(item, deeper) for item in value) + f"\n{indent}]"
    if isinstance(value, dict) and any(map(_listing, value.values())):
        entries = (f"{deeper}{json.dumps(key)}: {_laid_out(item, deeper)}" for key, item in value.items())
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    return json.dumps(value, allow_nan=False)


def _listing(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def to_dict(outcome: Outcome, options: Options) -> dict[str, Any]:
    """The outcome as JSON values. Keys are stable: some may be added, none is renamed."""
    counts = words.counted_all(outcome)
    marks = fingerprints(outcome)
    data = {
        "schema": SCHEMA,
        "versions": dict(options.versions if options.versions is not None else installed_versions()),
        "spec": outcome.spec,
        "exit_code": outcome.exit_code,
        "summary": {
            "models": len(outcome.verdicts),
            "passed": sum(verdict.exit_code == 0 for verdict in outcome.verdicts),
            "failed": sum(verdict.exit_code == 1 for verdict in outcome.verdicts),
            "errors": sum(verdict.exit_code == 2 for verdict in outcome.verdicts),
            "rules": counts.rules,
            "held": counts.held,
            "broken": counts.broken,
            "undecided": counts.undecided,
            "warnings": counts.warnings,
            "infos": counts.infos,
            "excepted": counts.excepted,
        },
        "notes": list(outcome.notes),
        "models": [
            _model(verdict, own, outcome.spec, options.root)
            for verdict, own in zip(outcome.verdicts, marks, strict=True)
        ],
    }
    whole: dict[str, Any] = _whole(data)
    return whole


def _whole(value: Any) -> Any:
    """The value with every lone surrogate replaced: strict readers of JSON refuse half a character."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _model(verdict: Verdict, marks: tuple[str, ...], spec: str | None, root: Path | None) -> dict[str, Any]:
    report = verdict.report.to_dict() if verdict.report is not None else {}
    return {
        "model": verdict.model,
        "target": verdict.target,
        "state": words.state(verdict),
        "exit_code": verdict.exit_code,
        "error": verdict.error,
        "stubs": list(verdict.stubs),
        "seconds": round(verdict.seconds, 3),
        "report": {key: report[key] for key in REPORT} if report else None,
        "findings": [
            _finding(verdict, finding, mark, spec, root) for finding, mark in zip(verdict.findings, marks, strict=False)
        ],
    }


def _finding(verdict: Verdict, finding: Finding, mark: str, spec: str | None, root: Path | None) -> dict[str, Any]:
    place = locate(verdict, finding, spec, root)
    return {
        "code": finding.code,
        "status": str(finding.status),
        "severity": str(finding.severity),
        "fails": finding.fails,
        "rule": finding.rule,
        "message": finding.message,
        "value": _number(finding.value),
        "limit": finding.limit,
        "gap": _number(finding.gap),
        "layer": finding.layer,
        "path": place.path,
        "line": place.line,
        "help": list(finding.help),
        "note": finding.note,
        "excepted": finding.excepted,
        "key": finding.key,
        "fingerprint": mark,
    }


def _number(value: Value) -> Value:
    """The value; JSON has no infinity and no NaN, so they are written out as words."""
    return str(value) if isinstance(value, float) and not isfinite(value) else value
