"""What stands in a box, line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rfkit.render import text
from rfkit.render.graph.model import End, Node
from rfkit.render.rows import MARKS, causes
from rfkit.report import Layer

LONGEST_NAME = 34
LONGEST_TYPE = 24

WARNINGS: Mapping[str, str] = {
    "unknown": "no rule",
    "space_in_batch": "positions in the batch",
    "misaligned": "misaligned",
    "gridding": "gridding",
    "unproductive": "unproductive",
}
"""What is written out in a box, beside its sign."""

SIGNS = ("measured", "bound", "context")
"""What is only a sign at the field."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a box: name and shape, kind and parameters, field and multiply-accumulates side by side, warnings."""

    name: str
    shape: str
    kind: str = ""
    params: str = ""
    field: str = ""
    macs: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """What stands on the left and on the right of each line, the warnings aside."""
        pairs = ((self.name, self.shape), (self.kind, self.params), (self.field, self.macs))
        return tuple(pair for pair in pairs if any(pair))


def node_words(node: Node, frame: str, by_label: Mapping[str, Layer], *, macs: bool = False) -> Words:
    """The words of a box.

    Args:
        node: the box.
        frame: name of the module whose frame it stands in, empty for none; it is not repeated.
        by_label: the layers of the report.
        macs: with multiply-accumulates.
    """
    row = node.row
    return Words(
        name=short_name(row.label, frame),
        shape=row.output,
        kind=" ".join(part for part in (text.cut(row.type, LONGEST_TYPE), row.window_words) if part),
        params=_count(row.params, "params"),
        field=_field(node),
        macs=_count(row.macs, "MACs") if macs else "",
        warnings=tuple(_warnings(node, by_label)),
    )


def end_words(end: End, batch: int | None) -> Words:
    """The words of an input or an output: its name and its shapes."""
    shapes = [text.shape(shape, batch) for shape in end.shapes]
    return Words(end.key, text.listing(shapes) if shapes else "")


def short_name(label: str, frame: str, longest: int = LONGEST_NAME) -> str:
    """The label without the name of the frame, but with as many words of it as it takes to have a letter in it."""
    parts = label.split(".")
    inside = frame.count(".") + 1 if frame and label.startswith(f"{frame}.") else 0
    start = next((i for i in range(inside, -1, -1) if re.search(r"[^\W\d_]", ".".join(parts[i:]))), 0)
    return text.shorten(".".join(parts[start:]), longest)


def _field(node: Node) -> str:
    """``RF 31..39, jump 4``, with a sign before a size that is not exact and one behind it for context."""
    row = node.row
    found = {cause for end in row.ends for cause in causes(end)}
    how = next((MARKS[cause] for cause in ("bound", "measured") if cause in found), "")
    words = [f"RF {how}{row.field}{MARKS['context'] if 'context' in found else ''}"] if row.field else []
    words += ["sees all"] if row.everything else [f"jump {row.jump}"] if row.jump else []
    return ", ".join(words)


def _warnings(node: Node, by_label: Mapping[str, Layer]) -> list[str]:
    """The warnings of a box, signs first; of folded layers how many have them."""
    found = []
    for cause, words in WARNINGS.items():
        count = sum(_begins(cause, layer, by_label) for layer in node.row.layers)
        if count:
            found.append(f"{MARKS[cause]} {count} {words}" if node.folded else f"{MARKS[cause]} {words}")
    return found


def _begins(cause: str, layer: Layer, by_label: Mapping[str, Layer]) -> bool:
    """Whether a layer has a cause; of an operator without a rule, which everything behind it suffers from, the first."""
    if cause not in causes(layer):
        return False
    return cause != "unknown" or all((s := by_label.get(i)) is None or s.unknown is None for i in layer.inputs)


def _count(count: int, unit: str) -> str:
    return f"{text.human(count)} {unit}" if count else ""
