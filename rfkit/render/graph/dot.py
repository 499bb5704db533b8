"""The picture as source text for Graphviz."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import ascii_uppercase

from rfkit.render.graph.build import build
from rfkit.render.graph.label import MUTED, WARNING, clean, colored, label
from rfkit.render.graph.legend import heading
from rfkit.render.graph.model import Cluster, Edge, End, Graph, Node, clustered, first_node
from rfkit.render.graph.page import arrange
from rfkit.render.graph.scales import Scale, scale
from rfkit.render.graph.words import end_words, node_words, short_name
from rfkit.report import Layer, Report

FONT = "Helvetica,Arial,sans-serif"
LINE = "#4d4d4d"
FRAME = "#a8a8a8"
END = "#e9e9e9"

BRANCHES = 3
"""Boxes fed by one box from which on their order is looked after."""


def source(report: Report, *, color: str = "coverage", depth: int | None = None, all_rows: bool = False) -> str:
    """The network as a graph in the DOT language, ending in a newline; the same text for the same report.

    Args:
        report: what a trace found.
        color: what the fill of a box says: one of ``COLORS``.
        depth: fold the layers that share this many components of their names into one box; None: no further than it must
            be to fit a page.
        all_rows: also a box for norms, activations and whatever else passes its input's field on unchanged.
    """
    graph = build(report, depth=depth, all_rows=all_rows)
    return "\n".join(_Writer(graph, color).lines()) + "\n"


class _Writer:
    """Writes one graph; ``column`` says by key in which column a box stands."""

    def __init__(self, graph: Graph, color: str) -> None:
        self.graph, self.macs = graph, color == "macs"
        self.scale: Scale = scale(graph.report, [node.row for node in graph.nodes], color)
        self.by_label: Mapping[str, Layer] = {layer.label: layer for layer in graph.report.layers}
        self.columns = arrange(graph).columns
        self.column = {node.key: i for i, nodes in enumerate(self.columns) for node in nodes}
        for edge in graph.edges:
            self.column.setdefault(edge.target, self.column.get(edge.source, 0))
        for edge in reversed(graph.edges):
            self.column.setdefault(edge.source, self.column[edge.target])
        self.feeding: dict[str, list[str]] = {}
        for edge in graph.edges:
            self.feeding.setdefault(edge.target, []).append(edge.source)
        self.frames = 0

    def lines(self) -> Iterator[str]:
        """The lines of the file."""
        yield f"digraph {quoted(self.graph.report.target)} {{"
        yield f'  graph [rankdir=TB, nodesep=0.25, ranksep=0.22, pad=0.2, fontname="{FONT}", fontsize=10]'
        yield f'  node [shape=box, style="rounded,filled", fontname="{FONT}", fontsize=10, margin="0.08,0.04",'
        yield f'    height=0.2, color="{LINE}", fillcolor=white, penwidth=0.8]'
        yield f'  edge [color="{LINE}", penwidth=0.9, arrowsize=0.55]'
        yield f"  labelloc=t; label=<{heading(self.graph, self.scale, len(self.columns))}>"
        for number, nodes in enumerate(self.columns):
            yield from self._column(number, nodes)
        yield from self._edges()
        yield "}"

    def _column(self, number: int, nodes: Sequence[Node]) -> Iterator[str]:
        for end in self.graph.inputs:
            if self.column.get(end.key, 0) == number:
                yield self._end(end)
        yield from self._members(clustered(nodes), "")
        for end in self.graph.outputs:
            if self.column.get(end.key, 0) == number:
                yield self._end(end)

    def _members(self, members: Sequence[Node | Cluster], frame: str, level: int = 0) -> Iterator[str]:
        indent = "  " * (level + 1)
        for member in self._in_order(members, level):
            if isinstance(member, Node):
                yield indent + self._node(member, frame)
                continue
            self.frames += 1
            side = "r" if self._beside(member, members) else "l"
            name = colored(short_name(member.name, frame), MUTED)
            yield f"{indent}subgraph cluster_{self.frames} {{"
            yield f"{indent}  label=<{name}>; tooltip={quoted(member.name)}; labeljust={side}; labelloc=t; fontsize=9; margin=6"
            yield f'{indent}  style=rounded; color="{FRAME}"; penwidth=0.8'
            yield from self._members(member.members, member.name, level + 1)
            yield f"{indent}}}"

    def _beside(self, frame: Cluster, members: Sequence[Node | Cluster]) -> bool:
        """Whether the line into a frame comes from the left: what feeds it feeds a frame before it as well."""
        before = members[: members.index(frame)]
        fed = {source for other in before for source in self.feeding.get(first_node(other).key, ())}
        return not fed.isdisjoint(self.feeding.get(first_node(frame).key, ()))

    def _in_order(self, members: Sequence[Node | Cluster], level: int) -> Iterable[Node | Cluster]:
        """The members; branches in a frame backwards, as ``dot`` turns what stands side by side in it around."""
        heads = [first_node(member).key for member in members]
        sources = Counter(source for head in heads for source in self.feeding.get(head, ()))
        return reversed(members) if level and max(sources.values(), default=0) >= BRANCHES else members

    def _node(self, node: Node, frame: str) -> str:
        words = node_words(node, frame, self.by_label, macs=self.macs)
        how = [
            f"label=<{label(words)}>",
            f"tooltip={quoted(node.row.label)}",
            f'fillcolor="{self.scale.color(node.row)}"',
        ]
        if words.warnings:
            how += [f'color="{WARNING}"', "penwidth=2"]
        if self.scale.step(node.row) is None:
            how.append('style="rounded,filled,dashed"')
        if node.folded:
            how.append("peripheries=2")
        return f"{quoted(node.key)} [{', '.join(how)}]"

    def _end(self, end: End) -> str:
        batch = next(iter(self.graph.report.input_shape), None)
        return (
            f'  {quoted(end.key)} [label=<{label(end_words(end, batch))}>, style=filled, fillcolor="{END}", penwidth=0]'
        )

    def _edges(self) -> Iterator[str]:
        """The lines; one into another column ends at a letter and goes on from the same letter there."""
        letters: dict[int, str] = {}
        for edge in self.graph.edges:
            begin, end = self.column[edge.source], self.column[edge.target]
            if begin == end:
                yield self._edge(edge.source, edge.target, edge)
                continue
            if end not in letters:
                letters[end] = letter = ascii_uppercase[len(letters)]
                for key in (f"to {letter}", f"from {letter}"):
                    yield f"  {quoted(key)} [label={letter}, shape=circle, width=0.24, fixedsize=true, style=solid]"
                yield f"  {quoted(edge.source)} -> {quoted(f'to {letter}')}"
            yield self._edge(f"from {letters[end]}", edge.target, edge)

    def _edge(self, source: str, target: str, edge: Edge) -> str:
        return f"  {quoted(source)} -> {quoted(target)}" + (" [style=dashed, arrowhead=empty]" if edge.context else "")


def quoted(name: str) -> str:
    """The name as a quoted string of the DOT language."""
    return '"' + clean(name).replace("\\", "\\\\").replace('"', '\\"') + '"'
