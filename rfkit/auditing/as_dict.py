"""An audit as JSON values, schema ``rfkit.audit/1``."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from rfkit.auditing.model import Audit, Check, Claim, Diagnosis, Numbers, Pattern, Row
from rfkit.report import Number

SCHEMA = "rfkit.audit/1"


def to_dict(audit: Audit) -> dict[str, Any]:
    """Everything that was found; numbers per axis are lists, of one number where all axes agree, fractions strings."""
    return {
        "schema": SCHEMA,
        "target": audit.target,
        "input_shape": list(audit.input_shape),
        "source": audit.source,
        "exit_status": audit.exit_status,
        "verdict": audit.verdict,
        "rows": [_row(row) for row in audit.rows],
        "claims": [_claim(claim) for claim in audit.claims],
        "mistakes": [_pattern(pattern) for pattern in audit.patterns],
        "missing": list(audit.missing),
        "unread": list(audit.unread),
        "notes": list(audit.notes),
    }


def to_json(audit: Audit) -> str:
    """The same as text, ending in a newline."""
    return json.dumps(to_dict(audit), indent=2, ensure_ascii=False) + "\n"


def _row(row: Row) -> dict[str, Any]:
    return {
        "table": row.table,
        "line": row.line,
        "name": row.name,
        "layer": row.layer,
        "fits": row.fits,
        "checks": [_check(check) for check in row.checks],
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "quantity": check.quantity,
        "stated": _numbers(check.stated),
        "right": _numbers(check.right),
        "verdict": check.verdict.value,
        "diagnoses": [_diagnosis(diagnosis) for diagnosis in check.diagnoses],
        "correction": check.correction,
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "line": claim.line,
        "stated": _numbers(claim.stated),
        "right": _numbers(claim.right),
        "right_features": _numbers(claim.right_features),
        "verdict": claim.verdict.value,
        "means": list(claim.means),
        "diagnoses": [_diagnosis(diagnosis) for diagnosis in claim.diagnoses],
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {"mistakes": list(diagnosis.mistakes), "working": diagnosis.working, "remark": diagnosis.remark}


def _pattern(pattern: Pattern) -> dict[str, Any]:
    return {
        "mistake": pattern.mistake,
        "explanation": pattern.explanation,
        "formula": pattern.formula,
        "quantity": pattern.quantity,
        "lines": list(pattern.lines),
        "reproduced": pattern.reproduced,
        "stated": pattern.stated,
    }


def _numbers(values: Numbers | None) -> list[Any] | None:
    return None if values is None else [_number(value) for value in values]


def _number(value: Number) -> int | str:
    exact = Fraction(value)
    return int(exact) if exact.denominator == 1 else str(exact)
