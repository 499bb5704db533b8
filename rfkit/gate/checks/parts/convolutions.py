"""Kinds of convolution, by the geometry of the operator that ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rfkit.gate.checks.graph import Graph, is_convolution, is_linear, is_pointwise, is_spatial
from rfkit.gate.checks.parts.part import Part
from rfkit.render.text import area, sizes
from rfkit.report import Layer


def is_depthwise(layer: Layer) -> bool:
    """One filter (or several) for each input channel, larger than 1 on some axis."""
    return (
        layer.channels is not None
        and layer.groups == layer.channels[0] > 1
        and is_spatial(layer)
        and not layer.transposed
    )


def is_dilated(layer: Layer) -> bool:
    """A dilation above 1 on an axis where the kernel has more than one tap."""
    taps = zip(layer.kernel_size or (), layer.dilation or (), strict=True)
    return is_convolution(layer) and any(k > 1 and d > 1 for k, d in taps)


def mixer_after(graph: Graph, layer: Layer) -> Layer | None:
    """The pointwise convolution, or linear layer per position, that is the next to mix what a layer made.

    Norms, activations, dropouts, gates, joints and poolings that leave positions may lie between; other convolutions may not.
    """
    pending, seen = graph.consumers(layer), {layer.label}
    while pending:
        after = pending.pop(0)
        if after.label in seen:
            continue
        seen.add(after.label)
        if is_pointwise(after):
            return after
        if is_convolution(after) or _pools_all(graph, after):
            continue
        if is_linear(after):
            return after
        pending.extend(graph.consumers(after))
    return None


def _pools_all(graph: Graph, layer: Layer) -> bool:
    """Whether it is the one that takes the last positions away."""
    return graph.is_single(layer) and not all(map(graph.is_single, graph.sources(layer)))


def _find_separable(graph: Graph) -> list[str]:
    return [layer.label for layer in graph if is_depthwise(layer) and mixer_after(graph, layer) is not None]


def _near_separable(graph: Graph) -> Iterator[str]:
    for layer in graph:
        if is_depthwise(layer):
            yield f"{layer.label} is depthwise, but no pointwise convolution follows before the next convolution"
    yield from _near_depthwise(graph)


def _near_depthwise(graph: Graph) -> Iterator[str]:
    for layer in graph:
        if layer.channels is None or layer.groups == 1:
            continue
        kernel = area(layer.kernel_size or ())
        if layer.groups != layer.channels[0]:
            yield (
                f"{layer.label} has groups={layer.groups} of {layer.channels[0]} channels: "
                f"that is grouped, not depthwise (groups={layer.channels[0]})"
            )
        elif layer.transposed:
            yield f"{layer.label} has a group per channel, but is a transposed convolution"
        elif not is_spatial(layer):
            yield f"{layer.label} has a group per channel, but a {kernel} kernel: it filters nothing"


def _near_dilated(graph: Graph) -> Iterator[str]:
    for layer in graph:
        if max(layer.dilation or (1,)) == 1 or is_dilated(layer):
            continue
        spacing, kernel = sizes(layer.dilation or ()), area(layer.kernel_size or ())
        if is_convolution(layer):
            yield f"{layer.label} has dilation {spacing} but a {kernel} kernel: it widens nothing"
        else:
            yield f"{layer.label} has dilation {spacing} but is a pooling, not a convolution"


def _near_pointwise(graph: Graph) -> Iterator[str]:
    for layer in graph:
        if is_convolution(layer) and not is_spatial(layer) and layer.groups > 1:
            yield f"{layer.label} has a 1x1 kernel but groups={layer.groups}: it does not mix all channels"


def _near_strided(graph: Graph) -> Iterator[str]:
    for layer in graph:
        if not is_convolution(layer) and max(layer.stride or (1,)) > 1 and not graph.is_single(layer):
            yield f"{layer.label} has stride {sizes(layer.stride or ())} but is a pooling, not a convolution"


def _all(condition: Callable[[Layer], bool]) -> Callable[[Graph], list[str]]:
    """All layers that meet a condition."""
    return lambda graph: [layer.label for layer in graph if condition(layer)]


def _is_strided(layer: Layer) -> bool:
    return is_convolution(layer) and not layer.transposed and max(layer.stride or (1,)) > 1


PARTS = (
    Part(
        "depthwise_separable",
        "depthwise separable convolution",
        "a convolution with as many groups as input channels, followed by a pointwise convolution",
        "nn.Conv2d(c, c, 3, padding=1, groups=c) followed by nn.Conv2d(c, d, 1)",
        _find_separable,
        _near_separable,
    ),
    Part(
        "depthwise",
        "depthwise convolution",
        "a convolution with as many groups as input channels and a kernel larger than 1",
        "nn.Conv2d(c, c, 3, padding=1, groups=c)",
        _all(is_depthwise),
        _near_depthwise,
    ),
    Part(
        "pointwise",
        "pointwise convolution",
        "a convolution with a kernel of 1 and one group",
        "nn.Conv2d(c, d, 1)",
        _all(is_pointwise),
        _near_pointwise,
    ),
    Part(
        "grouped",
        "grouped convolution",
        "a convolution with more than one group; depthwise ones count",
        "nn.Conv2d(c, d, 3, padding=1, groups=4)",
        _all(lambda layer: is_convolution(layer) and layer.groups > 1),
    ),
    Part(
        "dilated",
        "dilated convolution",
        "a convolution with a dilation above 1 on an axis where its kernel is larger than 1",
        "nn.Conv2d(c, d, 3, padding=2, dilation=2)",
        _all(is_dilated),
        _near_dilated,
    ),
    Part(
        "transposed",
        "transposed convolution",
        "a transposed convolution",
        "nn.ConvTranspose2d(c, d, 2, stride=2)",
        _all(lambda layer: is_convolution(layer) and layer.transposed),
    ),
    Part(
        "strided_convolution",
        "strided convolution",
        "a convolution, not transposed, with a stride above 1",
        "nn.Conv2d(c, d, 3, stride=2, padding=1)",
        _all(_is_strided),
        _near_strided,
    ),
)
