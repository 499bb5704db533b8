"""Skip connections, attention, normalization and dropout."""

from __future__ import annotations

from collections.abc import Iterator

from rfkit.gate.checks.graph import Graph, is_convolution, is_joint, is_linear, is_pointwise, is_spatial
from rfkit.gate.checks.parts.part import Part
from rfkit.report import Layer

NORMS = (
    "batch_norm",
    "layer_norm",
    "group_norm",
    "instance_norm",
    "rms_norm",
    "local_response_norm",
    "cudnn_batch_norm",
)
PRODUCTS = frozenset({"bmm", "baddbmm"})
DROPOUTS = frozenset({"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"})


def is_skip(graph: Graph, joint: Layer) -> bool:
    """Whether one operand comes round layers that another went through, both from one place.

    Where they are added, the short way may hold one pointwise convolution (a projection) and poolings; then the long way must
    hold a spatial convolution. Where they are concatenated, the short way holds neither, or any block of parallel branches
    (Inception, Fire) would be one.
    """
    if not is_joint(joint) or graph.is_single(joint):
        return False
    adds = "add" in joint.operators
    for short in joint.inputs:
        plain, projected = _short_way(graph, short, adds)
        for other in joint.inputs:
            if other != short and _long_way(graph, other, plain, projected):
                return True
    return False


def _short_way(graph: Graph, label: str, adds: bool) -> tuple[set[str], set[str]]:
    """What is reached backwards without a layer that computes, and what through a single projection."""
    plain: set[str] = set()
    projected: set[str] = set()
    pending = [(label, False)]
    while pending:
        here, once = pending.pop()
        found = projected if once else plain
        if here in found:
            continue
        found.add(here)
        layer = graph.layers.get(here)
        if layer is None or graph.is_single(layer):
            continue
        if is_pointwise(layer):
            if adds and not once:
                pending.extend((source, True) for source in layer.inputs)
        elif not _computes(layer) and (adds or layer.kernel_size is None or "pad" in layer.operators):
            pending.extend((source, once) for source in layer.inputs)
    return plain, projected


def _long_way(graph: Graph, label: str, plain: set[str], projected: set[str]) -> bool:
    """Whether a layer that computes (for a projected short way: a spatial one) lies between an operand and a common place."""
    pending, seen = [(label, False, False)], set()
    while pending:
        state = pending.pop()
        here, computed, spatial = state
        if state in seen:
            continue
        seen.add(state)
        if (computed and here in plain) or (spatial and here in projected):
            return True
        layer = graph.layers.get(here)
        if layer is None or graph.is_single(layer):
            continue
        after = (computed or _computes(layer), spatial or is_spatial(layer))
        pending.extend((source, *after) for source in layer.inputs)
    return False


def _computes(layer: Layer) -> bool:
    """Whether it has weights that mix channels or positions, or attends."""
    return is_convolution(layer) or is_linear(layer) or "attention" in layer.operators


def _near_skip(graph: Graph) -> Iterator[str]:
    for layer in graph:
        if is_joint(layer) and not graph.is_single(layer) and not is_skip(graph, layer):
            word = "adds" if "add" in layer.operators else "concatenates"
            yield f"{layer.label} {word} branches side by side ({', '.join(layer.inputs)}): none of them skips the others"


def is_attention(graph: Graph, layer: Layer) -> bool:
    """Attention as an operator, or its second product: of values with what another product made, both from the input."""
    if "attention" in layer.operators:
        return True
    if not _is_product(layer) or len(layer.inputs) < 2:
        return False
    pending, seen = graph.sources(layer), set()
    while pending:
        before = pending.pop()
        if before.label in seen:
            continue
        seen.add(before.label)
        if _is_product(before):
            return True
        if not _computes(before):
            pending.extend(graph.sources(before))
    return False


def _is_product(layer: Layer) -> bool:
    """Whether it multiplies two matrices that both depend on the input: it has no weights."""
    return layer.params == 0 and not PRODUCTS.isdisjoint(layer.operators)


def _is_norm(layer: Layer) -> bool:
    return any(operator.startswith(NORMS) for operator in layer.operators)


PARTS = (
    Part(
        "skip_connection",
        "skip connection",
        "an addition or concatenation that brings back what went round a convolution",
        "x = x + self.conv(x), with a convolution that keeps channels and size",
        lambda graph: [layer.label for layer in graph if is_skip(graph, layer)],
        _near_skip,
    ),
    Part(
        "attention",
        "attention",
        "scaled dot-product attention, as an operator or as two matrix products",
        "nn.MultiheadAttention(channels, heads, batch_first=True)",
        lambda graph: [layer.label for layer in graph if is_attention(graph, layer)],
    ),
    Part(
        "normalization",
        "normalization",
        "batch, layer, group, instance or RMS normalization, as a module or as a function with its own row",
        "nn.BatchNorm2d(channels)",
        lambda graph: [layer.label for layer in graph if _is_norm(layer)],
    ),
    Part(
        "dropout",
        "dropout",
        "a dropout module; F.dropout leaves no trace in eval mode and is not seen",
        "nn.Dropout(0.1)",
        lambda graph: [layer.label for layer in graph if layer.type in DROPOUTS],
    ),
)
