"""Hand calculations of receptive fields, checked against a report and diagnosed. No torch: a report is plain data."""

from __future__ import annotations

from rfkit.auditing.audit import audit, audit_claim
from rfkit.auditing.model import Audit, Check, Claim, Diagnosis, Pattern, Row, Table, Verdict
from rfkit.auditing.reading import read_table

__all__ = [
    "Audit",
    "Check",
    "Claim",
    "Diagnosis",
    "Pattern",
    "Row",
    "Table",
    "Verdict",
    "audit",
    "audit_claim",
    "read_table",
]
