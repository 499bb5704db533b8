"""rfkit: what every layer of a PyTorch network sees, what it costs, and whether a hand calculation of it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rfkit.errors import InputError, RfkitError, TargetError, UsageError
from rfkit.report import Layer, Report, Totals

if TYPE_CHECKING:
    from rfkit.analyze import trace
    from rfkit.rules import rule

__version__ = "0.1.0"

__all__ = ["InputError", "Layer", "Report", "RfkitError", "TargetError", "Totals", "UsageError", "rule", "trace"]


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name == "trace":
        from rfkit.analyze import trace

        return trace
    if name == "rule":
        from rfkit.rules import rule

        return rule
    raise AttributeError(f"module 'rfkit' has no attribute {name!r}")
