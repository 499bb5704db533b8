"""rfkit: what every layer of a PyTorch network sees, what it costs, and whether a hand calculation of it is right."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rfkit.errors import InputError, RfkitError, SpecError, TargetError, UsageError
from rfkit.report import Layer, Report, Totals

if TYPE_CHECKING:
    from rfkit.analyze import trace
    from rfkit.auditing import Audit, audit
    from rfkit.gate.findings import Outcome
    from rfkit.gate.run import check
    from rfkit.rules import rule
    from rfkit.target.loading import load_module as load

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "InputError",
    "Layer",
    "Outcome",
    "Report",
    "RfkitError",
    "SpecError",
    "TargetError",
    "Totals",
    "UsageError",
    "audit",
    "check",
    "load",
    "rule",
    "trace",
]

_HOMES = {
    "Audit": ("rfkit.auditing", "Audit"),
    "Outcome": ("rfkit.gate.findings", "Outcome"),
    "audit": ("rfkit.auditing", "audit"),
    "check": ("rfkit.gate.run", "check"),
    "load": ("rfkit.target.loading", "load_module"),
    "rule": ("rfkit.rules", "rule"),
    "trace": ("rfkit.analyze", "trace"),
}
"""Where the names live that cost something to import."""


def __getattr__(name: str) -> Any:
    """Import what is not always needed, torch above all, only when it is asked for."""
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'rfkit' has no attribute {name!r}")
