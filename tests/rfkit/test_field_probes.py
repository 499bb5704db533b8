"""Small networks on which receptive-field and MAC counters are known to go wrong; the truth is derived beside each.

Written as r (size), j (jump), c (centre of the first unit, 0.5 being the first pixel's): a window of k taps, dilation d,
stride s and padding p gives r + (k-1)d j, j s, c + ((k-1)d/2 - p) j.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50

import rfkit
from rfkit.report import Layer, Report
from tests.exactness import Call, assert_known, trace_and_probe
from tests.oracle import OUTPUT, assert_exact

HALF = Fraction(1, 2)


def conv(k: int = 3, s: int = 1, d: int = 1, channels: tuple[int, int] = (4, 4), **options: Any) -> nn.Conv2d:
    """A convolution padded so that its windows are centred."""
    return nn.Conv2d(*channels, k, s, options.pop("padding", d * (k - 1) // 2), d, **options)


class Net(nn.Module):
    """``forward`` as a function of the layers, by name, and the image; ``out`` marks its end."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.function, self.out = function, nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.function(self, x))


def chain(*layers: nn.Module) -> Net:
    return Net(lambda net, x: net.body(x), body=nn.Sequential(*layers))


def last_of(net: Net, size: int | tuple[int, int] = 64) -> tuple[Layer, Report]:
    """The row of ``out`` in the local report, after the strict one has been proved unit for unit."""
    shape = (4, *((size, size) if isinstance(size, int) else size))
    strict, truth = trace_and_probe(net, shape)
    assert_known(strict)
    assert_exact({"out": strict["out"]}, truth)
    report = rfkit.trace(net, (1, *shape), units=True)
    assert report.totals.receptive_field == report["out"].receptive_field
    assert truth[OUTPUT].shape == report["out"].output_shape
    return report["out"], report


def unclipped_extents(layer: Layer, axis: int, image: int) -> set[int]:
    """Extents of the units that do not touch the border."""
    assert layer.units is not None
    lo, hi = layer.units[axis]
    return {b - a + 1 for a, b in zip(lo, hi, strict=True) if a > 0 and b < image - 1}


def test_dilated_chain_is_centred() -> None:
    """r: 3, 3 + 2·2 = 7, 7 + 2·4 = 15; every window is centred by its padding, so c stays 1/2."""
    out, _ = last_of(chain(conv(), conv(d=2), conv(d=4)))
    assert out.receptive_field == (15, 15)
    assert out.start == (HALF, HALF)
    assert unclipped_extents(out, 0, 64) == {15}


def test_unpadded_dilation_moves_the_centre() -> None:
    """C = 1/2 + (3-1)·4/2 = 9/2 without padding."""
    out, _ = last_of(chain(conv(d=4, padding=0)))
    assert out.start == (Fraction(9, 2), Fraction(9, 2))


def test_strided_residual_block() -> None:
    """r: stem 3; block 3 + 2 = 5 at j 2, then 5 + 2·2 = 9; the 1x1 shortcut keeps 3 at j 2, its centre the same."""

    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.stem(x)
        return net.second(net.first(x).relu()) + net.shortcut(x)

    out, _ = last_of(Net(forward, stem=conv(), first=conv(s=2), second=conv(), shortcut=conv(1, 2)))
    assert (out.receptive_field, out.receptive_field_min, out.jump) == ((9, 9), (3, 3), (2, 2))
    assert out.start == (HALF, HALF)
    assert not out.flags


def test_transposed_convolution_behind_a_stride() -> None:
    """R 3 at j 2; of 4 taps at stride 2 every unit gets 2: 3 + (4/2 - 1)·2 = 5 at j 1."""
    out, _ = last_of(chain(conv(s=2), nn.ConvTranspose2d(4, 4, 4, 2, 1)))
    assert (out.receptive_field, out.jump) == ((5, 5), (1, 1))
    assert unclipped_extents(out, 1, 64) == {5}


def test_nearest_upsampling_then_convolution() -> None:
    """R 3 at j 2; repeated units add nothing; 3 units of 1 pixel's distance touch 2 of the repeated ones: 3 + 2·1 = 5."""
    out, _ = last_of(chain(conv(s=2), nn.Upsample(scale_factor=2), conv()))
    assert (out.receptive_field, out.jump) == ((5, 5), (1, 1))
    assert unclipped_extents(out, 0, 64) == {5}


