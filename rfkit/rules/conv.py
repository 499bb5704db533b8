"""Convolutions: standard, grouped, depthwise, dilated, transposed; 1-d, 2-d and 3-d."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rfkit.footprint import Footprint, taps
from rfkit.rules.registry import See, Window, rule
from rfkit.tracing import Call

aten = torch.ops.aten


def per_dim(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """PyTorch's short forms: one number, or a list of one, stands for every dimension."""
    items = [value] if isinstance(value, int) else list(value)
    return tuple(items * rank if len(items) == 1 else items)


def convolution_window(call: Call) -> Window:
    """Geometry of ``aten.convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)``."""
    _, weight, _, stride, padding, dilation, transposed, _, groups = call.args
    kernel = weight.shape[2:]
    rank = len(kernel)
    return Window(kernel, per_dim(stride, rank), per_dim(padding, rank), per_dim(dilation, rank), groups, transposed)


@rule(aten.convolution, window=convolution_window)
def convolution(call: Call, see: See) -> Footprint | None:
    """A window along each spatial dimension; each output channel mixes the input channels of its group."""
    source, weight = call.args[0], call.args[1]
    window, field = convolution_window(call), see(source)
    table = taps.transposed_window if window.transposed else taps.window
    if field is not None:
        field = field.mix(1, window.groups, call.output.shape[1])
    for d, geometry in enumerate(zip(window.kernel, window.stride, window.padding, window.dilation, strict=True), 2):
        if field is not None:
            field = field.slide(d, table(source.shape[d], call.output.shape[d], *geometry))
    kernels = see(weight)
    if kernels is None:
        return field
    made = kernels.reduce([d for d in range(len(weight.shape)) if d != int(window.transposed)])
    if made.shape[0] != call.output.shape[1]:
        made = made.reduce([0], keepdim=True)
    return see.union([field, made.reshape((1, made.shape[0], *(1 for _ in window.kernel)))], call.output.shape)
