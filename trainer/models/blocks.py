"""Six kinds of 2-d convolution, a builder that strings them into a block, and a connection around one.

A network can be written with one function per kind (`standard`, `pointwise`, `depthwise_separable`, `dilated`,
`spatially_separable`, `transposed`) or with `conv_block`, which takes lists and adds normalization, activation and
dropout. Kernels are square and given as one number. Convolutions have no bias unless asked: a normalization that
follows would subtract it again.

Every wrong argument is a `ValueError` that names the argument, the value given, and the value it clashes with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypeVar, get_args

from torch import Tensor, nn

__all__ = [
    "KINDS",
    "NORMALIZATIONS",
    "Kind",
    "Normalization",
    "Residual",
    "conv_block",
    "depthwise_separable",
    "dilated",
    "pointwise",
    "spatially_separable",
    "standard",
    "transposed",
]

Kind = Literal["standard", "pointwise", "depthwise_separable", "dilated", "spatially_separable", "transposed"]
Normalization = Literal["batch", "group"]

KINDS: tuple[Kind, ...] = get_args(Kind)
NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)

_Value = TypeVar("_Value", int, str)
_Name = TypeVar("_Name", bound=str)

# A value outside these would be dropped without a word, or would make the layer another kind than its name says.
_FIXED: dict[Kind, dict[str, int]] = {
    "standard": {"dilations": 1},
    "pointwise": {"kernel_sizes": 1, "paddings": 0, "dilations": 1},
}


def standard(
    in_channels: int, out_channels: int, kernel_size: int = 3, *, stride: int = 1, padding: int = 0, bias: bool = False
) -> nn.Conv2d:
    """Return an ordinary convolution, k·k·in·out weights.

    Shapes: (N, in, H, W) -> (N, out, H', W') with H' = floor((H + 2·padding - k) / stride) + 1.
    """
    _check_whole(1, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size, stride=stride)
    _check_whole(0, padding=padding)
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=bias)


def pointwise(in_channels: int, out_channels: int, *, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    """Return a 1×1 convolution, which mixes channels and sees no neighbours: in·out weights.

    Shapes: (N, in, H, W) -> (N, out, H', W') with H' = floor((H - 1) / stride) + 1.
    """
    _check_whole(1, in_channels=in_channels, out_channels=out_channels, stride=stride)
    return nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=bias)


def depthwise_separable(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    bias: bool = False,
) -> nn.Sequential:
    """Return one k×k filter per channel, then a pointwise convolution: k·k·in + in·out weights.

    Stride, padding and dilation belong to the depthwise half, so the output has the size of a single convolution's:
    H' = floor((H + 2·padding - dilation·(k - 1) - 1) / stride) + 1.
    """
    _check_whole(1, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size)
    _check_whole(1, stride=stride, dilation=dilation)
    _check_whole(0, padding=padding)
    depthwise = nn.Conv2d(
        in_channels,
        in_channels,
        kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=in_channels,
        bias=bias,
    )
    return nn.Sequential(depthwise, pointwise(in_channels, out_channels, bias=bias))


def dilated(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    *,
    dilation: int = 2,
    stride: int = 1,
    padding: int = 0,
    bias: bool = False,
) -> nn.Conv2d:
    """Return a convolution whose taps lie `dilation` pixels apart, at least 2: k·k·in·out weights.

    Shapes: (N, in, H, W) -> (N, out, H', W') with H' = floor((H + 2·padding - dilation·(k - 1) - 1) / stride) + 1.
    """
    _check_whole(1, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size, stride=stride)
    _check_whole(0, padding=padding)
    _check_whole(2, dilation=dilation)
    return nn.Conv2d(
        in_channels, out_channels, kernel_size, stride=stride, padding=padding, dilation=dilation, bias=bias
    )


def spatially_separable(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    *,
    mid_channels: int | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    bias: bool = False,
) -> nn.Sequential:
    """Return a k×1 convolution along the height, then a 1×k along the width: k·mid·(in + out) weights.

    `mid_channels`, the channels between the two, is `out_channels` unless given. Each half strides, pads and dilates
    its own axis only, so the output has the size of a single convolution's:
    H' = floor((H + 2·padding - dilation·(k - 1) - 1) / stride) + 1.
    """
    mid = out_channels if mid_channels is None else mid_channels
    _check_whole(1, in_channels=in_channels, out_channels=out_channels, mid_channels=mid, kernel_size=kernel_size)
    _check_whole(1, stride=stride, dilation=dilation)
    _check_whole(0, padding=padding)
    vertical = nn.Conv2d(
        in_channels, mid, (kernel_size, 1), stride=(stride, 1), padding=(padding, 0), dilation=(dilation, 1), bias=bias
    )
    horizontal = nn.Conv2d(
        mid, out_channels, (1, kernel_size), stride=(1, stride), padding=(0, padding), dilation=(1, dilation), bias=bias
    )
    return nn.Sequential(vertical, horizontal)


def transposed(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
    bias: bool = False,
) -> nn.ConvTranspose2d:
    """Return a transposed convolution, which multiplies the resolution by its stride: k·k·in·out weights.

    Shapes: (N, in, H, W) -> (N, out, H', W') with
    H' = (H - 1)·stride - 2·padding + dilation·(k - 1) + output_padding + 1.
    """
    _check_whole(1, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size)
    _check_whole(1, stride=stride, dilation=dilation)
    _check_whole(0, padding=padding, output_padding=output_padding)
    if output_padding >= max(stride, dilation):
        raise ValueError(f"output_padding={output_padding} must be smaller than stride={stride} or dilation={dilation}")
    return nn.ConvTranspose2d(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        bias=bias,
    )


def conv_block(
    in_channels: int,
    out_channels: int | Sequence[int],
    kinds: Kind | Sequence[Kind] = "standard",
    *,
    kernel_sizes: int | Sequence[int] = 3,
    strides: int | Sequence[int] = 1,
    paddings: int | Sequence[int] = 0,
    dilations: int | Sequence[int] = 1,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
    normalization: Normalization | None = "batch",
    groups: int | None = None,
    norm_first: bool = True,
    dropout: float | None = None,
    bias: bool = False,
    last_layer: bool = False,
) -> nn.Sequential:
    """Assemble convolutions, each with its normalization, activation and dropout, into one flat block.

    `out_channels` decides how many convolutions there are; every other list has as many entries, and a single value
    stands for that value everywhere.

    Args:
        in_channels: Channels of the block's input, (N, in_channels, H, W).
        out_channels: Channels after each convolution; a number is a block of one.
        kinds: Kind of each convolution, of `KINDS`. A separable one adds two modules to the block.
        kernel_sizes: Side of each square kernel; 1 for "pointwise".
        strides: Stride of each convolution.
        paddings: Padding of each convolution; 0 for "pointwise".
        dilations: Dilation of each convolution; 1 for "standard" and "pointwise", at least 2 for "dilated".
        activation: Makes one activation per convolution (`nn.ReLU`, not `nn.ReLU()`); None for none.
        normalization: "batch", "group" or None.
        groups: Number of groups of a group normalization; it must divide the channels of every normalized layer.
        norm_first: Whether the normalization comes before the activation (convolution, norm, activation) or after it.
        dropout: Probability of a dropout after each convolution, 0 included; None puts no dropout in.
        bias: Whether the convolutions have one.
        last_layer: Leave the last convolution bare, as the scores of a network need it.

    Raises:
        ValueError: A list of another length than `out_channels`, an unknown kind or normalization, a number that is
            too small or that the kind cannot have, `groups` that do not divide the channels, a probability outside
            0 to 1. The message names the argument and both values.
    """
    if isinstance(activation, nn.Module):
        raise ValueError(f"activation={activation} is one module; give what makes one for each layer, such as nn.ReLU")
    _check_whole(1, in_channels=in_channels)
    layers = _layers(in_channels, out_channels, kinds, kernel_sizes, strides, paddings, dilations)
    normalized = layers[:-1] if last_layer else layers
    _check_normalization(normalization, groups, [layer.out_channels for layer in normalized])
    if dropout is not None and not 0 <= dropout <= 1:
        raise ValueError(f"dropout={dropout} must be a probability between 0 and 1")

    modules: list[nn.Module] = []
    for layer in layers:
        modules += _convolution(layer, bias)
        if last_layer and layer is layers[-1]:
            break
        norm = _normalization(normalization, groups, layer.out_channels)
        active = [activation()] if activation is not None else []
        modules += [*norm, *active] if norm_first else [*active, *norm]
        modules += [nn.Dropout(dropout)] if dropout is not None else []
    return nn.Sequential(*modules)


class Residual(nn.Module):
    """Adds to an input what layers make of it (He et al., 2016, equation 1); the layers keep its shape."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + layers(x)``, (N, C, H, W) for x of (N, C, H, W)."""
        added: Tensor = x + self.layers(x)
        return added


