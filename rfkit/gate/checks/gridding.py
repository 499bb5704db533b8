"""Where holes come from: the layer at which they grow past a limit, and a dilation that leaves smaller ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rfkit.gate.checks.graph import Graph
from rfkit.gate.limits import Limit
from rfkit.gridding import origins
from rfkit.render.text import listing
from rfkit.report import Layer, Number


def holes_of_features(graph: Graph) -> Sequence[int | None]:
    """Per axis the longest hole of the last feature map; None where no trace looked for it."""
    features, axes = graph.features(), len(graph.report.spatial)
    if features is not None:
        return features.max_hole or (None,) * axes
    return ((0 if graph.report.totals.features else None),) * axes


def first_holes(
    graph: Graph, layer: Layer, of_network: bool, axis: int, limit: Limit
) -> tuple[str | None, tuple[str, ...]]:
    """The label of the first layer with a hole past the limit, and sentences.

    Args:
        graph: the network.
        layer: the layer whose hole is too large.
        of_network: whether it is the last feature map; then the hole may have grown before it.
        axis: the axis on which it is too large.
        limit: the limit.
    """
    guilty: tuple[str, ...] = (layer.label,)
    if of_network:
        guilty = origins(graph, layer.label, lambda x: limit.too_large((x.max_hole or (0,) * (axis + 1))[axis]))
    first = graph.layers.get(guilty[0], layer) if guilty else layer
    return first.label, (*_beginning(first, guilty[1:], layer), *_denser(graph, first, axis, limit))


def _beginning(first: Layer, others: Sequence[str], features: Layer) -> Iterator[str]:
    if others:
        yield f"the hole grows past the limit at {first.label}, and on other paths at {listing(others)}"
    elif first is not features:
        yield f"the hole grows past the limit at {first.label} and lasts up to {features.label}"


def _denser(graph: Graph, layer: Layer, axis: int, limit: Limit) -> Iterator[str]:
    """The largest smaller dilation whose taps leave no hole past the limit, found with the exact set of the layer's input."""
    kernel, dilation = _on_axis(layer.kernel_size, axis, layer), _on_axis(layer.dilation, axis, layer)
    sources = graph.sources(layer)
    read, jump = _read(sources[0], axis, graph) if sources else ({0}, 1)
    if not read or not isinstance(jump, int) or len(layer.inputs) != 1 or layer.transposed:
        return
    for smaller in range(dilation - 1, 0, -1):
        hole = _longest_hole({position + tap * smaller * jump for tap in range(kernel) for position in read})
        if limit.holds(hole):
            yield f"with dilation {smaller} instead of {dilation}, the longest hole of {layer.label} is {hole}"
            return


def _read(source: Layer, axis: int, graph: Graph) -> tuple[set[int], Number | None]:
    """Positions that the centre unit of a layer's input reaches, none where the border clips them; and its jump."""
    runs = (source.reached or ((),) * (axis + 1))[axis]
    if not all(first > 0 and last < graph.report.spatial[axis] - 1 for first, last in runs):
        return set(), None
    return {p for first, last in runs for p in range(first, last + 1)}, source.jump[axis]


def _longest_hole(positions: set[int]) -> int:
    return max((b - a - 1 for a, b in pairwise(sorted(positions))), default=0)


def _on_axis(window: tuple[int, ...] | None, axis: int, layer: Layer) -> int:
    return window[axis] if window is not None and len(window) == len(layer.jump) else 1
