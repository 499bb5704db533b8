"""Pooling over all positions on the way to the output, what follows it, and maximum pooling; by operator, not by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from rfkit.gate.checks.graph import Graph, is_averaging, is_convolution, is_linear, is_spatial, map_size
from rfkit.gate.checks.parts.part import Part
from rfkit.render.text import area
from rfkit.report import Layer

WHOLE = ("adaptive_avg_pool", "mkldnn_adaptive_avg_pool", "mean", "nanmean", "sum", "nansum")
MAXIMUM = ("max_pool", "adaptive_max_pool", "fractional_max_pool", "mkldnn_max_pool")
REDUCED_MAXIMUM = frozenset({"max", "amax"})


def is_max_pooling(graph: Graph, layer: Layer) -> bool:
    """A maximum over windows, or over all positions of an axis; a maximum over channels is none."""
    if any(operator.startswith(MAXIMUM) for operator in layer.operators):
        return True
    if REDUCED_MAXIMUM.isdisjoint(layer.operators):
        return False
    return any(sum(source.global_) < sum(layer.global_) for source in graph.sources(layer))


def global_averages(graph: Graph) -> list[Layer]:
    """The layers that average over all positions on the way to an output.

    What is given back to a map (a squeeze-and-excitation gate, a pooled branch that is laid out again) does not count.
    """
    return [layer for layer in _final_averages(graph) if _covers(graph, layer)]


def _final_averages(graph: Graph) -> list[Layer]:
    """The layers that average until no position is left, and from which an output is reached without a map again."""
    return [
        x
        for x in graph
        if is_averaging(x) and graph.is_single(x) and not _reads_average(graph, x) and _leads_out(graph, x)
    ]


def _reads_average(graph: Graph, layer: Layer) -> bool:
    """Whether its positions were averaged away before it: a second average over one position is none of its own."""
    return any(is_averaging(source) and graph.is_single(source) for source in graph.sources(layer))


def _leads_out(graph: Graph, layer: Layer) -> bool:
    ends = {output.label for output in graph.outputs()}
    pending, seen = [layer], {layer.label}
    while pending:
        here = pending.pop()
        if here.label in ends:
            return True
        for after in graph.consumers(here):
            if after.label not in seen and graph.is_single(after) and not _broadcasts(after, here):
                seen.add(after.label)
                pending.append(after)
    return False


def _broadcasts(joint: Layer, operand: Layer) -> bool:
    """Whether an operand is laid out over a larger one: that gives back what was pooled."""
    concatenates = "cat" in joint.operators
    return len(joint.inputs) > 1 and not concatenates and prod(joint.output_shape) > prod(operand.output_shape)


def _covers(graph: Graph, layer: Layer) -> bool:
    """Whether it averages all positions, alone or together with the averages straight before it."""
    chain: list[Pooling] = []
    here: Layer | None = layer
    while here is not None and is_averaging(here):
        source = next(iter(graph.sources(here)), None)
        before = _map_before(graph, here)
        if any(operator.startswith(WHOLE) for operator in here.operators):
            if not chain:
                return source is None or not _half_pooled_by_maximum(graph, source)
            chain.insert(0, Pooling(before, (1,) * len(before), (0,) * len(before)))
        elif here.kernel_size and here.stride and here.padding and len(here.kernel_size) == len(before):
            chain.insert(0, Pooling(here.kernel_size, here.stride, here.padding))
        else:
            return False
        if any(max(pooling.kernel) > 1 for pooling in chain) and _spans(chain, before):
            return True
        here = source
    return False


@dataclass(frozen=True, slots=True)
class Pooling:
    """The window of one average."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]


def _spans(chain: Sequence[Pooling], lengths: Sequence[int]) -> bool:
    """Whether the single unit that a chain of averages leaves reaches the last position of every axis."""
    for axis, length in enumerate(lengths):
        size, pad, step = 1, 0, 1
        for pooling in chain:
            size += (pooling.kernel[axis] - 1) * step
            pad += pooling.padding[axis] * step
            step *= pooling.stride[axis]
        if size - pad < length:
            return False
    return True


