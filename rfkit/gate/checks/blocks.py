"""Convolution blocks: the direct children that hold convolutions, else stages between changes of resolution."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rfkit.gate.checks.answers import Answer, Subject
from rfkit.gate.checks.graph import Graph, is_convolution, is_pointwise, is_spatial
from rfkit.gate.checks.wording import gap, inside
from rfkit.gate.findings import Status
from rfkit.gate.limits import Limit
from rfkit.gate.requirements import Requirement
from rfkit.render.text import listing
from rfkit.report import Layer


def conv_blocks(requirement: Requirement, subject: Subject) -> Answer:
    """Whether a network has as many convolution blocks as asked."""
    limit: Limit = requirement.limits[0]
    blocks, what = count(subject.graph)
    number = Fraction(len(blocks))
    said = (
        f"{len(blocks)} {what if len(blocks) != 1 else what.removesuffix('s')} ({listing(blocks, 60)})"
        if blocks
        else f"no {what}"
    )
    if limit.holds(number):
        return Answer("RF203", Status.HELD, said, len(blocks), limit.text)
    missed = int(gap(number, limit, whole=True))
    side = "short" if limit.too_small(number) else "too many"
    message = f"{said}: that is not {inside(limit)} ({missed} {side})"
    help_ = (
        "a block is a direct child of the network that holds convolutions, e.g. an nn.Sequential; the head does not count",
    )
    return Answer("RF203", Status.BROKEN, message, len(blocks), limit.text, missed, None, help_)


def count(graph: Graph) -> tuple[list[str], str]:
    """The names of the blocks, or of the first convolution of each stage; and which of the two they are."""
    convolutions = [layer for layer in graph if is_convolution(layer)]
    body = _without_head(graph, convolutions)
    blocks = _containers(body, "")
    inside_blocks = sum(any(x.name.startswith(f"{block}.") for block in blocks) for x in body)
    if len(blocks) > 1 and 2 * inside_blocks >= len(body):
        return blocks, "convolution blocks"
    return _stages(graph, body), "stages of one resolution"


def _containers(convolutions: Sequence[Layer], prefix: str) -> list[str]:
    """The children below a prefix that hold convolutions; a single one that holds them all is looked through."""
    held: dict[str, list[Layer]] = {}
    for layer in convolutions:
        child, dot, _ = layer.name.removeprefix(prefix).partition(".")
        if dot:
            held.setdefault(prefix + child, []).append(layer)
    if len(held) == 1:
        only, layers = next(iter(held.items()))
        if len(layers) == len(convolutions) or len(_list_items(only, layers)) > 1:
            return _containers(layers, f"{only}.")
    if len(held) == 2:
        return _with_list_opened(held)
    return list(held)


def _with_list_opened(held: dict[str, list[Layer]]) -> list[str]:
    """A stem beside one list of blocks: the list's items are the blocks."""
    opened = [name for name, layers in held.items() if len(_list_items(name, layers)) > 1]
    if len(opened) != 1:
        return list(held)
    return [item for name, layers in held.items() for item in (_list_items(name, layers) if name in opened else [name])]


def _list_items(name: str, layers: Sequence[Layer]) -> list[str]:
    """The numbered children that hold convolutions, if all of a container's convolutions are in such."""
    items: dict[str, None] = {}
    for layer in layers:
        child, dot, _ = layer.name.removeprefix(f"{name}.").partition(".")
        if not dot or not child.isdecimal():
            return []
        items[f"{name}.{child}"] = None
    return list(items)


def _without_head(graph: Graph, convolutions: Sequence[Layer]) -> list[Layer]:
    """The convolutions but for those behind the final pooling, and but for a last child of pointwise ones that make the scores."""
    body = [layer for layer in convolutions if not _behind_pooling(graph, layer)]
    if not body:
        return list(convolutions)
    last = body[-1].name.partition(".")[0]
    tail = [layer for layer in body if layer.name.partition(".")[0] == last]
    if len(tail) < len(body) and all(map(is_pointwise, tail)) and _makes_scores(graph, tail[-1]):
        return [layer for layer in body if layer not in tail]
    return body


def _behind_pooling(graph: Graph, layer: Layer) -> bool:
    sources = graph.sources(layer)
    return bool(sources) and all(graph.is_single(source) and not is_spatial(source) for source in sources)


def _makes_scores(graph: Graph, layer: Layer) -> bool:
    """Whether the channels of a layer are those of the network's output."""
    shapes = graph.report.totals.output_shapes
    return layer.channels is not None and any(shape[1:2] == layer.channels[1:] for shape in shapes)


def _stages(graph: Graph, convolutions: Sequence[Layer]) -> list[str]:
    """The first convolution of each stage on the path with most of them; a stage reads maps of one jump."""
    wanted = {layer.label for layer in convolutions}
    best: dict[str, list[str]] = {}
    jumps: dict[str, object] = {}
    for layer in graph:
        before = max(layer.inputs, key=lambda label: len(best.get(label, ())), default="")
        path, jump = best.get(before, []), jumps.get(before)
        if layer.label in wanted:
            source = graph.layers.get(layer.inputs[0]) if layer.inputs else None
            here = source.jump if source is not None else "input"
            if source is not None and all(j == 1 for j in source.jump):
                here = "input"
            if here != jump:
                path, jump = [*path, layer.label], here
        best[layer.label], jumps[layer.label] = path, jump
    return max(best.values(), key=len, default=[])
