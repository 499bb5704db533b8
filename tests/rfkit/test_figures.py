"""What the words of a report mean: coverage, unproductive, features, costs; the figures are worked out beside each."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfkit
from rfkit.report import Report


def convolutions(count: int, *, channels: int = 3, **options: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=1, **options) for _ in range(count)))


def flagged(report: Report, flag: str) -> list[str]:
    return [layer.label for layer in report if flag in layer.flags]


def test_coverage_is_the_share_of_the_image_inside_the_largest_extent() -> None:
    """Fields of 3, 5, 7 and 9, clipped at 7 and 5: 3·3, 5·5, 7·5 and again 7·5 of 7·5 pixels."""
    report = rfkit.trace(convolutions(4), (1, 3, 7, 5))
    assert [layer.extent for layer in report] == [(3, 3), (5, 5), (7, 5), (7, 5)]
    assert [layer.coverage for layer in report] == pytest.approx([9 / 35, 25 / 35, 1, 1])
    assert report.totals.coverage == 1


def test_a_convolution_is_unproductive_when_its_input_sees_more_than_the_image() -> None:
    """Inputs of the five see 1, 3, 5, 7 and 9 of 7 pixels: only the fifth's exceeds the image."""
    assert flagged(rfkit.trace(convolutions(5), (1, 3, 7, 7)), "unproductive") == ["4"]


def test_a_convolution_that_still_gains_along_one_axis_is_productive() -> None:
    assert flagged(rfkit.trace(convolutions(5), (1, 3, 7, 31)), "unproductive") == []


def test_a_gate_makes_nothing_behind_it_unproductive() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = convolutions(1), convolutions(1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            return self.last(x * x.mean((2, 3), keepdim=True).sigmoid())

    assert flagged(rfkit.trace(Gated(), (1, 3, 15, 15)), "unproductive") == []


class Classifier(nn.Module):
    """Three convolutions, pooled by ``pool``, and a linear layer."""

    def __init__(self, pool: nn.Module, positions: int = 1) -> None:
        super().__init__()
        self.body, self.pool, self.head = convolutions(3, stride=2), pool, nn.Linear(3 * positions, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.body(x)).flatten(1))


@pytest.mark.parametrize(
    ("pool", "positions"),
    [
        pytest.param(nn.AdaptiveAvgPool2d(1), 1, id="adaptive pooling"),
        pytest.param(nn.AvgPool2d(4), 1, id="pooling that covers all"),
        pytest.param(nn.Identity(), 16, id="flattening"),
    ],
)
def test_features_are_what_is_finally_pooled_or_flattened_away(pool: nn.Module, positions: int) -> None:
    """Fields 3 at 2, 7 at 4, 15 at 8 pixels; 4x4 positions are pooled or flattened: 15 + 3·8 = 39."""
    totals = rfkit.trace(Classifier(pool, positions), (1, 3, 32, 32)).totals
    assert totals.features == ("body.2" if positions == 1 else "pool")
    assert totals.receptive_field_features == (15, 15)
    assert totals.jump_features == (8, 8)
    assert totals.receptive_field == (39, 39)


def test_without_final_pooling_the_output_is_the_features() -> None:
    totals = rfkit.trace(convolutions(2), (1, 3, 13, 11)).totals
    assert totals.features == "1"
    assert totals.receptive_field_features == totals.receptive_field == (5, 5)


def test_start_of_unpadded_layers_is_the_middle_of_the_first_window() -> None:
    """5 taps from 0 to 4: centre 5/2; then 2 taps at distance 3: 5/2 + 3/2 = 4."""
    report = rfkit.trace(nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.MaxPool2d(2)), (1, 3, 31, 29))
    assert [layer.start for layer in report] == [(Fraction(5, 2),) * 2, (4, 4)]


