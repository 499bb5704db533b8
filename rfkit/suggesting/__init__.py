"""The smallest edits with which a network meets its spec."""

from __future__ import annotations

from rfkit.suggesting.edits import Edit, Kind
from rfkit.suggesting.found import Suggestion, Suggestions
from rfkit.suggesting.rebuild import apply_edits
from rfkit.suggesting.run import suggest

__all__ = ["Edit", "Kind", "Suggestion", "Suggestions", "apply_edits", "suggest"]
