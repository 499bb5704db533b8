"""Which row is which layer: the alignment of rows and layers, both in order, that fits best.

Dynamic programming over the rows and the network's graph, once along its paths and once in execution order (tables
that list branches one after the other); the better of the two is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from rfkit.auditing.entries import Entry
from rfkit.auditing.model import GEOMETRY
from rfkit.auditing.network import IMAGE, Node
from rfkit.auditing.values import same
from rfkit.report import Number

UNMATCHED = -2.0
"""What a row that fits no layer costs."""
SKIPPED = -1.5
"""What a layer without a row costs, where it changes field, jump or number of units."""
NEVER = float("-inf")

WEIGHTS: Mapping[str, tuple[float, float]] = {
    "k": (2.0, -3.0),
    "s": (2.0, -2.0),
    "p": (1.0, -1.0),
    "d": (2.0, -1.5),
    "n_in": (1.0, -0.7),
    "n_out": (1.5, -0.7),
    "r_in": (0.5, 0.0),
    "r_out": (1.0, 0.0),
    "j_in": (0.7, -0.2),
    "j_out": (0.7, -0.2),
}
"""What a stated number adds where it is the layer's, and where it is not: sizes and jumps are what tables get wrong."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row was put: a node, and whether it is that layer or only passes its output on (``stays``)."""

    entry: Entry
    node: int | None
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Alignment:
    """The rows' places, the nodes that the table goes through in order, and the sources of each of them."""

    places: tuple[Place, ...]
    route: tuple[int, ...]
    sources: Mapping[int, tuple[int, ...]]
    score: float


def align(entries: Sequence[Entry], nodes: Sequence[Node], used: frozenset[int] = frozenset()) -> Alignment:
    """The best places of a table's rows.

    Args:
        entries: rows in order, totals left out.
        nodes: the network, in execution order.
        used: nodes that have a row in an earlier table; others are preferred where everything else is equal.
    """
    scores = [[_score(entry, node, i in used) for i, node in enumerate(nodes)] for entry in entries]
    along = {i: node.sources for i, node in enumerate(nodes)}
    listed = {i: (i - 1,) if i else () for i in range(len(nodes))}
    path = _best(entries, nodes, scores, along)
    if path.score >= _bound(scores) or all(along[i] == listed[i] for i in along):
        return path
    listing = _best(entries, nodes, scores, listed)
    if listing.score <= path.score + 0.5:
        return path
    return Alignment(listing.places, tuple(range(len(nodes))), along, listing.score)


def _bound(scores: Sequence[Sequence[float]]) -> float:
    """What no alignment can exceed."""
    return sum(max([*row, UNMATCHED]) for row in scores)


def _best(
    entries: Sequence[Entry],
    nodes: Sequence[Node],
    scores: Sequence[Sequence[float]],
    sources: Mapping[int, tuple[int, ...]],
) -> Alignment:
    """The best alignment over a graph: ``best[i][v]``, the first ``i`` rows placed on a path that ends at node ``v``."""
    count = len(entries)
    best = [[NEVER] * len(nodes) for _ in range(count + 1)]
    back: dict[tuple[int, int], tuple[int, int, str]] = {}
    for v, node in enumerate(nodes):
        skip = SKIPPED if node.changes else 0.0
        largest = max((_size(nodes[u]) for u in sources[v]), default=0)
        for i in range(count + 1):
            options: list[tuple[float, int, int, str]] = [(0.0, -1, -1, "start")] if v == IMAGE and i == 0 else []
            for u in sources[v]:
                prefer = 0.001 * (_size(nodes[u]) == largest)
                options.append((best[i][u] + skip + prefer, i, u, "skip"))
                if i:
                    options.append((best[i - 1][u] + scores[i - 1][v] + prefer, i - 1, u, "match"))
            if i:
                options.append((best[i - 1][v] + UNMATCHED, i - 1, v, "drop"))
                options.append((best[i - 1][v] + _staying(entries[i - 1], v), i - 1, v, "stay"))
            score, before, u, how = max(options, key=lambda option: option[0])
            best[i][v] = score
            back[i, v] = (before, u, how)
    end = max(range(len(nodes)), key=lambda v: best[count][v])
    return _traced(entries, back, end, best[count][end])


