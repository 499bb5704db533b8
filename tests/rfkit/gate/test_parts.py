"""Parts are found by what ran and by its geometry; what only looks like one is named as a near miss."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.checks.structure import find
from tests.rfkit.gate.asking import Forward, chain, conv, found, near, report_of
from trainer.models.documents import FourBlockNet, TwoBranchNet

# -- convolutions -----------------------------------------------------------------------------------------------------


class TestDepthwiseSeparable:
    @pytest.mark.parametrize(
        "between",
        [
            [],
            [nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.1)],
            [nn.AvgPool2d(2)],
            [nn.GroupNorm(1, 3), nn.MaxPool2d(2), nn.Dropout2d(0.1)],
        ],
    )
    def test_whatever_is_no_convolution_may_lie_between_its_halves(self, between: list[nn.Module]) -> None:
        network = chain(conv(3, 3, groups=3), *between, conv(3, 8, 1))
        assert found("depthwise_separable", network) == ["0"]

    def test_a_multiplier_of_channels_is_allowed(self) -> None:
        assert found("depthwise_separable", chain(conv(3, 12, groups=3), conv(12, 8, 1))) == ["0"]

    def test_a_kernel_on_one_axis_is_enough(self) -> None:
        network = chain(nn.Conv2d(3, 3, (1, 5), groups=3), conv(3, 8, 1))
        assert found("depthwise_separable", network) == ["0"]

    def test_one_dimension_and_three(self) -> None:
        one = chain(nn.Conv1d(4, 4, 5, groups=4), nn.Conv1d(4, 8, 1))
        three = chain(nn.Conv3d(4, 4, 3, groups=4), nn.Conv3d(4, 8, 1))
        assert found("depthwise_separable", one, (1, 4, 50)) == ["0"]
        assert found("depthwise_separable", three, (1, 4, 8, 16, 16)) == ["0"]

    def test_a_gate_between_the_halves_is_passed_and_its_own_layers_are_none(self) -> None:
        def forward(net: Forward, x: Tensor) -> Tensor:
            x = net.depthwise(x)
            return net.pointwise(x * torch.sigmoid(net.gate(x.mean((2, 3), keepdim=True))))

        layers = {"depthwise": conv(8, 8, groups=8), "gate": conv(8, 8, 1)}
        with_half = Forward(forward, **layers, pointwise=conv(8, 16, 1))
        without = Forward(forward, **layers, pointwise=conv(8, 16, 3))
        assert found("depthwise_separable", with_half, (1, 8, 16, 16)) == ["depthwise"]
        assert found("depthwise_separable", without, (1, 8, 16, 16)) == []

    def test_a_linear_layer_for_every_position_is_a_pointwise_half(self) -> None:
        def forward(net: Forward, x: Tensor) -> Tensor:
            return net.linear(net.depthwise(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

        network = Forward(forward, depthwise=conv(3, 3, groups=3), linear=nn.Linear(3, 8))
        assert found("depthwise_separable", network) == ["depthwise"]

    def test_a_linear_layer_behind_the_pooling_is_none(self) -> None:
        network = chain(conv(8, 8, groups=8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
        assert found("depthwise_separable", network, (1, 8, 16, 16)) == []

    def test_a_linear_layer_on_the_flattened_map_is_none(self) -> None:
        network = chain(conv(8, 8, groups=8), nn.Flatten(), nn.Linear(8 * 64, 10))
        assert found("depthwise_separable", network, (1, 8, 8, 8)) == []

    def test_a_convolution_in_between_breaks_it(self) -> None:
        network = chain(conv(3, 3, groups=3), conv(3, 8), conv(8, 8, 1))
        assert found("depthwise_separable", network) == []
        assert near("depthwise_separable", network) == [
            "0 is depthwise, but no pointwise convolution follows before the next convolution"
        ]

    def test_the_second_of_two_depthwise_ones_is_the_separable_one(self) -> None:
        network = chain(conv(8, 8, groups=8), conv(8, 8, groups=8), conv(8, 8, 1))
        assert found("depthwise_separable", network, (1, 8, 16, 16)) == ["1"]

    @pytest.mark.parametrize(
        ("network", "sentence"),
        [
            (chain(conv(8, 8, groups=4), conv(8, 8, 1)), "0 has groups=4 of 8 channels: that is grouped, not depthwise (groups=8)"),
            (chain(conv(8, 8, 1, groups=8), conv(8, 8, 1)), "0 has a group per channel, but a 1x1 kernel: it filters nothing"),
            (chain(nn.ConvTranspose2d(8, 8, 2, 2, groups=8)), "0 has a group per channel, but is a transposed convolution"),
        ],
    )  # fmt: skip
    def test_near_misses(self, network: nn.Module, sentence: str) -> None:
        assert found("depthwise_separable", network, (1, 8, 16, 16)) == []
        assert near("depthwise_separable", network, (1, 8, 16, 16)) == [sentence]

    def test_a_single_channel_is_not_depthwise(self) -> None:
        assert found("depthwise", chain(conv(1, 8), conv(8, 8, 1)), (1, 1, 28, 28)) == []

    def test_functions_with_own_weights_count(self) -> None:
        class Own(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.depthwise = nn.Parameter(torch.zeros(3, 1, 3, 3))
                self.pointwise = nn.Parameter(torch.zeros(8, 3, 1, 1))

            def forward(self, x: Tensor) -> Tensor:
                return F.conv2d(F.conv2d(x, self.depthwise, groups=3), self.pointwise)

        assert found("depthwise_separable", Own()) == ["conv2d"]


class TestOtherConvolutions:
    def test_each_kind(self) -> None:
        network = chain(
            conv(8, 8, groups=4),
            conv(8, 8, dilation=2),
            conv(8, 8, 1),
            conv(8, 8, stride=2),
            nn.ConvTranspose2d(8, 8, 2, 2),
        )
        parts = {name: found(name, network, (1, 8, 16, 16)) for name in PARTS}
        assert {name: labels for name, labels in parts.items() if labels} == {
            "grouped": ["0"],
            "dilated": ["1"],
            "pointwise": ["2"],
            "strided_convolution": ["3"],
            "transposed": ["4"],
        }

    def test_a_dilation_counts_only_along_a_kernel(self) -> None:
        across = chain(nn.Conv2d(3, 8, (1, 3), dilation=(2, 1)))
        along = chain(nn.Conv2d(3, 8, (1, 3), dilation=(1, 2)))
        assert found("dilated", across) == []
        assert near("dilated", across) == ["0 has dilation 2x1 but a 1x3 kernel: it widens nothing"]
        assert found("dilated", along) == ["0"]

    def test_a_dilated_pooling_is_no_dilated_convolution(self) -> None:
        network = chain(conv(3, 8), nn.MaxPool2d(3, 1, dilation=2))
        assert found("dilated", network) == []
        assert near("dilated", network) == ["1 has dilation 2 but is a pooling, not a convolution"]

    def test_a_grouped_1x1_kernel_is_not_pointwise(self) -> None:
        network = chain(conv(8, 8, 1, groups=2))
        assert found("pointwise", network, (1, 8, 8, 8)) == []
        assert near("pointwise", network, (1, 8, 8, 8)) == [
            "0 has a 1x1 kernel but groups=2: it does not mix all channels"
        ]

    def test_a_strided_pooling_is_no_strided_convolution(self) -> None:
        network = chain(conv(3, 8), nn.AvgPool2d(2))
        assert found("strided_convolution", network) == []
        assert near("strided_convolution", network) == ["1 has stride 2 but is a pooling, not a convolution"]


# -- joints and the rest ----------------------------------------------------------------------------------------------


class TestSkipConnection:
    @pytest.mark.parametrize(
        "forward",
        [
            lambda net, x: x + net.a(x),
            lambda net, x: net.a(x).add_(x),
            lambda net, x: torch.cat([x, net.a(x)], 1),
            lambda net, x: net.p(x) + net.b(net.a(x)),
            lambda net, x: F.relu(net.b(net.a(x)) + x),
            lambda net, x: F.avg_pool2d(x, 2) + net.s(x),
            lambda net, x: x + torch.sigmoid(net.a(x)) * net.b(x),
        ],
    )
    def test_what_goes_round_a_convolution(self, forward: Callable[..., Tensor]) -> None:
        layers = {"stem": conv(3, 8), "a": conv(8, 8), "b": conv(8, 8), "p": conv(8, 8, 1), "s": conv(8, 8, stride=2)}
        network = Forward(lambda net, x: forward(net, net.stem(x)), **layers)
        assert len(found("skip_connection", network)) == 1

    @pytest.mark.parametrize(
        "forward",
        [
            lambda net, x: net.a(x) + net.b(x),
            lambda net, x: torch.cat([net.a(x), net.b(x)], 1),
            lambda net, x: torch.cat([net.p(x), net.a(x)], 1),
            lambda net, x: torch.cat([F.max_pool2d(x, 3, 1, 1), net.a(x)], 1),
            lambda net, x: x * torch.sigmoid(net.p(x.mean((2, 3), keepdim=True))),
            lambda net, x: net.a(x) + 1,
            lambda net, x: torch.cat([x, F.avg_pool2d(x, 3, 1, 1)], 1),
        ],
    )
    def test_what_does_not(self, forward: Callable[..., Tensor]) -> None:
        layers = {"stem": conv(3, 8), "a": conv(8, 8), "b": conv(8, 8), "p": conv(8, 8, 1)}
        network = Forward(lambda net, x: forward(net, net.stem(x)), **layers)
        assert found("skip_connection", network) == []

    def test_the_image_itself_can_be_brought_back(self) -> None:
        network = Forward(lambda net, x: torch.cat([x, net.conv(x)], 1), conv=conv(3, 8))
        assert found("skip_connection", network) == ["cat"]

    def test_a_u_net_joins_across(self) -> None:
        def forward(net: Forward, x: Tensor) -> Tensor:
            x = net.down(x)
            return net.last(torch.cat([x, net.up(net.middle(F.max_pool2d(x, 2)))], 1))

        network = Forward(
            forward, down=conv(3, 8), middle=conv(8, 8), up=nn.ConvTranspose2d(8, 8, 2, 2), last=conv(16, 4, 1)
        )
        assert found("skip_connection", network) == ["cat"]

    def test_parallel_branches_are_a_near_miss(self) -> None:
        network = Forward(lambda net, x: net.a(x) + net.b(x), a=conv(3, 8), b=conv(3, 8))
        assert near("skip_connection", network) == [
            "add adds branches side by side (a, b): none of them skips the others"
        ]


def test_attention_as_a_module_and_as_two_products() -> None:
    def forward(net: Forward, x: Tensor) -> Tensor:
        x = net.conv(x).flatten(2).transpose(1, 2)
        weights = torch.softmax(net.q(x) @ net.k(x).transpose(1, 2), -1)
        return weights @ x

    by_hand = Forward(forward, conv=conv(3, 8, stride=4), q=nn.Linear(8, 8), k=nn.Linear(8, 8))
    assert found("attention", by_hand) == ["bmm#2"]
    module = Forward(
        lambda net, x: net.attend(*(net.conv(x).flatten(2).transpose(1, 2),) * 3)[0],
        conv=conv(3, 8, stride=4),
        attend=nn.MultiheadAttention(8, 2, batch_first=True),
    )
    assert len(found("attention", module)) == 1
    assert found("attention", TwoBranchNet()) == []


def test_norms_and_dropouts() -> None:
    network = chain(conv(3, 8), nn.BatchNorm2d(8), nn.Dropout2d(0.1), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8))
    assert found("normalization", network) == ["1", "3", "4"]
    assert found("dropout", network) == ["2"]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("MaxPool2d", ["1", "2"]),
        ("maxpool2d", ["1", "2"]),
        ("max_pool", ["1", "2", "4"]),
        ("max_pooling", ["1", "2", "4"]),
        ("max_pool2d", ["1", "2"]),
        ("AdaptiveMaxPool2d", ["4"]),
        ("MyPool", ["2"]),
        ("*pool*", ["1", "2", "4"]),
        ("Conv2d", ["0"]),
        ("conv", ["0"]),
        ("conv1d", []),
        ("BatchNorm2d", ["3"]),
        ("batch_norm", ["3"]),
        ("ReLU", []),
        ("pool", []),
    ],
)
def test_names_of_parts_operators_and_classes(name: str, labels: list[str]) -> None:
    class MyPool(nn.MaxPool2d):
        """A class of one's own."""

    network = chain(conv(3, 8), nn.MaxPool2d(2), MyPool(2), nn.BatchNorm2d(8), nn.AdaptiveMaxPool2d(1))
    assert find(name, Graph.of(report_of(network))) == labels


