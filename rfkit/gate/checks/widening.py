"""What makes a receptive field larger or smaller, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rfkit.gate.checks.graph import Graph, identity, is_averaging, is_convolution, map_size
from rfkit.gate.checks.what_if import Edit, WhatIf
from rfkit.gate.limits import Limit
from rfkit.render.text import area
from rfkit.report import Layer, Number

Advice = tuple[str | None, tuple[str, ...]]
MOST_LAYERS = 12
MOST_TRIED = 24
DILATIONS = range(2, 9)
SMALLEST_HALVED = 4


def widen(graph: Graph, layer: Layer, axis: int, limit: Limit | None) -> Advice:
    """The convolution behind which a field that is too small grows most, and sentences; without a limit, only what is added."""
    what_if = WhatIf(graph, axis, layer.label)
    path = graph.longest_path(layer)
    convolutions = [x for x in path if is_convolution(x) and not graph.is_single(x)]
    if not convolutions:
        return layer.label, ()
    sentences = list(_further(what_if, convolutions[-1], axis, limit))
    if limit is not None:
        latest = convolutions[: -MOST_TRIED - 1 : -1]
        sentences += _dilate(what_if, latest, axis, limit)
        sentences += _stride(what_if, latest, axis, limit)
    return convolutions[-1].label, tuple(sentences)


def _further(what_if: WhatIf, last: Layer, axis: int, limit: Limit | None) -> Iterator[str]:
    jump, now = last.jump[axis], what_if.size({})
    added = what_if.size({last.label: Edit(behind=2)})
    if jump is None or now is None or added is None or added == now:
        return
    name = "x".join("3" * len(last.receptive_field)) if len(last.receptive_field) > 1 else "kernel-3"
    sentence = (
        f"the jump is {jump} at {last.label}: each further {name} convolution there, with padding 1, adds {added - now}"
    )
    if limit is not None:
        for times in range(1, MOST_LAYERS + 1):
            size = what_if.size({last.label: Edit(behind=2 * times)})
            if size is not None and limit.holds(size):
                sentence += f"; {times} of them {'reaches' if times == 1 else 'reach'} {size}"
                break
    yield sentence


def _dilate(what_if: WhatIf, convolutions: list[Layer], axis: int, limit: Limit) -> Iterator[str]:
    """The least dilation that suffices, in the layer latest on the path."""
    now = what_if.size({})
    for dilation in DILATIONS:
        for layer in convolutions:
            edit = _dilation_edit(layer, axis, dilation)
            size = what_if.size({layer.label: edit}) if edit is not None else None
            if edit is None or size is None or now is None or not limit.holds(size):
                continue
            padding = _padding(layer, axis, dilation)
            before = (layer.dilation or (1,))[axis]
            yield (
                f"dilation {dilation} instead of {before} in {layer.label}, with padding {padding}, "
                f"adds {size - now}: {size}, at no further parameter"
            )
            return


def _dilation_edit(layer: Layer, axis: int, dilation: int) -> Edit | None:
    """The edit that dilates a layer and pads it so that its map keeps its size; None where there is none."""
    kernel, before = layer.kernel_size or (), layer.dilation or ()
    if layer.transposed or len(kernel) != len(layer.receptive_field) or kernel[axis] % 2 == 0 or kernel[axis] == 1:
        return None
    length = map_size(layer)[axis] * (layer.stride or (1,))[axis] if map_size(layer) else 0
    mostly_padding = dilation > before[axis] and (kernel[axis] - 1) * dilation > length
    if dilation == before[axis] or mostly_padding or _padding(layer, axis, dilation) < 0:
        return None
    return Edit(taps=(kernel[axis] - 1) * (dilation - before[axis]))


def _padding(layer: Layer, axis: int, dilation: int) -> int:
    kernel, before, padding = layer.kernel_size or (1,), layer.dilation or (1,), layer.padding or (0,)
    return padding[axis] + (kernel[axis] - 1) // 2 * (dilation - before[axis])


def _stride(what_if: WhatIf, convolutions: list[Layer], axis: int, limit: Limit) -> Iterator[str]:
    """The latest layer through which every path leads and in which a stride of 2 suffices, before any pooling at the end."""
    graph = what_if.graph
    target = graph.layers[what_if.target]
    pooled = graph.is_single(target)
    features = graph.features() if pooled else target
    now = features.receptive_field[axis] if features is not None else None
    if features is None or now is None or features.label not in what_if.steps or not _takes_any_size(graph):
        return
    for layer in convolutions:
        called_once = sum(identity(other) == identity(layer) for other in graph) == 1
        if layer.transposed or max(layer.stride or (2,)) > 1 or not called_once or not what_if.unavoidable(layer.label):
            continue
        size = what_if.size({layer.label: Edit(stride=2)}, features.label)
        if size is not None and size > now and limit.holds(size):
            where = "before the final pooling " if pooled else ""
            fixed = " (the smaller map needs nn.AdaptiveAvgPool2d(1))" if _fixed_pooling(graph) else ""
            yield f"stride 2 in {layer.label} doubles the jump behind it: {where}{now} becomes {size}{fixed}"
            return


def _takes_any_size(graph: Graph) -> bool:
    """Whether the last feature map can be halved: an average reads it, or nothing; a linear layer would want its size."""
    features = graph.features()
    if (
        features is None
        or graph.is_single(features)
        or is_averaging(features)
        or min(map_size(features), default=0) < SMALLEST_HALVED
    ):
        return False
    return all(map(is_averaging, graph.consumers(features)))


def _fixed_pooling(graph: Graph) -> bool:
    """Whether the final average has a window of its own instead of taking the whole map."""
    features = graph.features()
    after = graph.consumers(features) if features is not None else []
    return any(name.startswith("avg_pool") for layer in after for name in layer.operators)


def narrow(graph: Graph, layer: Layer, axis: int, limit: Limit) -> Advice:
    """The layer that adds most to a field that is too large, and sentences."""
    what_if = WhatIf(graph, axis, layer.label)
    path = graph.longest_path(layer)
    convolutions = [x for x in reversed(path) if is_convolution(x) and not graph.is_single(x)]
    adds = {x.label: _added(what_if, x, axis) for x in path}
    most = max(reversed(path), key=lambda x: adds[x.label])
    sentences = (
        [f"{most.label} adds most, {adds[most.label]} of the {layer.receptive_field[axis]}"] if adds[most.label] else []
    )
    sentences += _undilate(what_if, convolutions[:MOST_TRIED], axis, limit)
    sentences += _leave_out(what_if, convolutions[:MOST_TRIED], axis, limit)
    return most.label, tuple(sentences)


def _added(what_if: WhatIf, layer: Layer, axis: int) -> Number:
    """How many pixels a layer adds to the field of what it reads."""
    graph = what_if.graph
    sources = [s for s in graph.sources(layer) if not graph.is_single(s)] or graph.sources(layer)
    before = max((s.receptive_field[axis] or 0 for s in sources), default=1)
    return max((layer.receptive_field[axis] or 0) - before, 0)


def _undilate(what_if: WhatIf, convolutions: list[Layer], axis: int, limit: Limit) -> Iterator[str]:
    now = what_if.size({})
    for layer in convolutions:
        edit = _dilation_edit(layer, axis, 1)
        size = what_if.size({layer.label: edit}) if edit is not None else None
        if size is not None and now is not None and limit.holds(size):
            before = (layer.dilation or (1,))[axis]
            padding = _padding(layer, axis, 1)
            yield f"dilation 1 instead of {before} in {layer.label}, with padding {padding}, takes {now - size} off: {size}"
            return


def _leave_out(what_if: WhatIf, convolutions: list[Layer], axis: int, limit: Limit) -> Iterator[str]:
    now = what_if.size({})
    for layer in convolutions:
        kernel, dilation = (layer.kernel_size or (1,) * (axis + 1))[axis], (layer.dilation or (1,) * (axis + 1))[axis]
        if kernel == 1 or layer.transposed or max(layer.stride or (1,)) > 1 or not _keeps_size(layer):
            continue
        size = what_if.size({layer.label: Edit(taps=-(kernel - 1) * dilation)})
        if size is not None and now is not None and limit.holds(size):
            shape = area(layer.kernel_size or ())
            yield f"{layer.label} adds {now - size}: with a kernel of 1 instead of {shape}, or without it, {size} is left"
            return


def _keeps_size(layer: Layer) -> bool:
    """Whether its padding makes up for its kernel, so that its map has the size of the one it reads."""
    window = zip(layer.kernel_size or (), layer.dilation or (), layer.padding or (), strict=True)
    return all(2 * padding == (kernel - 1) * dilation for kernel, dilation, padding in window)


def jump(graph: Graph, layer: Layer, axis: int, limit: Limit) -> Advice:
    """The last layer that strides on the way to another, and what the jump is without its stride, or with one more."""
    path = [
        x
        for x in graph.longest_path(layer)
        if (x.stride or (1,))[-1] > 1 and not x.transposed and not graph.is_single(x)
    ]
    now = layer.jump[axis]
    if now is None or not limit.too_large(now):
        twice = f": {now * 2}" if now is not None else ""
        return layer.label, (f"a stride of 2 on the way doubles it{twice}",)
    if not path:
        return layer.label, ()
    product = " x ".join(
        f"{(x.stride or (1,))[axis]} ({x.label})" for x in path if len(x.stride or ()) == len(layer.jump)
    )
    last = path[-1]
    without = Fraction(now) / (last.stride or (1,) * (axis + 1))[axis]
    sentences = [f"it is the product of the strides: {product}"] if product else []
    sentences.append(f"stride 1 in {last.label} makes it {without}")
    return last.label, tuple(sentences)
