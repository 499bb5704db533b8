"""What the axes of an input are called, by their number, and a place along each of them."""

from __future__ import annotations

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
PLACES = {1: ("position",), 2: ("row", "column"), 3: ("frame", "row", "column")}


def axis_names(count: int) -> tuple[str, ...]:
    """Names of so many axes; where that is not usual, ``axis 1``, ``axis 2``, ..."""
    return AXES.get(count) or tuple(f"axis {axis + 1}" for axis in range(count))