def test_bilinear_upsampling_then_convolution() -> None:
    """R 3 at j 2; every new unit reads 2: 3 + 2 = 5 at j 1; a window of 3: 5 + 2·1 = 7."""
    out, _ = last_of(chain(conv(s=2), nn.Upsample(scale_factor=2, mode="bilinear"), conv()))
    assert (out.receptive_field, out.jump) == ((7, 7), (1, 1))
    assert unclipped_extents(out, 0, 64) == {7}


def test_a_network_without_modules() -> None:
    """r: 3, 3 + 2·2 = 7, pooled 7 + 1 = 8 at j 2, 8 + 2·2 = 12."""

    def forward(net: Any, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(x, net.weight, padding=1))
        x = F.conv2d(x, net.weight, padding=2, dilation=2)
        return F.conv2d(F.max_pool2d(x, 2), net.weight, padding=1)

    net = Net(forward)
    net.weight = nn.Parameter(torch.randn(4, 4, 3, 3))
    out, report = last_of(net)
    assert (out.receptive_field, out.jump) == ((12, 12), (2, 2))
    assert [layer.kernel_size for layer in report if layer.kernel_size] == [(3, 3), (3, 3), (2, 2), (3, 3)]
    assert report.totals.params == 4 * 4 * 9


def squeeze_excite(net: Any, x: Tensor) -> Tensor:
    x = net.conv(x)
    return x * net.excite(net.squeeze(x)).sigmoid()


def test_squeeze_and_excitation_is_context() -> None:
    """Locally r 3; strictly, every unit sees the image through the gate."""
    net = Net(squeeze_excite, conv=conv(), squeeze=nn.AdaptiveAvgPool2d(1), excite=conv(1))
    out, _ = last_of(net)
    assert (out.receptive_field, out.extent) == ((3, 3), (3, 3))
    assert out.context
    strict = rfkit.trace(net, (1, 4, 64, 64), strict=True)
    assert strict["out"].extent == (64, 64)


def test_axes_are_apart() -> None:
    """Height: 1, then 3 at j 2; width: 7, then 7 at j 1."""
    net = chain(nn.Conv2d(4, 4, (1, 7), padding=(0, 3)), nn.Conv2d(4, 4, (3, 1), (2, 1), (1, 0)))
    out, _ = last_of(net, (31, 64))
    assert (out.receptive_field, out.jump) == ((3, 7), (2, 1))


def test_adaptive_pooling_has_bins_of_its_own() -> None:
    """Bins of 16 into 3: 0-5, 5-10, 10-15, each 6 wide; a 3-wide window adds one pixel per side that is inside: 7, 8, 7."""
    out, _ = last_of(chain(conv(), nn.AdaptiveAvgPool2d(3)), 16)
    assert out.units is not None
    assert out.units[0] == ((0, 4, 9), (6, 11, 15))
    assert out.extent == (8, 8)


def test_a_slice_to_the_size_of_another_tensor() -> None:
    """Both paths at j 2, r 3 and 1."""

    def forward(net: Any, x: Tensor) -> Tensor:
        b = net.b(x)
        return net.a(x)[..., : b.shape[2], : b.shape[3]] + b

    out, _ = last_of(Net(forward, a=nn.Conv2d(4, 4, 3, 2, 2), b=conv(1, 2)))
    assert out.jump == (2, 2)
    assert out.receptive_field == (3, 3)
    assert out.receptive_field_min == (1, 1)


def test_a_shift_by_padding_and_slicing_beside_a_skip() -> None:
    """Two windows give r 5 around the unit; shifted by 2, units see u-4..u; the skip's u lies inside. c = 1/2 - 2."""
    net = Net(lambda m, x: m.body(F.pad(x, (2, 0, 2, 0))[..., :-2, :-2]) + x, body=nn.Sequential(conv(), conv()))
    out, _ = last_of(net)
    assert out.receptive_field == (5, 5)
    assert out.start == (Fraction(-3, 2), Fraction(-3, 2))
    assert out.receptive_field_min == (1, 1)
    assert "misaligned" in {flag for layer in rfkit.trace(net, (1, 4, 64, 64)) for flag in layer.flags}


def test_pixel_unshuffle_then_convolution_then_pixel_shuffle() -> None:
    """Blocks of 2 pixels at j 2; 3 blocks are 2 + 2·2 = 6 pixels; shuffling back gives j 1 and adds nothing."""
    out, _ = last_of(chain(nn.PixelUnshuffle(2), conv(channels=(16, 16)), nn.PixelShuffle(2)))
    assert (out.receptive_field, out.jump) == ((6, 6), (1, 1))
    assert unclipped_extents(out, 0, 64) == {6}