# -- networks of torchvision ------------------------------------------------------------------------------------------

COUNTS = {
    "resnet18": {"skip_connection": 8, "global_average_pooling": 1, "linear_after_pooling": 1, "max_pooling": 1},
    "vgg11": {"max_pooling": 5},
    "squeezenet1_1": {"global_average_pooling": 1, "max_pooling": 3},
    "mobilenet_v2": {
        "depthwise_separable": 17, "skip_connection": 10, "global_average_pooling": 1, "linear_after_pooling": 1
    },
    "mobilenet_v3_small": {
        "depthwise_separable": 11, "skip_connection": 6, "global_average_pooling": 1, "linear_after_pooling": 2
    },
    "densenet121": {"skip_connection": 58, "global_average_pooling": 1, "linear_after_pooling": 1, "max_pooling": 1},
    "efficientnet_b0": {
        "depthwise_separable": 16, "skip_connection": 9, "global_average_pooling": 1, "linear_after_pooling": 1
    },
    "googlenet": {"global_average_pooling": 1, "linear_after_pooling": 1, "max_pooling": 13},
    "convnext_tiny": {
        "depthwise_separable": 18, "skip_connection": 18, "global_average_pooling": 1, "linear_after_pooling": 1
    },
    "vit_b_16": {"skip_connection": 24, "attention": 12},
}  # fmt: skip
"""How many of some parts each has, from its paper: blocks whose input is added, depthwise ones, poolings."""


@pytest.mark.parametrize("name", COUNTS)
def test_the_parts_of_well_known_networks(name: str) -> None:
    options = {"init_weights": False} if name == "googlenet" else {}
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        network = torchvision.models.get_model(name, weights=None, **options)
    graph = Graph.of(report_of(network, (1, 3, 224, 224)))
    asked = (
        "depthwise_separable", "global_average_pooling", "linear_after_pooling", "skip_connection", "max_pooling", "attention"
    )  # fmt: skip
    counts = {part: len(PARTS[part].find(graph)) for part in asked}
    assert {part: count for part, count in counts.items() if count} == COUNTS[name]


def test_the_parts_of_the_documents_networks() -> None:
    first, second = (Graph.of(report_of(network)) for network in (TwoBranchNet(), FourBlockNet()))
    assert PARTS["skip_connection"].find(first) == ["add"]
    assert PARTS["skip_connection"].find(second) == []
    assert PARTS["dilated"].find(first) == ["conv2.0", "conv2.4", "conv3.0", "conv3.4"]
    assert PARTS["depthwise_separable"].find(second) == ["block3.0"]
    assert PARTS["linear_after_pooling"].find(second) == ["classifier"]