@dataclass(frozen=True)
class _Layer:
    """One validated convolution of a block."""

    kind: Kind
    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    padding: int
    dilation: int


def _layers(
    in_channels: int,
    out_channels: int | Sequence[int],
    kinds: Kind | Sequence[Kind],
    kernel_sizes: int | Sequence[int],
    strides: int | Sequence[int],
    paddings: int | Sequence[int],
    dilations: int | Sequence[int],
) -> list[_Layer]:
    """Validate the lists and turn them round: one record per convolution."""
    channels = list(out_channels) if isinstance(out_channels, Sequence) else [out_channels]
    if not channels:
        raise ValueError("out_channels=[] lists 0 convolutions; give at least 1")
    count = len(channels)
    names = [_known(f"kinds[{i}]", kind, KINDS) for i, kind in enumerate(_spread("kinds", kinds, count))]
    kernels = _spread("kernel_sizes", kernel_sizes, count)
    steps = _spread("strides", strides, count)
    pads = _spread("paddings", paddings, count)
    gaps = _spread("dilations", dilations, count)
    inputs = [in_channels, *channels[:-1]]
    layers = [_Layer(*row) for row in zip(names, inputs, channels, kernels, steps, pads, gaps, strict=True)]
    for index, layer in enumerate(layers):
        _check_layer(index, layer)
    return layers