@pytest.mark.parametrize(
    "operator",
    [
        pytest.param(nn.Identity(), id="Identity"),
        pytest.param(nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Flatten(1, 2)), id="unflatten"),
        pytest.param(Call(lambda x: torch.cat(x.chunk(2, 1)[::-1], 1)), id="chunk"),
        pytest.param(Call(lambda x: x.repeat(1, 2, 1, 1)), id="repeat"),
        pytest.param(nn.ChannelShuffle(2), id="channel_shuffle"),
        pytest.param(Call(lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)).permute(0, 3, 1, 2)), id="channels last"),
    ],
)
def test_operators_that_leave_the_field_unchanged(operator: nn.Module) -> None:
    out, _ = last_of(chain(conv(5, 2), operator), (31, 29))
    assert (out.receptive_field, out.jump, out.start) == ((5, 5), (2, 2), (HALF, HALF))


@pytest.mark.parametrize(("build", "size"), [(resnet18, 435), (resnet50, 427)])
def test_residual_networks(build: Callable[[], nn.Module], size: int) -> None:
    """Torchvision's ResNet-50 strides in the 3x3 convolution of a block: 427, not the 483 of the original."""
    with torch.device("meta"):
        model = build()
    assert rfkit.trace(model, (1, 3, 224, 224)).totals.receptive_field_features == (size, size)


# -- one feature each, at 64 pixels --------------------------------------------------------------------------------------


def branches(net: Any, x: Tensor) -> Tensor:
    return torch.cat([net.a(x), net.b(x)], 1)


def functional_convolution(net: Any, x: Tensor) -> Tensor:
    return net.last(F.conv2d(x, net.last.weight.new_ones(4, 4, 5, 5), padding=2))


MICRO: dict[str, tuple[Callable[[], Net], tuple[int, int]]] = {
    # 3, 3 + 2
    "two convolutions": (lambda: chain(conv(), conv()), (5, 5)),
    # 1 + 2·2
    "dilation 2": (lambda: chain(conv(d=2)), (5, 5)),
    # the wider of 3 and 7
    "branches 3 and 7 joined": (lambda: Net(branches, a=conv(3), b=conv(7)), (7, 7)),
    # 3 at j 2, 3 + 2·2 = 7 beside the shortcut's 1, 7 + 2·2
    "residual, strided shortcut": (
        lambda: Net(lambda m, x: m.last(m.b(m.a(x)) + m.c(x)), a=conv(s=2), b=conv(), c=conv(1, 2), last=conv()),
        (11, 11),
    ),
    # 3, 3 + 2 = 5 at j 2, 5 + 2·2
    "functional pooling": (lambda: Net(lambda m, x: m.b(F.max_pool2d(m.a(x), 3, 2, 1)), a=conv(), b=conv()), (9, 9)),
    # 5, 5 + 2
    "functional convolution": (lambda: Net(functional_convolution, last=conv()), (7, 7)),
    # 3, 3 + 2
    "a module called twice": (lambda: Net(lambda m, x: m.a(m.a(x)), a=conv()), (5, 5)),
    # 3 at j 2, 3 at j 1, 3 + 2·1
    "upsampled by two": (lambda: chain(conv(s=2), nn.Upsample(scale_factor=2), conv()), (5, 5)),
    # 3, whatever else is registered
    "an unused module": (lambda: Net(lambda m, x: m.a(x), a=conv(), b=conv(11)), (3, 3)),
    # 3 at j 1, then 3 + 4 = 7 at j 2; the other order would give 5 + 2·2 = 9
    "registered out of order": (lambda: Net(lambda m, x: m.b(m.a(x)), b=conv(5, 2), a=conv()), (7, 7)),
    # height 1, then 5; width 7, then 7
    "kernels 1x7 and 5x1": (
        lambda: chain(nn.Conv2d(4, 4, (1, 7), padding=(0, 3)), nn.Conv2d(4, 4, (5, 1), padding=(2, 0))),
        (5, 7),
    ),
    # 1 + (4/2 - 1)·1 = 2 at j 1/2, 2 + 2·1/2
    "transposed by two": (lambda: chain(nn.ConvTranspose2d(4, 4, 4, 2, 1), conv()), (3, 3)),
    # locally 3, 3 + 2: the statistics of the norm are context
    "group norm over all channels": (lambda: chain(conv(), nn.GroupNorm(1, 4), nn.SiLU(), conv()), (5, 5)),
    # 3
    "padding same": (lambda: chain(nn.Conv2d(4, 4, 3, padding="same")), (3, 3)),
}


@pytest.mark.parametrize("name", MICRO)
def test_one_feature_at_a_time(name: str) -> None:
    build, truth = MICRO[name]
    out, _ = last_of(build())
    assert out.receptive_field == truth
    assert [max(unclipped_extents(out, axis, 64)) for axis in (0, 1)] == list(truth)


