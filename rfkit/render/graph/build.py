"""From a report to the boxes and lines of its picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rfkit.render.graph.model import Edge, End, Graph, Node
from rfkit.render.graph.page import fits
from rfkit.render.rows import Row, changes, fold, prefix, row
from rfkit.report import Layer, Report

Group = tuple[Layer, ...]

KEPT_AT_THE_ENDS = 12


def build(report: Report, *, depth: int | None = None, all_rows: bool = False) -> Graph:
    """The graph of a report.

    Args:
        report: what a trace found.
        depth: fold the layers that follow each other and share this many components of their names into one box; None:
            no further than it must be to fit a page. Where not even a depth of 1 does, the layers in the middle share
            one box.
        all_rows: also a box for norms, activations and whatever else passes its input's field on unchanged.
    """
    deepest = max((layer.name.count(".") + 1 for layer in report.layers), default=1)
    if depth is not None:
        return _built(report, fold(report.layers, depth), depth, all_rows, depth < deepest)
    for level in range(deepest, 0, -1):
        groups = fold(report.layers, level)
        if len(groups) > _MOST_GROUPS:
            continue
        graph = _built(report, groups, level, all_rows, level < deepest)
        if fits(graph):
            return graph
    return _built(report, _without_middle(fold(report.layers, 1)), 1, all_rows, True)


_MOST_GROUPS = 1000


def _without_middle(groups: Sequence[Group]) -> list[Group]:
    middle = groups[KEPT_AT_THE_ENDS:-KEPT_AT_THE_ENDS]
    inside = tuple(layer for group in middle for layer in group)
    if len(middle) < 2:
        return list(groups)
    return [*groups[:KEPT_AT_THE_ENDS], inside, *groups[-KEPT_AT_THE_ENDS:]]


def _built(report: Report, groups: Iterable[Group], depth: int, all_rows: bool, folded: bool) -> Graph:
    by_label = {layer.label: layer for layer in report.layers}
    boxes = [group for group in groups if all_rows or _shown(group, by_label)]
    names = _Names()
    nodes = tuple(_node(report, group, by_label, depth, names) for group in boxes)
    lines = _Lines(nodes, by_label, names)
    for layer in report.layers:
        lines.add(layer)
    outputs = _outputs(report, lines, names)
    return Graph(
        report=report,
        nodes=nodes,
        inputs=tuple(End(key, _input_shape(report, label)) for label, key in lines.inputs.items()),
        outputs=outputs,
        edges=tuple(Edge(source, target, context) for (source, target), context in lines.edges.items()),
        hidden=len(report.layers) - sum(len(group) for group in boxes),
        hidden_params=sum(layer.params for layer in report.layers) - sum(node.row.params for node in nodes),
        depth=depth if folded else None,
    )


def _shown(group: Group, by_label: Mapping[str, Layer]) -> bool:
    """Whether layers get a box: several do, and one that joins paths or changes a field, a shape or the cost."""
    return len(group) > 1 or len(set(group[0].inputs)) > 1 or changes(group[0], by_label)


class _Names:
    """Keys that are used up; one that is asked for again gets a number."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def unique(self, name: str) -> str:
        """The name, with `` (2)``, `` (3)``, ... where it is taken."""
        key, number = name, 1
        while key in self.taken:
            number += 1
            key = f"{name} ({number})"
        self.taken.add(key)
        return key


class _Lines:
    """Lines between boxes, drawn one layer after the other; a layer without a box hands on the lines that reach it."""

    def __init__(self, nodes: Sequence[Node], by_label: Mapping[str, Layer], names: _Names) -> None:
        self.box = {layer.label: node.key for node in nodes for layer in node.row.layers}
        self.by_label, self.names = by_label, names
        self.inputs: dict[str, str] = {}
        self.edges: dict[tuple[str, str], bool] = {}
        self.reach: dict[str, dict[str, bool]] = {}

    def add(self, layer: Layer) -> None:
        """Draw what the layer reads, of inputs only what it sees."""
        key = self.box.get(layer.label)
        sources: dict[str, bool] = {}
        for label in layer.inputs:
            if label not in self.by_label and _blind(layer):
                continue
            for source, context in self.sources(label).items():
                here = context or _left_out(self.by_label.get(label), layer)
                sources[source] = here and sources.get(source, True)
        self.reach[layer.label] = sources if key is None else {key: False}
        for source, context in sources.items():
            if key is not None and source != key:
                self.edges[source, key] = context and self.edges.get((source, key), True)

    def sources(self, label: str) -> dict[str, bool]:
        """The boxes behind a label, and whether what comes from them is context; a label not met before is an input."""
        if label in self.reach:
            return self.reach[label]
        if label not in self.inputs:
            self.inputs[label] = self.names.unique(label)
        return {self.inputs[label]: False}


def _blind(layer: Layer) -> bool:
    """Whether the layer sees nothing of any input, a constant for one."""
    return bool(layer.receptive_field) and not any(size != 0 for size in layer.receptive_field)


def _left_out(source: Layer | None, target: Layer) -> bool:
    """Whether the source has no positions left along an axis along which the target keeps its own, by another path."""
    if source is None or not target.context:
        return False
    return any(pooled and not kept for pooled, kept in zip(source.global_, target.global_, strict=True))


def _node(report: Report, group: Group, by_label: Mapping[str, Layer], depth: int, names: _Names) -> Node:
    drawn = _folded(report, group, by_label, depth) if len(group) > 1 else row(report, group, by_label)
    parts = group[0].name.split(".")
    path = parts[:-1] if len(group) == 1 else parts[: min(depth, len(parts)) - 1]
    modules = tuple(".".join(path[: i + 1]) for i in range(len(path)))
    return Node(names.unique(drawn.label), drawn, modules)


def _folded(report: Report, group: Group, by_label: Mapping[str, Layer], depth: int) -> Row:
    """The row of several layers; where they are of several modules, or calls of one, it is named after both ends."""
    drawn = replace(row(report, group, by_label, depth), type=f"{len(group):,} layers")
    first, last = group[0], group[-1]
    if prefix(first, depth) == prefix(last, depth) and first.name not in {layer.name for layer in group[1:]}:
        return drawn
    ends = [prefix(end, depth) + (f"#{end.call + 1}" if end.call else "") for end in (first, last)]
    return replace(drawn, label=" to ".join(ends))


def _input_shape(report: Report, label: str) -> tuple[tuple[int, ...], ...]:
    return (report.input_shape,) if label == "input" else ()


def _outputs(report: Report, lines: _Lines, names: _Names) -> tuple[End, ...]:
    """One end per layer that makes outputs, with the shapes of all that it makes."""
    shapes: dict[str, list[tuple[int, ...]]] = {}
    for label, shape in zip(report.totals.outputs, report.totals.output_shapes, strict=True):
        if label is not None:
            shapes.setdefault(label, []).append(shape)
    found = []
    for label, made in shapes.items():
        key = names.unique("output")
        found.append(End(key, tuple(made)))
        for source, context in lines.sources(label).items():
            lines.edges[source, key] = context
    return tuple(found)
