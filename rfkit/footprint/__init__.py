"""The domain: what a unit sees of the input, and how that changes. NumPy only; knows no operator and no module."""

from rfkit.footprint.footprint import Footprint
from rfkit.footprint.paths import concat, union

__all__ = ["Footprint", "concat", "union"]
