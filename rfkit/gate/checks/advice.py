"""Ways out of a broken limit, the cheapest first, each with the number that it leads to."""

from __future__ import annotations

from collections.abc import Sequence

from rfkit.axes import axis_names
from rfkit.gate.checks import gridding, savings, widening
from rfkit.gate.checks.graph import Graph
from rfkit.gate.limits import Limit
from rfkit.render.text import area
from rfkit.report import Layer

Advice = tuple[str | None, tuple[str, ...]]
"""The label of the layer responsible, and sentences."""

FIELDS = ("receptive_field", "receptive_field_features")


def way_out(check: str, graph: Graph, layer: Layer | None, of_network: bool, axis: int, limit: Limit) -> Advice:
    """The layer responsible for a broken limit, and what can be done about it.

    Args:
        check: key of the check.
        graph: the network.
        layer: the layer that is out of its limit; for the network, the one that made the value.
        of_network: whether the limit is one on the network as a whole.
        axis: the axis on which it is broken.
        limit: the limit.
    """
    if check in FIELDS and layer is not None:
        return _field(check, graph, layer, of_network, axis, limit)
    if check == "jump" and layer is not None:
        return widening.jump(graph, layer, axis, limit)
    if check == "max_hole" and layer is not None:
        return gridding.first_holes(graph, layer, of_network, axis, limit)
    if check == "coverage" and layer is not None:
        return _coverage(graph, layer, of_network, limit)
    if check in ("params", "macs", "activation_memory") and of_network:
        return savings.of_network(check, graph, limit)
    if check == "kernel_size" and layer is not None:
        return layer.label, _smaller_kernels(layer, axis, limit)
    return (layer.label if layer is not None else None), ()


def _field(check: str, graph: Graph, layer: Layer, of_network: bool, axis: int, limit: Limit) -> Advice:
    value = layer.receptive_field[axis]
    if value is None:
        return layer.label, ()
    if limit.too_small(value):
        label, sentences = widening.widen(graph, layer, axis, limit)
    else:
        label, sentences = widening.narrow(graph, layer, axis, limit)
    return label, (*sentences, *(_pooling_counts(check, graph, axis, limit) if of_network else ()))


def _pooling_counts(check: str, graph: Graph, axis: int, limit: Limit) -> Sequence[str]:
    """That the final pooling counts or does not, where that makes a difference."""
    totals = graph.report.totals
    before, after = totals.receptive_field_features[axis], totals.receptive_field[axis]
    if before is None or after is None or before == after:
        return ()
    if check == "receptive_field_features":
        enough = " and would meet the limit" if limit.holds(after) else ""
        return (f"the final pooling does not count here: after it, receptive_field is {after}{enough}",)
    return (f"the final pooling counts here: before it, receptive_field_features is {before}",)


def _coverage(graph: Graph, layer: Layer, of_network: bool, limit: Limit) -> Advice:
    report = graph.report
    seen = [e if e is not None else n for e, n in zip(layer.extent, report.spatial, strict=True)]
    sentences = [f"a unit sees {area(seen)} of the {area(report.spatial)} image"]
    if limit.too_small(layer.coverage or 0.0):
        axis = max(range(len(seen)), key=lambda a: report.spatial[a] - seen[a])
        short = report.spatial[axis] - seen[axis]
        where = "" if len(set(seen)) == 1 else f" along its {axis_names(len(seen))[axis]}"
        sentences.append(f"to see all of it, the field must reach {short} pixels further{where}")
        label, more = widening.widen(graph, layer, axis, None)
        return (label if of_network else layer.label), (*sentences, *more)
    return layer.label, tuple(sentences)


def _smaller_kernels(layer: Layer, axis: int, limit: Limit) -> tuple[str, ...]:
    """A stack of smaller kernels that sees as much, where the kernel is too large: (k-1)/(m-1) of size m."""
    kernel = (layer.kernel_size or (1,))[axis]
    most = next((m for m in range(kernel, 1, -1) if limit.holds(m) and (kernel - 1) % (m - 1) == 0), None)
    if most is None or not limit.too_large(kernel) or (layer.dilation or (1,))[axis] > 1:
        return ()
    times = (kernel - 1) // (most - 1)
    return (f"{times} convolutions with a kernel of {most} see as much as one with {kernel}",)
