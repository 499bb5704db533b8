"""The convolutions and the block builder: shapes, weights, order of modules, and every refusal."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
import torch
from torch import nn

from trainer.models.blocks import (
    KINDS,
    NORMALIZATIONS,
    Residual,
    conv_block,
    depthwise_separable,
    dilated,
    pointwise,
    spatially_separable,
    standard,
    transposed,
)

HEIGHT, WIDTH = 23, 19
CHANNELS_IN, CHANNELS_OUT = 6, 10


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def output_shape(module: nn.Module, channels: int = CHANNELS_IN) -> tuple[int, ...]:
    return tuple(module.to("meta")(torch.empty(2, channels, HEIGHT, WIDTH, device="meta")).shape)


def types(block: nn.Module) -> list[str]:
    return [type(module).__name__ for module in block.children()]


def slid(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def upsampled(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1


WEIGHTS: dict[str, Callable[[int], int]] = {
    "standard": lambda k: k * k * CHANNELS_IN * CHANNELS_OUT,
    "pointwise": lambda k: CHANNELS_IN * CHANNELS_OUT,
    "depthwise_separable": lambda k: k * k * CHANNELS_IN + CHANNELS_IN * CHANNELS_OUT,
    "dilated": lambda k: k * k * CHANNELS_IN * CHANNELS_OUT,
    "spatially_separable": lambda k: k * CHANNELS_IN * CHANNELS_OUT + k * CHANNELS_OUT * CHANNELS_OUT,
    "transposed": lambda k: k * k * CHANNELS_IN * CHANNELS_OUT,
}
GEOMETRIES = [
    (kind, kernel, stride, padding, dilation)
    for kind in KINDS
    for kernel in ([1] if kind == "pointwise" else [2, 3, 5])
    for stride in (1, 2, 3)
    for padding in ([0] if kind == "pointwise" else [0, 1])
    for dilation in {"standard": [1], "pointwise": [1], "dilated": [2, 3]}.get(kind, [1, 2])
]


class TestEachKind:
    """Shapes and weights against the closed formulas, on a map that is not square."""

    @pytest.mark.parametrize(("kind", "kernel", "stride", "padding", "dilation"), GEOMETRIES)
    def test_has_the_shape_and_the_weights_of_its_formula(
        self, kind: Any, kernel: int, stride: int, padding: int, dilation: int
    ) -> None:
        block = conv_block(
            CHANNELS_IN,
            CHANNELS_OUT,
            kind,
            kernel_sizes=kernel,
            strides=stride,
            paddings=padding,
            dilations=dilation,
            activation=None,
            normalization=None,
        )
        size = upsampled if kind == "transposed" else slid
        height, width = (size(n, kernel, stride, padding, dilation) for n in (HEIGHT, WIDTH))
        assert output_shape(block) == (2, CHANNELS_OUT, height, width)
        assert parameter_count(block) == WEIGHTS[kind](kernel)

    @pytest.mark.parametrize(
        ("convolution", "weights", "biases"),
        [
            (standard, 9 * 6 * 10, 10),
            (pointwise, 6 * 10, 10),
            (depthwise_separable, 9 * 6 + 6 * 10, 6 + 10),
            (dilated, 9 * 6 * 10, 10),
            (spatially_separable, 3 * 6 * 10 + 3 * 10 * 10, 10 + 10),
            (transposed, 9 * 6 * 10, 10),
        ],
    )
    def test_has_a_bias_only_when_asked(self, convolution: Callable[..., nn.Module], weights: int, biases: int) -> None:
        assert parameter_count(convolution(6, 10)) == weights
        assert parameter_count(convolution(6, 10, bias=True)) == weights + biases

    def test_depthwise_half_keeps_the_channels_apart_and_the_pointwise_half_mixes_them(self) -> None:
        convolution = depthwise_separable(4, 5, padding=1)
        image = torch.zeros(1, 4, 7, 7)
        image[:, 2] = torch.randn(7, 7, generator=torch.Generator().manual_seed(0))
        halfway = convolution.get_submodule("0")(image)
        assert [channel.any().item() for channel in halfway[0]] == [False, False, True, False]
        assert all(channel.any() for channel in convolution(image)[0])

    def test_spatially_separable_equals_the_convolution_with_the_outer_product_of_its_kernels(self) -> None:
        separable = spatially_separable(1, 1, 3, mid_channels=1, stride=2, padding=1)
        column, row = (kernel.detach() for kernel in separable.parameters())
        image = torch.randn(1, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
        whole = nn.functional.conv2d(image, column * row, stride=2, padding=1)
        torch.testing.assert_close(separable(image), whole)

    def test_spatially_separable_goes_through_the_channels_in_between(self) -> None:
        assert parameter_count(spatially_separable(6, 10, 5, mid_channels=2)) == 5 * 2 * (6 + 10)

    def test_dilated_reads_every_second_pixel_unless_told_otherwise(self) -> None:
        assert dilated(6, 10).dilation == (2, 2)
        assert output_shape(dilated(6, 10)) == (2, 10, HEIGHT - 4, WIDTH - 4)

    def test_transposed_doubles_the_resolution_with_output_padding(self) -> None:
        doubling = transposed(6, 10, 3, stride=2, padding=1, output_padding=1)
        assert output_shape(doubling) == (2, 10, 2 * HEIGHT, 2 * WIDTH)

    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (partial(standard, 0, 8), "in_channels=0 must be a whole number of at least 1"),
            (partial(standard, 8, -1), "out_channels=-1 must be a whole number of at least 1"),
            (partial(standard, 8, 8, 0), "kernel_size=0 must be a whole number of at least 1"),
            (partial(standard, 8, 8, cast(int, 2.5)), "kernel_size=2.5 must be a whole number of at least 1"),
            (partial(standard, 8, 8, padding=-1), "padding=-1 must be a whole number of at least 0"),
            (partial(pointwise, 8, 8, stride=0), "stride=0 must be a whole number of at least 1"),
            (partial(depthwise_separable, 8, 8, dilation=0), "dilation=0 must be a whole number of at least 1"),
            (partial(depthwise_separable, 8, 8, padding=-2), "padding=-2 must be a whole number of at least 0"),
            (partial(dilated, 8, 8, dilation=1), "dilation=1 must be a whole number of at least 2"),
            (partial(dilated, 8, 8, padding=-1), "padding=-1 must be a whole number of at least 0"),
            (partial(spatially_separable, 8, 8, mid_channels=0), "mid_channels=0 must be a whole number of at least 1"),
            (partial(spatially_separable, 8, 8, stride=0), "stride=0 must be a whole number of at least 1"),
            (partial(transposed, 8, 8, stride=True), "stride=True must be a whole number of at least 1"),
            (partial(transposed, 8, 8, output_padding=-1), "output_padding=-1 must be a whole number of at least 0"),
            (
                partial(transposed, 8, 8, stride=2, output_padding=2),
                "output_padding=2 must be smaller than stride=2 or dilation=1",
            ),
        ],
    )
    def test_refuses_a_number_that_makes_no_convolution(self, build: Callable[[], nn.Module], message: str) -> None:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            build()


class TestBlock:
    """What `conv_block` puts together, and in which order."""

    def test_gives_every_convolution_its_own_entry_of_every_list(self) -> None:
        block = conv_block(
            3,
            [8, 12, 16],
            ["standard", "dilated", "transposed"],
            kernel_sizes=[5, 3, 4],
            strides=[2, 1, 2],
            paddings=[2, 0, 1],
            dilations=[1, 3, 1],
        )
        convolutions = [module for module in block if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
        assert [(c.in_channels, c.out_channels) for c in convolutions] == [(3, 8), (8, 12), (12, 16)]
        assert [c.kernel_size[0] for c in convolutions] == [5, 3, 4]
        assert [c.stride[0] for c in convolutions] == [2, 1, 2]
        assert [c.padding[0] for c in convolutions] == [2, 0, 1]
        assert [c.dilation[0] for c in convolutions] == [1, 3, 1]

    def test_a_single_value_stands_for_every_layer(self) -> None:
        single = conv_block(3, [8, 8], "dilated", kernel_sizes=5, strides=2, paddings=4, dilations=2)
        listed = conv_block(
            3,
            [8, 8],
            ["dilated", "dilated"],
            kernel_sizes=[5, 5],
            strides=[2, 2],
            paddings=[4, 4],
            dilations=[2, 2],
        )
        assert repr(single) == repr(listed)

    def test_a_single_number_of_channels_is_a_block_of_one(self) -> None:
        assert repr(conv_block(3, 8)) == repr(conv_block(3, [8]))

    def test_a_separable_convolution_adds_its_two_halves_to_a_flat_block(self) -> None:
        assert types(conv_block(4, 8, "depthwise_separable")) == ["Conv2d", "Conv2d", "BatchNorm2d", "ReLU"]
        assert types(conv_block(4, 8, "spatially_separable")) == ["Conv2d", "Conv2d", "BatchNorm2d", "ReLU"]

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, ["Conv2d", "BatchNorm2d", "ReLU"]),
            ({"norm_first": False}, ["Conv2d", "ReLU", "BatchNorm2d"]),
            ({"dropout": 0.1}, ["Conv2d", "BatchNorm2d", "ReLU", "Dropout"]),
            ({"dropout": 0.0}, ["Conv2d", "BatchNorm2d", "ReLU", "Dropout"]),
            ({"norm_first": False, "dropout": 0.1}, ["Conv2d", "ReLU", "BatchNorm2d", "Dropout"]),
            ({"normalization": None}, ["Conv2d", "ReLU"]),
            ({"activation": None}, ["Conv2d", "BatchNorm2d"]),
            ({"activation": nn.GELU}, ["Conv2d", "BatchNorm2d", "GELU"]),
            ({"normalization": "group", "groups": 4}, ["Conv2d", "GroupNorm", "ReLU"]),
            ({"normalization": None, "activation": None}, ["Conv2d"]),
        ],
    )
    def test_orders_convolution_norm_activation_and_dropout(self, options: dict[str, Any], expected: list[str]) -> None:
        assert types(conv_block(3, [8, 8], **options)) == expected * 2

    @pytest.mark.parametrize("norm_first", [True, False])
    def test_the_last_layer_of_a_network_ends_with_a_bare_convolution(self, norm_first: bool) -> None:
        block = conv_block(3, [8, 10], norm_first=norm_first, dropout=0.1, last_layer=True)
        assert len(block) == 5
        assert isinstance(block[-1], nn.Conv2d)

    def test_a_last_layer_of_one_separable_convolution_is_only_its_halves(self) -> None:
        assert types(conv_block(3, 10, "depthwise_separable", last_layer=True)) == ["Conv2d", "Conv2d"]

    def test_group_norm_has_the_number_of_groups_and_normalizes_each(self) -> None:
        block = conv_block(3, 8, normalization="group", groups=2, activation=None)
        image = torch.randn(4, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
        halves = block(image).reshape(4, 2, -1)
        torch.testing.assert_close(halves.mean(-1), torch.zeros(4, 2), atol=1e-5, rtol=0)
        torch.testing.assert_close(halves.var(-1, correction=0), torch.ones(4, 2), atol=1e-3, rtol=0)

    def test_groups_need_not_divide_a_last_layer_that_is_not_normalized(self) -> None:
        block = conv_block(3, [8, 10], normalization="group", groups=4, last_layer=True)
        assert types(block) == ["Conv2d", "GroupNorm", "ReLU", "Conv2d"]

    def test_every_layer_has_an_activation_of_its_own(self) -> None:
        block = conv_block(3, [8, 8], activation=partial(nn.PReLU, init=0.1))
        assert block[2] is not block[5]

    @pytest.mark.parametrize("normalization", [None, *NORMALIZATIONS])
    def test_every_parameter_learns(self, normalization: Any) -> None:
        torch.manual_seed(0)
        kinds = list(KINDS)
        block = conv_block(
            3,
            [8] * len(kinds),
            kinds,
            kernel_sizes=[1 if kind == "pointwise" else 3 for kind in kinds],
            dilations=[2 if kind == "dilated" else 1 for kind in kinds],
            normalization=normalization,
            groups=4 if normalization == "group" else None,
            bias=normalization is None,
        )
        block(torch.randn(4, 3, HEIGHT, WIDTH)).square().sum().backward()
        for name, parameter in block.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


class TestRefusals:
    """One `ValueError` for each way to give contradictory arguments; it names the argument and both values."""

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"kinds": ["standard"]}, "kinds has length 1 and out_channels has length 2"),
            ({"kernel_sizes": [3, 3, 3]}, "kernel_sizes has length 3 and out_channels has length 2"),
            ({"strides": [1]}, "strides has length 1 and out_channels has length 2"),
            ({"paddings": []}, "paddings has length 0 and out_channels has length 2"),
            ({"dilations": [1, 1, 1]}, "dilations has length 3 and out_channels has length 2"),
        ],
    )
    def test_lists_of_unequal_length(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            conv_block(3, [8, 8], **options)

    @pytest.mark.parametrize(
        ("given", "suggestion"),
        [
            ("depthwise", "did you mean depthwise_separable?"),
            ("separable", "did you mean depthwise_separable or spatially_separable?"),
            ("dialted", "did you mean dilated?"),
            ("transpose", "did you mean transposed?"),
            ("point_wise", "did you mean pointwise?"),
        ],
    )
    def test_an_unknown_kind_with_the_nearest_known_one(self, given: Any, suggestion: str) -> None:
        message = f"kinds[1]={given!r} is not one of {', '.join(KINDS)}; {suggestion}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            conv_block(3, [8, 8], ["standard", given])

    def test_an_unknown_kind_that_is_near_to_none(self) -> None:
        with pytest.raises(ValueError, match=r"kinds\[0\]='fft' is not one of standard, .*, transposed$"):
            conv_block(3, [8], "fft")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"normalization": "bacth"}, "normalization='bacth' is not one of batch, group; did you mean batch?"),
            ({"normalization": "group", "groups": 3}, "groups=3 does not divide out_channels[0]=8"),
            ({"normalization": "group", "groups": 8}, "groups=8 does not divide out_channels[1]=12"),
            ({"normalization": "group", "groups": 0}, "groups=0 must be a whole number of at least 1"),
            ({"normalization": "group"}, "groups=None must be the number of groups for normalization='group'"),
            ({"groups": 4}, "groups=4 goes with normalization='group', not with 'batch'"),
            ({"groups": 4, "normalization": None}, "groups=4 goes with normalization='group', not with None"),
            ({"kernel_sizes": 0}, "kernel_sizes[0]=0 must be a whole number of at least 1"),
            ({"kernel_sizes": [3, -3]}, "kernel_sizes[1]=-3 must be a whole number of at least 1"),
            ({"kernel_sizes": [3, 1.5]}, "kernel_sizes[1]=1.5 must be a whole number of at least 1"),
            ({"strides": [1, 0]}, "strides[1]=0 must be a whole number of at least 1"),
            ({"paddings": [0, -1]}, "paddings[1]=-1 must be a whole number of at least 0"),
            ({"dilations": [0, 1]}, "dilations[0]=0 must be a whole number of at least 1"),
            ({"dilations": [1, 2]}, "dilations[1]=2 must be 1 for kinds[1]='standard'"),
            ({"kinds": ["standard", "dilated"]}, "dilations[1]=1 must be at least 2 for kinds[1]='dilated'"),
            ({"kinds": ["standard", "pointwise"]}, "kernel_sizes[1]=3 must be 1 for kinds[1]='pointwise'"),
            (
                {"kinds": "pointwise", "kernel_sizes": 1, "paddings": [0, 1]},
                "paddings[1]=1 must be 0 for kinds[1]='pointwise'",
            ),
            (
                {"kinds": "pointwise", "kernel_sizes": 1, "dilations": [1, 2]},
                "dilations[1]=2 must be 1 for kinds[1]='pointwise'",
            ),
            ({"in_channels": 0}, "in_channels=0 must be a whole number of at least 1"),
            ({"out_channels": [8, 0]}, "out_channels[1]=0 must be a whole number of at least 1"),
            ({"out_channels": []}, "out_channels=[] lists 0 convolutions; give at least 1"),
            ({"dropout": 1.5}, "dropout=1.5 must be a probability between 0 and 1"),
            ({"dropout": -0.1}, "dropout=-0.1 must be a probability between 0 and 1"),
            (
                {"activation": nn.ReLU()},
                "activation=ReLU() is one module; give what makes one for each layer, such as nn.ReLU",
            ),
        ],
    )
    def test_values_that_contradict_each_other(self, options: dict[str, Any], message: str) -> None:
        arguments: dict[str, Any] = {"in_channels": 3, "out_channels": [8, 12], **options}
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            conv_block(**arguments)


def test_a_residual_adds_what_its_layers_make() -> None:
    torch.manual_seed(0)
    block = conv_block(6, 6, paddings=1).eval()
    x = torch.randn(2, 6, 9, 7)
    torch.testing.assert_close(Residual(block)(x), x + block(x))
