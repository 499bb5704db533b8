"""What a network is made of: parts required and forbidden, blocks, unused modules, idle layers, joints, the output's shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import Tensor, nn
from torch.nn import functional as F

from rfkit.gate.checks.check import CHECKS
from rfkit.gate.findings import Finding, Status
from rfkit.report import Report
from tests.rfkit.gate.asking import Flat, Folded, broken, chain, conv, finding, findings, report_of
from trainer.models.documents import FourBlockNet, TwoBranchNet

HELD, BROKEN = Status.HELD, Status.BROKEN


@pytest.fixture(scope="module")
def first() -> Report:
    return report_of(TwoBranchNet())


class TestRequire:
    def test_counts(self, first: Report) -> None:
        assert finding(first, require={"dilated": ">= 4"}).message == (
            "dilated convolution: conv2.0, conv2.4, conv3.0, conv3.4"
        )
        found = finding(first, require={"dilated": ">= 6"})
        assert found.message == ("4 dilated convolutions (conv2.0, conv2.4, conv3.0, conv3.4) are not >= 6 (2 short)")
        assert (found.value, found.gap, found.limit) == (4, 2, ">= 6")
        found = finding(first, require={"skip_connection": ">= 2"})
        assert found.message == "1 skip connection (add) is not >= 2 (1 short)"

    def test_too_many(self, first: Report) -> None:
        found = finding(first, require={"dilated": "<= 2"})
        assert found.message == (
            "4 dilated convolutions (conv2.0, conv2.4, conv3.0, conv3.4) are not <= 2 (2 too many)"
        )

    def test_none_where_none_is_wanted(self, first: Report) -> None:
        assert finding(first, require={"transposed": "== 0"}).message == "no transposed convolution"

    def test_a_shared_module_counts_once_and_functional_calls_each(self) -> None:
        class Shared(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.stem, self.conv = conv(3, 8), conv(8, 8, dilation=2)

            def forward(self, x: Tensor) -> Tensor:
                x = self.stem(x)
                for _ in range(3):
                    x = x + self.conv(x)
                return x

        assert finding(Shared(), require={"dilated": ">= 1"}).value == 1
        assert finding(Shared(), require={"skip_connection": ">= 1"}).value == 3

    def test_what_to_write_is_said(self, first: Report) -> None:
        found = finding(first, require=["transposed"])
        assert found.message == "no transposed convolution"
        assert found.help == ("what counts: a transposed convolution; e.g. nn.ConvTranspose2d(c, d, 2, stride=2)",)

    def test_many_near_misses_are_cut_short(self) -> None:
        network = chain(*(conv(8, 8, groups=2) for _ in range(9)))
        found = finding(network, (1, 8, 16, 16), require=["depthwise"])
        assert found.help[3] == "and 6 more like these"
        assert len(found.help) == 5

    def test_within_a_pattern(self, first: Report) -> None:
        assert finding(first, layers={"conv2.*": {"require": {"dilated": ">= 2"}}}).value == 2
        found = finding(first, layers={"conv4.*": {"require": ["dilated"]}})
        assert found.message == "no dilated convolution in conv4.*"


class TestForbid:
    @pytest.mark.parametrize("name", ["max_pool", "MaxPool2d", "max_pooling"])
    def test_a_function_counts_like_a_module(self, name: str) -> None:
        class Functional(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv, self.pool = conv(3, 8), nn.MaxPool2d(2)

            def forward(self, x: Tensor) -> Tensor:
                return F.max_pool2d(self.pool(self.conv(x)), 2)

        found = finding(Functional(), forbid=[name])
        assert found.message == f"{name} is used: pool (MaxPool2d), max_pool2d"
        assert (found.value, found.gap, found.layer) == (2, 2, "pool")

    def test_absent(self, first: Report) -> None:
        found = finding(first, forbid=["MaxPool2d"])
        assert (found.status, found.message) == (HELD, "no MaxPool2d")

    def test_defined_but_never_called_is_not_used(self) -> None:
        class Idle(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv, self.pool = conv(3, 8), nn.MaxPool2d(2)

            def forward(self, x: Tensor) -> Tensor:
                return self.conv(x)

        assert finding(Idle(), forbid=["max_pool"]).status is HELD

    def test_a_stride_is_proposed_only_where_the_map_comes_out_alike(self) -> None:
        same = finding(chain(conv(3, 8), nn.ReLU(), nn.MaxPool2d(2)), forbid=["max_pool"])
        assert same.help == ("stride 2 in 0 instead of 2 makes a map of the same size, 16x16",)
        other = finding(chain(conv(3, 8), nn.MaxPool2d(3, 2)), forbid=["max_pool"])
        assert other.help == ("a convolution with stride 2 halves a map too, and its weights are learnt",)
        first = finding(nn.MaxPool2d(2), forbid=["max_pool"])
        assert first.help == other.help

    def test_the_proposed_stride_makes_that_map(self) -> None:
        network = chain(conv(3, 8, stride=2), nn.ReLU())
        assert report_of(network).totals.output_shapes == ((1, 8, 16, 16),)


BLOCKS: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "two branches": (TwoBranchNet, ["conv1", "conv2", "conv3", "dsb", "conv4", "conv5"]),
    "four blocks": (FourBlockNet, ["block1", "block2", "block3", "block4"]),
    "wrapped": (lambda: chain(FourBlockNet()), ["0.block1", "0.block2", "0.block3", "0.block4"]),
    "wrapped twice": (lambda: chain(chain(FourBlockNet())), [f"0.0.block{n}" for n in (1, 2, 3, 4)]),
    "one flat sequence": (
        lambda: chain(conv(3, 8), conv(8, 8, stride=2), conv(8, 8), conv(8, 8, stride=2), conv(8, 8)),
        ["0", "2", "4"],
    ),
    "no stride": (lambda: chain(conv(3, 8), conv(8, 8)), ["0"]),
    "no convolution": (lambda: chain(nn.Flatten(), nn.Linear(3 * 32 * 32, 10)), []),
    "mostly bare": (
        lambda: chain(
            conv(3, 8), conv(8, 8, stride=2), conv(8, 8), conv(8, 8, stride=2), chain(conv(8, 8)), chain(conv(8, 8))
        ),
        ["0", "2", "4.0"],
    ),
    "scores before the pooling": (
        lambda: chain(chain(conv(3, 8), conv(8, 8)), chain(conv(8, 8)), chain(conv(8, 10, 1)), Flat()),
        ["0", "1"],
    ),
    "pointwise, but no scores": (
        lambda: chain(chain(conv(3, 8)), chain(conv(8, 16, 1)), Flat(), nn.Linear(16, 10)),
        ["0", "1"],
    ),
    "head behind the pooling": (
        lambda: chain(chain(conv(3, 8)), chain(conv(8, 8)), chain(nn.AdaptiveAvgPool2d(1), conv(8, 10, 1))),
        ["0", "1"],
    ),
    "stem and list": (
        lambda: chain(chain(conv(3, 8)), chain(chain(conv(8, 8)), chain(conv(8, 8)))),
        ["0", "1.0", "1.1"],
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_convolution_blocks(name: str) -> None:
    build, names = BLOCKS[name]
    found = finding(build(), conv_blocks=f">= {len(names) + 1}")
    assert found.status is BROKEN
    assert found.value == len(names)
    assert all(block in found.message for block in names)


def test_the_synonym_asks_for_blocks_and_forbids_max_pooling(first: Report) -> None:
    rules = [f.rule for f in findings(first, conv_blocks="C1C2C3C40")]
    assert rules == ["forbid max_pooling", "conv_blocks >= 4"]


class TestUnused:
    class Idle(nn.Module):
        """Two modules that are never called; one whose weight is read."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.spare, self.read = conv(3, 8), conv(3, 8), nn.Linear(8, 8)
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x) + self.read.bias[:, None, None]

    def test_named(self) -> None:
        found = finding(self.Idle(), no_unused_modules=True)
        assert (found.code, found.message) == ("RF204", "spare, act are defined but never called")
        assert (found.layer, found.value) == ("spare", 2)

    def test_held(self, first: Report) -> None:
        assert finding(first, no_unused_modules=True).message == "every module is called"


