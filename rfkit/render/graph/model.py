"""What is drawn: boxes, the lines between them, and the modules around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rfkit.render.rows import Row
from rfkit.report import Report


@dataclass(frozen=True, slots=True)
class Node:
    """A box: a layer, or consecutive layers of one module folded into one.

    Attributes:
        key: what tells it from every other box: its label, numbered where two boxes share one.
        row: what it says.
        modules: names of the modules around it, the outermost first: ``("layer1", "layer1.0")``.
    """

    key: str
    row: Row
    modules: tuple[str, ...]

    @property
    def folded(self) -> bool:
        """Whether it stands for more than one layer."""
        return len(self.row.layers) > 1


@dataclass(frozen=True, slots=True)
class End:
    """An input of the network, or an output (several, where one layer makes them): its key and the shapes that are known."""

    key: str
    shapes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor on its way from one box to another; ``context`` where the local field leaves it out."""

    source: str
    target: str
    context: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """The frame around the boxes of one module, and the frames inside it, in execution order."""

    name: str
    members: tuple[Node | Cluster, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A report as boxes and lines. Nodes are in execution order; every edge leads forward.

    Attributes:
        report: what it was made from.
        nodes: the boxes.
        inputs: the network's inputs that are read.
        outputs: the network's outputs, per layer that makes them.
        edges: the lines, ends included.
        hidden: layers without a box, because they pass on what they see; lines run through them.
        hidden_params: their parameters.
        depth: components of a name to which modules are folded; None: not at all.
    """

    report: Report
    nodes: tuple[Node, ...]
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    edges: tuple[Edge, ...]
    hidden: int
    hidden_params: int
    depth: int | None


def clustered(nodes: Sequence[Node], level: int = 0) -> tuple[Node | Cluster, ...]:
    """Boxes in the frames of their modules: one for each run of boxes of the same module, none for a single box."""
    found: list[Node | Cluster] = []
    i = 0
    while i < len(nodes):
        name = _module(nodes[i], level)
        j = i + 1
        while j < len(nodes) and name is not None and _module(nodes[j], level) == name:
            j += 1
        inside = clustered(nodes[i:j], level + 1) if name is not None else tuple(nodes[i:j])
        found.extend([Cluster(name, inside)] if name is not None and len(inside) > 1 else inside)
        i = j
    return tuple(found)


def _module(node: Node, level: int) -> str | None:
    return node.modules[level] if level < len(node.modules) else None


def first_node(member: Node | Cluster) -> Node:
    """The first box of a frame, or the box itself."""
    while isinstance(member, Cluster):
        member = member.members[0]
    return member