def _convolution(layer: _Layer, bias: bool) -> list[nn.Module]:
    """Build a layer's convolution; the halves of a separable one are two modules."""
    size = (layer.in_channels, layer.out_channels, layer.kernel_size)
    stride, padding, dilation = layer.stride, layer.padding, layer.dilation
    match layer.kind:
        case "standard":
            return [standard(*size, stride=stride, padding=padding, bias=bias)]
        case "pointwise":
            return [pointwise(layer.in_channels, layer.out_channels, stride=stride, bias=bias)]
        case "depthwise_separable":
            return [*depthwise_separable(*size, stride=stride, padding=padding, dilation=dilation, bias=bias)]
        case "dilated":
            return [dilated(*size, stride=stride, padding=padding, dilation=dilation, bias=bias)]
        case "spatially_separable":
            return [*spatially_separable(*size, stride=stride, padding=padding, dilation=dilation, bias=bias)]
        case "transposed":
            return [transposed(*size, stride=stride, padding=padding, dilation=dilation, bias=bias)]


def _normalization(normalization: Normalization | None, groups: int | None, channels: int) -> list[nn.Module]:
    if normalization == "batch":
        return [nn.BatchNorm2d(channels)]
    if groups is not None:
        return [nn.GroupNorm(groups, channels)]
    return []


def _spread(name: str, value: _Value | Sequence[_Value], count: int) -> list[_Value]:
    """Return one value per layer; a single value stands for all."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} has length {len(value)} and out_channels has length {count}; give one each, or a single value"
        )
    return list(value)


def _known(name: str, given: str, known: Sequence[_Name]) -> _Name:
    """Return the entry of `known` that equals `given`, or say which are near it."""
    for entry in known:
        if entry == given:
            return entry
    # A beginning or a part outranks similar letters: "depthwise" looks more like "pointwise" than like its own kind.
    near = [entry for entry in known if str(given) in entry] or get_close_matches(str(given), known)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"{name}={given!r} is not one of {', '.join(known)}{hint}")


def _check_whole(minimum: int, **values: int) -> None:
    """Raise for the first value that is not a whole number of at least `minimum`."""
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise ValueError(f"{name}={value!r} must be a whole number of at least {minimum}")


def _check_layer(index: int, layer: _Layer) -> None:
    """Raise for a number that is too small, or that the layer's kind cannot have; `index` is its place in the lists."""
    values = {
        "out_channels": layer.out_channels,
        "kernel_sizes": layer.kernel_size,
        "strides": layer.stride,
        "paddings": layer.padding,
        "dilations": layer.dilation,
    }
    for name, value in values.items():
        _check_whole(0 if name == "paddings" else 1, **{f"{name}[{index}]": value})
    for name, fixed in _FIXED.get(layer.kind, {}).items():
        if values[name] != fixed:
            raise ValueError(f"{name}[{index}]={values[name]} must be {fixed} for kinds[{index}]={layer.kind!r}")
    if layer.kind == "dilated" and layer.dilation < 2:
        raise ValueError(f"dilations[{index}]={layer.dilation} must be at least 2 for kinds[{index}]={layer.kind!r}")


def _check_normalization(normalization: Normalization | None, groups: int | None, channels: Sequence[int]) -> None:
    """Raise for an unknown normalization, or for groups that it does not take or that do not divide the channels."""
    if normalization is not None:
        _known("normalization", normalization, NORMALIZATIONS)
    if normalization != "group":
        if groups is not None:
            raise ValueError(f"groups={groups} goes with normalization='group', not with {normalization!r}")
        return
    if groups is None:
        raise ValueError("groups=None must be the number of groups for normalization='group'")
    _check_whole(1, groups=groups)
    for index, channel_count in enumerate(channels):
        if channel_count % groups:
            raise ValueError(f"groups={groups} does not divide out_channels[{index}]={channel_count}")
