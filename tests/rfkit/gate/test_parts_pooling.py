"""Global average pooling, linear layers after it and max pooling, in every spelling; what only looks like one is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.rfkit.gate.asking import Flat, Forward, chain, conv, found, near


def pooled(forward: Callable[[Tensor], Tensor], channels: int = 8) -> nn.Module:
    """A convolution, a pooling written as a function, a linear layer; the map is 16x16."""
    return Forward(
        lambda net, x: net.fc(forward(net.conv(x)).flatten(1)),
        conv=conv(3, channels, stride=2),
        fc=nn.Linear(channels, 10),
    )


GLOBAL: dict[str, Callable[[Tensor], Tensor]] = {
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, 1),
    "window of the map": lambda x: F.avg_pool2d(x, x.shape[2:]),
    "window larger by its padding": lambda x: F.avg_pool2d(x, 18, padding=1),
    "mean": lambda x: x.mean((2, 3)),
    "mean, kept": lambda x: x.mean([-1, -2], keepdim=True),
    "two means": lambda x: x.mean(3).mean(2),
    "sum over the area": lambda x: x.sum((2, 3)) / 256,
    "view and mean": lambda x: x.view(1, 8, -1).mean(-1),
    "flatten and mean": lambda x: x.flatten(2).mean(2),
    "permuted": lambda x: x.permute(0, 2, 3, 1).mean((1, 2)),
    "tokens": lambda x: x.flatten(2).transpose(1, 2).mean(1),
    "two averages": lambda x: F.avg_pool2d(F.avg_pool2d(x, 4), 4),
    "rows, then columns": lambda x: F.avg_pool2d(F.avg_pool2d(x, (16, 1)), (1, 16)),
    "average, then mean": lambda x: F.avg_pool2d(x, 2).mean((2, 3)),
    "pooled twice": lambda x: F.adaptive_avg_pool2d(F.adaptive_avg_pool2d(x, 1), 1),
}
NOT_GLOBAL: dict[str, Callable[[Tensor], Tensor]] = {
    "window one short": lambda x: F.avg_pool2d(x, 15),
    "window one short, then all": lambda x: F.adaptive_avg_pool2d(F.avg_pool2d(x, 15), 1),
    "maximum": lambda x: F.adaptive_max_pool2d(x, 1),
    "amax": lambda x: x.amax((2, 3)),
    "maximum of rows, mean of columns": lambda x: x.max(3)[0].mean(2),
    "middle": lambda x: x[:, :, 8, 8],
    "crop": lambda x: F.avg_pool2d(x, (16, 8))[:, :, :, :1],
}


class TestGlobalAveragePooling:
    @pytest.mark.parametrize("name", GLOBAL)
    def test_however_it_is_spelled(self, name: str) -> None:
        network = pooled(GLOBAL[name])
        assert len(found("global_average_pooling", network)) == 1
        assert found("linear_after_pooling", network) == ["fc"]

    @pytest.mark.parametrize("name", NOT_GLOBAL)
    def test_what_is_none(self, name: str) -> None:
        network = pooled(NOT_GLOBAL[name])
        assert found("global_average_pooling", network) == []
        assert found("linear_after_pooling", network) == []

    @pytest.mark.parametrize("strict", [False, True])
    def test_a_squeeze_and_excitation_gate_is_none(self, strict: bool) -> None:
        def gated(net: Forward, x: Tensor) -> Tensor:
            x = net.conv(x)
            return x * torch.sigmoid(net.gate(F.adaptive_avg_pool2d(x, 1)))

        network = Forward(gated, conv=conv(3, 8), gate=conv(8, 8, 1))
        assert found("global_average_pooling", network, strict=strict) == []
        followed = chain(network, Flat(), nn.Linear(8, 10))
        assert found("global_average_pooling", followed, strict=strict) == ["1"]

    def test_a_pooled_branch_laid_out_again_is_none(self) -> None:
        def forward(net: Forward, x: Tensor) -> Tensor:
            x = net.conv(x)
            back = F.interpolate(F.adaptive_avg_pool2d(x, 1), x.shape[2:], mode="bilinear")
            return net.last(torch.cat([x, back], 1))

        network = Forward(forward, conv=conv(3, 8), last=conv(16, 8, 1))
        assert found("global_average_pooling", network) == []
        assert "is given back to a map" in near("global_average_pooling", network)[0]

    def test_a_squeeze_that_drops_the_batch_too(self) -> None:
        network = Forward(
            lambda net, x: net.fc(F.avg_pool2d(net.conv(x), 32).squeeze()), conv=conv(3, 8), fc=nn.Linear(8, 10)
        )
        assert found("linear_after_pooling", network) == ["fc"]

    def test_average_and_maximum_side_by_side_hold_one(self) -> None:
        network = Forward(
            lambda net, x: net.fc(torch.cat([(x := net.conv(x)).mean((2, 3)), x.amax((2, 3))], 1)),
            conv=conv(3, 8),
            fc=nn.Linear(16, 10),
        )
        assert found("global_average_pooling", network) == ["mean"]
        assert found("max_pooling", network) == ["amax"]

    def test_an_adaptive_one_counts_on_a_map_that_has_shrunk_to_one_position(self) -> None:
        network = chain(
            conv(3, 8, stride=2), nn.Conv2d(8, 8, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
        )
        assert found("global_average_pooling", network, (1, 3, 4, 4)) == ["2"]
        assert found("global_average_pooling", chain(*network[:2], nn.AvgPool2d(1)), (1, 3, 4, 4)) == []

    def test_one_and_three_dimensions(self) -> None:
        one = chain(nn.Conv1d(2, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 2))
        three = chain(nn.Conv3d(2, 4, 3), nn.AvgPool3d((6, 14, 14)), nn.Flatten(), nn.Linear(4, 2))
        assert found("linear_after_pooling", one, (1, 2, 50)) == ["3"]
        assert found("linear_after_pooling", three, (1, 2, 8, 16, 16)) == ["3"]

    @pytest.mark.parametrize(
        ("forward", "sentence"),
        [
            (lambda x: F.avg_pool2d(x, 15), "the average pooling 15x15 of avg_pool2d does not cover the 16x16 map"),
            (
                lambda x: F.adaptive_max_pool2d(x, 1),
                "adaptive_max_pool2d (adaptive_max_pool2d) pools all positions by maximum",
            ),
        ],
    )
    def test_near_misses(self, forward: Callable[[Tensor], Tensor], sentence: str) -> None:
        assert near("global_average_pooling", pooled(forward))[0].startswith(sentence)

    def test_learnt_weights_over_the_whole_map_are_no_average(self) -> None:
        network = chain(conv(3, 8), nn.Conv2d(8, 10, 32))
        assert found("global_average_pooling", network) == []
        assert near("global_average_pooling", network) == [
            "1 is a convolution over the whole 32x32 map: its weights are learnt, it is no average"
        ]


class TestLinearAfterPooling:
    def test_a_convolution_on_the_single_position_counts(self) -> None:
        network = chain(conv(3, 8), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 10, 1), nn.Flatten())
        assert found("linear_after_pooling", network) == ["2"]

    def test_without_a_bias_too(self) -> None:
        network = chain(conv(3, 8), Flat(), nn.Linear(8, 16, bias=False), nn.ReLU(), nn.Linear(16, 10))
        assert found("linear_after_pooling", network) == ["2", "4"]

    def test_an_auxiliary_layer_that_leads_nowhere_does_not(self) -> None:
        def forward(net: Forward, x: Tensor) -> Tensor:
            x = net.conv(x).mean((2, 3))
            net.fc(x)
            return x

        assert found("linear_after_pooling", Forward(forward, conv=conv(3, 8), fc=nn.Linear(8, 10))) == []

    def test_a_gates_own_layers_do_not(self) -> None:
        def forward(net: Forward, x: Tensor) -> Tensor:
            x = net.conv(x)
            x = x * torch.sigmoid(net.gate(x.mean((2, 3))))[:, :, None, None]
            return x.mean((2, 3))

        assert found("linear_after_pooling", Forward(forward, conv=conv(3, 8), gate=nn.Linear(8, 8))) == []


class TestMaxPooling:
    @pytest.mark.parametrize(
        "layer",
        [nn.MaxPool2d(2), nn.AdaptiveMaxPool2d(4), nn.FractionalMaxPool2d(2, output_size=8), nn.MaxPool2d(3, 1, 1)],
    )
    def test_modules(self, layer: nn.Module) -> None:
        assert found("max_pooling", chain(conv(3, 8), layer)) == ["1"]

    @pytest.mark.parametrize(
        "call",
        [
            lambda x: F.max_pool2d(x, 2),
            lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
            lambda x: F.adaptive_max_pool2d(x, 2),
            lambda x: x.amax((2, 3)),
            lambda x: x.max(3)[0],
        ],
    )
    def test_functions(self, call: Callable[[Tensor], Tensor]) -> None:
        network = Forward(lambda net, x: call(net.conv(x)), conv=conv(3, 8))
        assert len(found("max_pooling", network)) == 1

    def test_a_maximum_over_channels_is_none(self) -> None:
        network = Forward(lambda net, x: net.conv(x).amax(1, keepdim=True), conv=conv(3, 8))
        assert found("max_pooling", network) == []
