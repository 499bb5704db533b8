"""Which channels belong together, and what must change with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

import rfkit
from rfkit.suggesting import Edit, Kind, apply_edits
from rfkit.suggesting.channels import Widths
from rfkit.suggesting.edits import Channels
from rfkit.suggesting.network import look_at
from rfkit.suggesting.sites import sites
from tests.rfkit.gate.asking import Flat, Forward, chain, conv

IMAGE = (1, 3, 32, 32)


def widths_of(net: nn.Module) -> Widths:
    network = look_at(net, rfkit.trace(net, IMAGE))
    return Widths(network, sites(network))


def makers(net: nn.Module) -> list[tuple[str, ...]]:
    """The modules that make each group which can be given another width, the network's output left out."""
    return [group.makers for group in widths_of(net).groups.values() if not group.output]


def resized(net: nn.Module, maker: str, size: int) -> nn.Module:
    """The network with the group that a module makes at another width."""
    widths = widths_of(net)
    number = next(n for n, group in widths.groups.items() if maker in group.makers)
    return apply_edits(net, [Edit(Kind.WIDTH, "", widths.resized(number, size))])


def test_a_norm_and_the_next_layer_change_with_a_convolution() -> None:
    widths = widths_of(chain(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 16)))
    assert widths.resized(next(iter(widths.groups)), 12) == (
        Channels("0", None, 12),
        Channels("1", 12, 12),
        Channels("3", 12, None),
    )


def test_what_is_added_changes_together() -> None:
    def forward(self: Forward, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head((x + self.body(x)).mean((2, 3)))

    net = Forward(forward, stem=conv(3, 8), body=conv(8, 8), head=nn.Linear(8, 10))
    assert makers(net) == [("stem", "body")]
    twin = resized(net, "body", 6)
    assert (twin.stem.out_channels, twin.body.in_channels, twin.body.out_channels, twin.head.in_features) == (
        6,
        6,
        6,
        6,
    )
    assert twin(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_what_is_concatenated_changes_one_by_one() -> None:
    def forward(self: Forward, x: Tensor) -> Tensor:
        return self.head(self.norm(torch.cat((self.a(x), self.b(x)), 1)))

    net = Forward(forward, a=conv(3, 8), b=conv(3, 4), norm=nn.BatchNorm2d(12), head=conv(12, 10))
    assert makers(net) == [("a",), ("b",)]
    twin = resized(net, "b", 6)
    assert (twin.norm.num_features, twin.head.in_channels) == (14, 14)
    assert twin(torch.zeros(2, 3, 32, 32)).shape == (2, 10, 32, 32)


def test_a_depthwise_convolution_goes_with_what_it_reads() -> None:
    twin = resized(chain(conv(3, 8), conv(8, 8, groups=8), conv(8, 16, 1)), "0", 12)
    assert (twin[1].in_channels, twin[1].out_channels, twin[1].groups, twin[2].in_channels) == (12, 12, 12, 12)


def test_behind_flatten_each_channel_takes_as_many_features_as_it_has_positions() -> None:
    net = chain(conv(3, 8, stride=4), nn.Flatten(), nn.Linear(8 * 8 * 8, 10))
    twin = resized(net, "0", 5)
    assert twin[2].in_features == 5 * 8 * 8
    assert twin(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_the_input_and_what_cannot_be_rebuilt_keep_their_width() -> None:
    """Group norms, grouped convolutions and weights of one's own are not known to follow."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(8, 8, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            return functional.conv2d(x, self.weight)

    assert makers(chain(conv(3, 8), nn.GroupNorm(2, 8), conv(8, 10))) == []
    assert makers(chain(conv(3, 8), conv(8, 8, groups=2), conv(8, 10))) == []
    assert makers(chain(conv(3, 8), Own(), conv(8, 10))) == []
    assert makers(chain(conv(3, 8), nn.PixelShuffle(2), conv(2, 10))) == []


def test_the_scores_are_a_group_of_their_own() -> None:
    groups = widths_of(chain(conv(3, 8), Flat(), nn.Linear(8, 10))).groups
    assert [(group.makers, group.size, group.output) for group in groups.values()] == [
        (("0",), 8, False),
        (("2",), 10, True),
    ]


def test_a_stage_of_a_resnet_changes_as_one() -> None:
    net = resnet18().to("meta")
    stage = ("layer1.0.conv2", "layer1.1.conv2")
    assert ("conv1", *stage) in makers(net)
    report = rfkit.trace(resized(net, "conv1", 48), IMAGE)
    assert {report[name].output_shape[1] for name in ("conv1", "bn1", *stage)} == {48}
    assert report["layer2.0.downsample.0"].channels == (48, 128)