def test_activation_bytes_count_what_is_allocated() -> None:
    """4 bytes for each of 8·13·11 results; nothing for writing in place, for views and for what eval mode passes through."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten(), nn.Identity())
    report = rfkit.trace(net, (1, 3, 13, 11))
    assert [layer.activation_bytes for layer in report] == [4 * 8 * 13 * 11, 0, 0, 0, 0]
    assert report.totals.activation_bytes == 4 * 8 * 13 * 11


def test_activation_bytes_and_macs_grow_with_the_batch_and_parameters_do_not() -> None:
    one, three = (rfkit.trace(convolutions(2), (n, 3, 13, 11)).totals for n in (1, 3))
    assert three.activation_bytes == 3 * one.activation_bytes
    assert three.macs == 3 * one.macs
    assert three.params == one.params


def test_trainable_parameters_leave_out_frozen_ones_and_buffers_count_elements() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    net[0].requires_grad_(False)
    totals = rfkit.trace(net, (1, 3, 13, 11)).totals
    assert totals.params == 3 * 4 * 9 + 4 + 8
    assert totals.trainable_params == 8
    assert totals.buffers == 4 + 4 + 1


def test_geometry_is_that_of_the_operator_that_ran() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            x = F.conv2d(x, self.conv.weight[:, :2], stride=(2, 1), padding=(0, 4), dilation=(1, 2), groups=2)
            return F.max_pool2d(x, (3, 2))

    conv, pool = rfkit.trace(Functional(), (1, 4, 31, 29)).layers
    assert (conv.kernel_size, conv.stride, conv.padding, conv.dilation) == ((3, 3), (2, 1), (0, 4), (1, 2))
    assert (conv.groups, conv.transposed, conv.params) == (2, False, 144)
    assert (pool.kernel_size, pool.stride) == ((3, 2), (3, 2))


def test_a_transposed_convolution_says_so() -> None:
    (layer,) = rfkit.trace(nn.ConvTranspose2d(3, 4, (2, 4), (2, 3), (0, 1)), (1, 3, 7, 5)).layers
    assert layer.transposed
    assert (layer.kernel_size, layer.stride, layer.padding) == ((2, 4), (2, 3), (0, 1))
    assert layer.jump == (Fraction(1, 2), Fraction(1, 3))


def test_half_precision_counts_two_bytes() -> None:
    net = nn.Conv2d(3, 8, 3, padding=1).to(torch.float16)
    assert rfkit.trace(net, (1, 3, 13, 11)).totals.activation_bytes == 2 * 8 * 13 * 11


@pytest.mark.parametrize("length", [30, 32, 33, 64])
@pytest.mark.parametrize("widen", [nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.Upsample(scale_factor=2, mode="bilinear")])
@pytest.mark.parametrize("window", [nn.AvgPool2d(12, 10), nn.AdaptiveAvgPool2d(3), nn.Conv2d(4, 4, 4, padding=1)])
def test_no_unit_sees_more_than_the_size_says(length: int, widen: nn.Module, window: nn.Module) -> None:
    """Behind an upsampling a window's reach depends on its phase; the textbook's formula gives that of one phase."""
    layer = rfkit.trace(nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), widen, window), (1, 3, length, length))["2"]
    assert all(
        size is not None and size >= seen for size, seen in zip(layer.receptive_field, layer.extent, strict=True)
    )


@pytest.mark.parametrize(
    "pool",
    [lambda x: x.mean((2, 3)), lambda x: x.mean(3).mean(2), lambda x: x.mean(2, keepdim=True).relu().mean((2, 3))],
)
def test_the_features_are_the_last_map_even_where_its_axes_are_pooled_one_after_the_other(
    pool: Callable[[Tensor], Tensor],
) -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 9)

        def forward(self, x: Tensor) -> Tensor:
            return pool(self.conv(x))

    totals = rfkit.trace(Pooled(), (1, 3, 37, 37)).totals
    assert (totals.features, totals.receptive_field_features, totals.receptive_field) == ("conv", (9, 9), (37, 37))