def _traced(
    entries: Sequence[Entry],
    back: Mapping[tuple[int, int], tuple[int, int, str]],
    end: int,
    score: float,
) -> Alignment:
    places: list[Place] = []
    route = [end]
    i, v = len(entries), end
    while True:
        before, u, how = back[i, v]
        if how == "start":
            break
        if how != "skip":
            places.append(Place(entries[before], None if how == "drop" else v, how == "stay"))
        if u != v:
            route.append(u)
        i, v = before, u
    route.reverse()
    chosen = {node: (route[i - 1],) if i else () for i, node in enumerate(route)}
    return Alignment(tuple(reversed(places)), tuple(route), chosen, score)


def _size(node: Node) -> Number:
    return node.steps[0].after.r or 0


def _staying(entry: Entry, node: int) -> float:
    """What a row adds that passes on what the layer before it gives: a norm, an activation, the input itself."""
    if entry.kind == "input":
        return 1.0 if node == IMAGE else NEVER
    if entry.kind in ("identity", "join"):
        return 0.2
    return NEVER


def _score(entry: Entry, node: Node, used: bool) -> float:
    """How well a row fits a layer; below ``UNMATCHED`` it does not."""
    if node.kind == "input" or entry.kind == "input":
        return NEVER
    if not node.changes and not _named(entry, node) and not _may_pass(entry, node):
        return NEVER
    score = -0.01 if used else 0.0
    for quantity, value in entry.stated.items():
        right = node.right(quantity)
        if right is None or (quantity == "s" and any(step.free for step in node.steps)):
            continue
        hit, miss = WEIGHTS[quantity]
        score += hit if same(value, right) else _mild(node, quantity, miss)
    geometry = [quantity for quantity in GEOMETRY if quantity in entry.stated]
    if len(geometry) > 1 and _all_differ(entry, node, geometry):
        return NEVER
    return score + _kinship(entry, node) + _similarity(entry, node)


def _all_differ(entry: Entry, node: Node, geometry: Sequence[str]) -> bool:
    found = [(entry.stated[quantity], node.right(quantity)) for quantity in geometry]
    return all(right is not None and not same(value, right) for value, right in found)


def _mild(node: Node, quantity: str, miss: float) -> float:
    """A stride of 1 on a pooling is a usual slip, no sign of another layer."""
    return miss / 4 if quantity == "s" and node.kind == "pool" else miss


def _may_pass(entry: Entry, node: Node) -> bool:
    """Whether a layer that changes no number can be the row: a 1x1 convolution, a linear layer, a join."""
    if node.kind in ("conv", "up", "pool", "linear"):
        return entry.kind not in ("identity", "join")
    return node.kind == "join" and entry.kind == "join"


def _kinship(entry: Entry, node: Node) -> float:
    if not entry.kind or node.kind == "other":
        return 0.0
    if entry.kind == node.kind:
        return 1.5
    if {entry.kind, node.kind} <= {"conv", "linear"} or {entry.kind, node.kind} <= {"conv", "up"}:
        return -0.5
    return -3.0


def _named(entry: Entry, node: Node) -> bool:
    return bool(entry.name) and entry.name.lower() == node.label.lower()


def _similarity(entry: Entry, node: Node) -> float:
    """What the names say: 3 where they agree, 1.5 where the row names the block, less where they are alike."""
    if not entry.name:
        return 0.0
    name, label = entry.name.lower(), node.label.lower()
    if name == label:
        return 3.0
    if label.startswith(f"{name}."):
        return 1.5
    parts = [part for part in label.split(".") if not part.isdigit()]
    block = entry.block.lower()
    inside = 0.3 if block and any(part == block for part in parts) else 0.0
    alike = max((_ratio(name, part) for part in parts), default=0.0)
    return inside + (0.8 * alike if alike > 0.6 else 0.0)


@lru_cache(maxsize=65536)
def _ratio(name: str, part: str) -> float:
    return SequenceMatcher(None, name, part).ratio()
