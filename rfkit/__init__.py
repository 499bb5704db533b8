"""rfkit: what every layer of a PyTorch network sees, what it costs, and whether a hand calculation of it is right."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rfkit.errors import InputError, NothingAskedError, RfkitError, SpecError, TargetError, UsageError
from rfkit.report import Layer, Report, Totals

if TYPE_CHECKING:
    from rfkit.analyze import trace
    from rfkit.auditing import Audit, audit
    from rfkit.effective import Measurement, erf
    from rfkit.gate.findings import Outcome
    from rfkit.gate.run import check
    from rfkit.rules import rule
    from rfkit.suggesting import Suggestions, suggest
    from rfkit.target.loading import load_module as load
    from rfkit.verifying import verify

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "InputError",
    "Layer",
    "Measurement",
    "NothingAskedError",
    "Outcome",
    "Report",
    "RfkitError",
    "SpecError",
    "Suggestions",
    "TargetError",
    "Totals",
    "UsageError",
    "audit",
    "check",
    "erf",
    "load",
    "rule",
    "suggest",
    "trace",
    "verify",
]

_HOMES = {
    "Audit": ("rfkit.auditing", "Audit"),
    "Measurement": ("rfkit.effective", "Measurement"),
    "Outcome": ("rfkit.gate.findings", "Outcome"),
    "Suggestions": ("rfkit.suggesting", "Suggestions"),
    "audit": ("rfkit.auditing", "audit"),
    "check": ("rfkit.gate.run", "check"),
    "erf": ("rfkit.effective", "erf"),
    "load": ("rfkit.target.loading", "load_module"),
    "rule": ("rfkit.rules", "rule"),
    "suggest": ("rfkit.suggesting", "suggest"),
    "trace": ("rfkit.analyze", "trace"),
    "verify": ("rfkit.verifying", "verify"),
}
"""Where the names live that cost something to import."""


def __getattr__(name: str) -> Any:
    """Import what is not always needed, torch above all, only when it is asked for."""
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'rfkit' has no attribute {name!r}")