def _map_before(graph: Graph, layer: Layer) -> tuple[int, ...]:
    source = next(iter(graph.sources(layer)), None)
    return map_size(source) if source is not None else graph.report.input_shape[2:]


def _half_pooled_by_maximum(graph: Graph, layer: Layer) -> bool:
    """Whether a maximum took the positions of one axis, so that an average was left only those of the other."""
    return not all(layer.global_) and any(layer.global_) and is_max_pooling(graph, layer)


def _find_linear(graph: Graph) -> list[str]:
    after: set[str] = set()
    for pool in global_averages(graph):
        after |= graph.descendants(pool)
    after &= graph.needed()
    return [x.label for x in graph if x.label in after and graph.is_single(x) and (is_linear(x) or is_convolution(x))]


def _near_average(graph: Graph) -> Iterator[str]:
    final = {layer.label for layer in _final_averages(graph)}
    needed = graph.needed()
    for layer in graph:
        if layer.label in needed and (sentence := _why_no_average(graph, layer, layer.label in final)):
            yield sentence


def _why_no_average(graph: Graph, layer: Layer, final: bool) -> str | None:
    label, before = layer.label, area(_map_before(graph, layer)) or "flattened"
    if is_averaging(layer):
        if final:
            return f"the average pooling {area(layer.kernel_size or ())} of {label} does not cover the {before} map"
        if graph.is_single(layer):
            return f"{label} averages all positions, but is given back to a map: a gate or a pooled branch"
        if _is_last(graph, layer):
            return f"{label} averages, but leaves {area(map_size(layer))} positions of the {before} map"
        return None
    if not graph.is_single(layer) or all(map(graph.is_single, graph.sources(layer))):
        return None
    if is_max_pooling(graph, layer):
        return f"{label} ({layer.type}) pools all positions by maximum, not by average"
    if is_convolution(layer):
        return f"{label} is a convolution over the whole {before} map: its weights are learnt, it is no average"
    if is_linear(layer):
        return f"{label} reads every position of the {before} map with weights of its own: it is no average"
    return None


def _is_last(graph: Graph, layer: Layer) -> bool:
    """Whether no spatial convolution follows."""
    return not any(is_spatial(graph.layers[label]) for label in graph.descendants(layer))


def _near_linear(graph: Graph) -> Iterator[str]:
    pools = global_averages(graph)
    if not pools:
        yield "there is no global average pooling that it could follow"
        yield from _near_average(graph)
        return
    for pool in pools:
        before = graph.ancestors(pool)
        convolutions = [x for x in graph if x.label in before and is_convolution(x)]
        last = convolutions[-1] if convolutions else None
        if last is not None and last.channels and pool.output_shape[1:2] == last.channels[1:]:
            yield f"{last.label} makes the {last.channels[1]} scores, {pool.label} pools them, and no layer follows"


def _find_max(graph: Graph) -> list[str]:
    return [layer.label for layer in graph if is_max_pooling(graph, layer)]


PARTS = (
    Part(
        "global_average_pooling",
        "global average pooling",
        "an average over all positions on the way to the output, however it is spelled",
        "nn.AdaptiveAvgPool2d(1), or x.mean((2, 3)), behind the last convolution",
        lambda graph: [layer.label for layer in global_averages(graph)],
        _near_average,
    ),
    Part(
        "linear_after_pooling",
        "linear layer after the global average pooling",
        "a linear layer, or a convolution on the single position that is left, behind the global average pooling",
        "nn.Linear(channels, classes) behind the pooling",
        _find_linear,
        _near_linear,
    ),
    Part(
        "max_pooling",
        "max pooling",
        "a maximum over windows or over all positions, as a module or as a function",
        "nn.MaxPool2d(2)",
        _find_max,
    ),
)