class TestUnproductive:
    """3x3 with stride 2 again and again: 3, 7, 15, 31, 63: the sixth and seventh read more than 32 pixels."""

    def deep(self) -> nn.Module:
        return chain(conv(3, 8, stride=2), *(conv(8, 8, stride=2) for _ in range(4)), conv(8, 8), conv(8, 8))

    def test_named_with_what_its_input_sees(self) -> None:
        found = finding(self.deep(), no_unproductive_layers=True)
        assert found.code == "RF301"
        assert found.message == "5 is unproductive: its input already sees 63 pixels of the 32x32 image; so is 6"
        each, first = 8 * 8 * 9 + 8, 3 * 8 * 9 + 8
        assert (2 * each, round(100 * 2 * each / (first + 6 * each))) == (1_168, 31)
        assert found.help[-1] == "it would save 1,168 parameters (31%)"

    def test_held_on_larger_images(self) -> None:
        assert (
            finding(self.deep(), (1, 3, 256, 256), no_unproductive_layers=True).message
            == "every convolution adds context"
        )


def test_misaligned_paths_are_named() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = conv(3, 8), conv(3, 8, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.left(x)[:, :, 2:] + self.right(x)[:, :, :-2]

    found = finding(Shifted(), aligned=True)
    assert (found.code, found.layer) == ("RF302", "add")
    assert found.message.startswith("add is misaligned: ")
    assert finding(TwoBranchNet(), aligned=True).message == "paths that join are aligned"


class TestOutputShape:
    def test_with_and_without_the_batch(self, first: Report) -> None:
        assert finding(first, output_shape=[1, 10]).status is finding(first, output_shape=[10]).status is HELD

    def test_wrong(self, first: Report) -> None:
        found = finding(first, output_shape=[1, 100])
        assert (found.code, found.message, found.layer) == ("RF107", "output shape [1, 10] is not [1, 100]", "linear")

    def test_positions_in_the_batch_are_named(self) -> None:
        found = finding(Folded(), output_shape=[1, 10])
        assert found.message == "output shape [64, 10] is not [1, 10]"
        assert found.help[0] == "view folds positions into the batch: it is not one row for each image any more"
        assert found.layer == "view"


def test_every_check_can_be_asked_for() -> None:
    asked = dict.fromkeys(("no_unused_modules", "no_unproductive_layers", "aligned"), True)
    asked |= dict.fromkeys(("receptive_field", "receptive_field_features", "kernel_size", "stride", "dilation"), ">= 1")
    asked |= dict.fromkeys(("jump", "params", "macs", "conv_blocks"), ">= 1")
    asked |= {"coverage": ">= 0.5", "activation_memory": "> 1 B", "output_shape": [1, 10]}
    asked |= {"require": ["dilated"], "forbid": ["max_pool"]}
    asked |= {"max_hole": "<= 0"}
    found = findings(report_of(TwoBranchNet(), holes=True), **asked)
    assert len(found) == len(asked) == len(CHECKS)
    assert broken(found) == set()


def test_messages_are_one_line(first: Report) -> None:
    def lines(found: Finding) -> list[str]:
        return [found.message, *found.help]

    found = findings(first, receptive_field="> 99", params="< 1k", macs="< 1k", activation_memory="< 1 KiB", jump="< 1",
                     require=["transposed", "attention"], forbid=["conv"], conv_blocks="> 99")  # fmt: skip
    assert len(found) == 9
    assert not any("\n" in line or line.endswith(".") for f in found for line in lines(f))
