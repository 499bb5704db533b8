"""How the picture is put on a page: a long network goes on in a second column, as text does.

Sizes are estimates, in points, of what Graphviz makes of the boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from rfkit.render.graph.model import Cluster, Graph, Node, clustered, first_node
from rfkit.render.graph.words import node_words

PAGE = (523.0, 770.0)
"""A4 inside margins of half an inch."""

LEGIBLE = 0.7
"""Scale from which on no more columns are made."""

SMALLEST = 0.5
"""Of the size at which it is drawn, 10 points, what letters on the page must at least have."""

MOST_BOXES = 150
MOST_LINES = 250
MOST_COLUMNS = 8

GAIN = 1.1
"""Times larger must the letters be for one more column to be made."""

FILLED = 0.7
"""Of the height of the longest column, what columns must have on average."""

LENGTHENED = 1.2
"""Times its lowest height is what the longest column may have, where that keeps modules whole."""

LETTER, LINE, BORDER = 5.3, 14.5, 10.0
GAP_BESIDE, GAP_BELOW = 18.0, 20.0
FRAME_ABOVE, FRAME_BELOW, FRAME_BESIDE = 24.0, 8.0, 16.0
HEADING = 150.0


@dataclass(frozen=True, slots=True)
class Page:
    """Boxes in columns.

    Attributes:
        columns: the boxes.
        scale: the size at which a page holds them, 1 for their own.
        filled: height of the columns, of that of the longest.
    """

    columns: tuple[tuple[Node, ...], ...]
    scale: float
    filled: float


def fits(graph: Graph) -> bool:
    """Whether the picture can be read on one page."""
    return len(graph.nodes) <= MOST_BOXES and len(graph.edges) <= MOST_LINES and arrange(graph).scale >= SMALLEST


def arrange(graph: Graph) -> Page:
    """As many columns as give the largest letters on a page.

    A column ends where a single box feeds everything behind it: the line from there goes on in the next column.
    """
    sizes = _Sizes(graph)
    breaks = _breaks(graph)
    best = sizes.page([])
    for count in range(2, min(MOST_COLUMNS, len(breaks) + 1) + 1):
        page = sizes.page(_even(breaks, sizes, count))
        if page.filled >= FILLED and page.scale > best.scale * GAIN and best.scale < LEGIBLE:
            best = page
    return best


def _breaks(graph: Graph) -> list[int]:
    """Places between boxes, as the number of boxes before them, at which one box feeds all that comes behind."""
    place = {node.key: i for i, node in enumerate(graph.nodes)}
    last: dict[str, int] = {}
    for edge in graph.edges:
        if edge.target in place:
            last[edge.source] = max(last.get(edge.source, 0), place[edge.target])
    crossing = [0] * (len(graph.nodes) + 1)
    for source, end in last.items():
        for i in range(place.get(source, -1) + 1, end + 1):
            crossing[i] += 1
    return [i for i in range(1, len(graph.nodes)) if crossing[i] == 1]


def _even(breaks: Sequence[int], sizes: _Sizes, count: int) -> list[int]:
    """The breaks that make so many columns of heights as even as can be; if it costs little, between two modules."""
    lowest, best = _lowest(breaks, sizes, count)
    for level in sorted({sizes.cut(i) for i in breaks}):
        height, chosen = _lowest([i for i in breaks if sizes.cut(i) <= level], sizes, count)
        if height <= lowest * LENGTHENED:
            return chosen
    return best


def _lowest(breaks: Sequence[int], sizes: _Sizes, count: int) -> tuple[float, list[int]]:
    """Height and breaks of the lowest that so many columns, or fewer, can be."""
    low, high = 0.0, sizes.height(0, len(sizes.nodes))
    chosen: list[int] = []
    for _ in range(20):
        middle = (low + high) / 2
        found = _filled(breaks, sizes, middle)
        if found is not None and len(found) < count:
            chosen, high = found, middle
        else:
            low = middle
    return high, chosen


def _filled(breaks: Sequence[int], sizes: _Sizes, most: float) -> list[int] | None:
    """The breaks that fill one column after the other up to a height; None where a column cannot be that low."""
    chosen: list[int] = []
    begin = 0
    for here, following in pairwise([*breaks, len(sizes.nodes)]):
        if sizes.height(begin, following) > most:
            chosen.append(here)
            begin = here
    ends = pairwise([0, *chosen, len(sizes.nodes)])
    return chosen if all(sizes.height(a, b) <= most for a, b in ends) else None


class _Sizes:
    """Widths and heights of runs of boxes, from the longest path to each box."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = graph.nodes
        by_label = {layer.label: layer for layer in graph.report.layers}
        words = [node_words(node, node.modules[-1] if node.modules else "", by_label) for node in graph.nodes]
        self.heights = [LINE * (len(w.lines) + len(w.warnings)) + BORDER for w in words]
        self.widths = [max(len(left) + len(right) + 2 for left, right in w.lines) * LETTER + BORDER for w in words]
        self.ranks = _ranks(graph)
        frames = _frames(clustered(graph.nodes), {})
        rows = [0.0] * (max(self.ranks, default=0) + 1)
        for node, height, rank in zip(graph.nodes, self.heights, self.ranks, strict=True):
            around = frames.get(node.key, 0) * (FRAME_ABOVE + FRAME_BELOW)
            rows[rank] = max(rows[rank], height + around + GAP_BELOW)
        tops = list(accumulate(rows, initial=0.0))
        self.bottoms = [0.0, *(tops[rank + 1] for rank in accumulate(self.ranks, max))]

    def cut(self, i: int) -> int:
        """How many modules are cut in two between a box and the one before it."""
        pairs = zip(self.nodes[i - 1].modules, self.nodes[i].modules, strict=False)
        return sum(before == after for before, after in pairs)

    def height(self, begin: int, end: int) -> float:
        """Of the boxes from one to before another, where one may break."""
        return self.bottoms[end] - self.bottoms[begin]

    def width(self, begin: int, end: int) -> float:
        """Of the widest rank of those boxes, with the frames around."""
        ranks: dict[int, float] = {}
        for i in range(begin, end):
            ranks[self.ranks[i]] = ranks.get(self.ranks[i], 0.0) + self.widths[i] + GAP_BESIDE
        around = max((len(node.modules) for node in self.nodes[begin:end]), default=0)
        return max(ranks.values(), default=0.0) + around * FRAME_BESIDE

    def page(self, breaks: Sequence[int]) -> Page:
        """The page with these breaks."""
        ends = list(pairwise([0, *breaks, len(self.nodes)]))
        width = sum(self.width(*column) for column in ends)
        heights = [self.height(*column) for column in ends]
        longest = max(heights)
        scale = min(1.0, PAGE[0] / max(width, 1.0), PAGE[1] / (longest + HEADING))
        filled = sum(heights) / len(heights) / longest if longest else 1.0
        return Page(tuple(self.nodes[a:b] for a, b in ends), scale, filled)


def _ranks(graph: Graph) -> list[int]:
    """Per box the number of boxes on the longest path to it."""
    place = {node.key: i for i, node in enumerate(graph.nodes)}
    ranks = [0] * len(graph.nodes)
    for edge in sorted((e for e in graph.edges if e.target in place), key=lambda e: place[e.target]):
        if edge.source in place:
            ranks[place[edge.target]] = max(ranks[place[edge.target]], ranks[place[edge.source]] + 1)
    return ranks


def _frames(members: Sequence[Node | Cluster], found: dict[str, int]) -> Mapping[str, int]:
    """By key of a box, how many frames begin with it."""
    for member in members:
        if isinstance(member, Cluster):
            _frames(member.members, found)
            key = first_node(member).key
            found[key] = found.get(key, 0) + 1
    return found
