"""Parts of a network, found by the operators that ran and their geometry, whatever the modules are called."""

from __future__ import annotations

from collections.abc import Mapping

from rfkit.gate.checks.parts import convolutions, joining, pooling
from rfkit.gate.checks.parts.part import Part

__all__ = ["PARTS", "Part"]

PARTS: Mapping[str, Part] = {part.name: part for family in (convolutions, pooling, joining) for part in family.PARTS}