def test_a_norm_over_space_is_global_in_the_strict_sense() -> None:
    net = MICRO["group norm over all channels"][0]()
    assert rfkit.trace(net, (1, 4, 64, 64), strict=True)["out"].extent == (64, 64)


def test_an_unused_module_is_named() -> None:
    _, report = last_of(MICRO["an unused module"][0]())
    assert report.totals.unused_modules == ("b",)


def test_a_module_called_twice_has_two_rows_and_its_parameters_once() -> None:
    _, report = last_of(MICRO["a module called twice"][0]())
    assert [report[label].receptive_field for label in ("a", "a#2")] == [(3, 3), (5, 5)]
    assert [report[label].params for label in ("a", "a#2")] == [148, 0]
    assert report["a"].macs == report["a#2"].macs == 64 * 64 * 4 * 4 * 9


# -- multiply-accumulates ------------------------------------------------------------------------------------------------


def macs(net: nn.Module, *shape: int) -> int:
    example = torch.zeros(shape)
    return rfkit.trace(net, example_inputs=(example,)).totals.macs


def test_macs_of_a_functional_convolution() -> None:
    """32·32 positions, 8 x 3 x 3·3 weights; the bias is not counted."""

    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.zeros(8, 3, 3, 3)), nn.Parameter(torch.zeros(8))

        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x, self.weight, self.bias, padding=1)

    assert macs(Functional(), 1, 3, 32, 32) == 32 * 32 * 8 * 3 * 9 == 221_184


def test_macs_of_a_transposed_convolution_count_input_positions() -> None:
    """16·16 input positions, each spread by 4 x 8 x 4·4 weights."""
    assert macs(nn.ConvTranspose2d(4, 8, 4, 2), 1, 4, 16, 16) == 16 * 16 * 4 * 8 * 16 == 131_072


def test_macs_of_a_product_of_activations() -> None:
    """8 tokens of 16: a projection 8·16·16, then 8·8 products of 16."""

    class Gram(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q = nn.Linear(16, 16)

        def forward(self, x: Tensor) -> Tensor:
            q = self.q(x)
            return q @ q.transpose(-1, -2)

    assert macs(Gram(), 1, 8, 16) == 8 * 16 * 16 + 8 * 8 * 16 == 3_072


def test_macs_and_parameters_of_tied_weights() -> None:
    """The weight counts once, its use twice: 2 x 4 rows x 16·16."""

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(16, 16, bias=False), nn.Linear(16, 16, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x))

    report = rfkit.trace(Tied(), example_inputs=torch.zeros(4, 16))
    assert report.totals.params == 16 * 16
    assert report.totals.macs == 2 * 4 * 16 * 16 == 2_048
    assert [layer.params for layer in report] == [256, 0]


@pytest.mark.parametrize("weights", [False, True])
def test_macs_of_attention(weights: bool) -> None:
    """Four projections of 8 tokens of 16, and two products of 8 x 8 x 8 in each of 2 heads."""

    class SelfAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(x, x, x, need_weights=weights)[0]

    assert macs(SelfAttention(), 1, 8, 16) == 4 * 8 * 16 * 16 + 2 * 2 * 8 * 8 * 8 == 10_240


def test_macs_of_a_convolution_used_three_times() -> None:
    """3 x 32·32 positions x 3·3 channels x 3·3 taps; 84 parameters, once."""
    net = Net(lambda m, x: m.a(m.a(m.a(x))), a=nn.Conv2d(3, 3, 3, padding=1))
    report = rfkit.trace(net, (1, 3, 32, 32))
    assert report.totals.macs == 3 * 32 * 32 * 3 * 3 * 9 == 248_832
    assert report.totals.params == 84


def test_macs_of_grouped_and_strided_convolutions() -> None:
    """Output positions x output channels x input channels of one group x taps."""
    assert macs(nn.Conv2d(4, 8, (3, 5), (2, 1), groups=2), 1, 4, 13, 11) == (6 * 7) * 8 * 2 * 15
    assert macs(nn.Conv2d(4, 4, 3, padding=1, groups=4), 1, 4, 13, 11) == 13 * 11 * 4 * 9
    assert macs(nn.Conv1d(4, 6, 5, dilation=2), 1, 4, 23) == 15 * 6 * 4 * 5
    assert macs(nn.Conv3d(2, 3, (1, 2, 3)), 1, 2, 5, 7, 11) == (5 * 6 * 9) * 3 * 2 * 6
