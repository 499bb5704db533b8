"""The documents' assignment: both networks meet it; each requirement, broken on purpose, fails with the culprit's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

from rfkit.gate.findings import Finding, Status, Verdict
from rfkit.gate.judge import judge
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.spec import read_spec
from rfkit.gate.spec.templates import template
from tests.rfkit.gate.asking import TODAY, report_of
from trainer.models.documents import FourBlockNet, TwoBranchNet


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    path: Path = tmp_path_factory.mktemp("assignment") / "rfkit.toml"
    path.write_text(template("assignment"), encoding="utf-8")
    return read_spec(path).select()[0]


def only_broken(network: nn.Module, spec: ModelSpec, *rules: str) -> list[Finding]:
    """The broken findings, which are exactly those of these rules, and make the check fail."""
    report = report_of(network)
    found = judge(spec, report, today=TODAY)
    wrong = [f for f in found if f.status is not Status.HELD]
    assert [f.rule for f in wrong] == list(rules)
    assert Verdict("net", "net", report, found).exit_code == 1
    return wrong


@pytest.mark.parametrize(
    "network",
    [TwoBranchNet(), FourBlockNet(), FourBlockNet(dilated=True)],
    ids=["two branches", "four blocks", "dilated"],
)
def test_the_documents_networks_meet_every_requirement(network: nn.Module, spec: ModelSpec) -> None:
    report = report_of(network)
    found = judge(spec, report, today=TODAY)
    assert [f.rule for f in found if f.status is not Status.HELD] == []
    assert len(found) == len(spec.requirements) == 9
    assert Verdict("net", "net", report, found).exit_code == 0


def test_the_plain_reading_of_the_second_network_only_lacks_a_dilated_convolution(spec: ModelSpec) -> None:
    (found,) = only_broken(FourBlockNet(dilated=False), spec, "require dilated")
    assert found.message == "no dilated convolution"


class Shallow(TwoBranchNet):
    """3, 11, 19, 23, 27, then a 1x1 of stride 2 and a 1x1: 27 before pooling 5x5 at jump 4, 43 after."""

    def __init__(self) -> None:
        super().__init__()
        self.conv4[0] = nn.Conv2d(32, 32, 1, stride=2)
        self.conv5[0] = nn.Conv2d(32, 32, 1)


def test_a_receptive_field_of_43_is_too_small(spec: ModelSpec) -> None:
    (found,) = only_broken(Shallow(), spec, "receptive_field > 44")
    assert found.code == "RF101"
    assert found.message == "receptive field 43 is not > 44 (2 short)"
    assert found.layer == "conv5.0"
    assert found.help[0] == (
        "the jump is 4 at conv5.0: each further 3x3 convolution there, with padding 1, adds 8; 1 of them reaches 51"
    )
    assert found.help[-1] == "the final pooling counts here: before it, receptive_field_features is 27"


def test_exactly_200_000_parameters_are_too_many(spec: ModelSpec) -> None:
    network = TwoBranchNet()
    network.spare = nn.Parameter(network.linear.weight.new_zeros(200_000 - 145_114))
    (found,) = only_broken(network, spec, "params < 200k")
    assert found.code == "RF110"
    assert found.message == "200,000 parameters are not < 200k (1 too many)"
    assert found.gap == 1
    assert found.layer == "conv2.8"
    assert "saves 32,192 and leaves 167,808: enough" in found.help[1]


class Grouped(TwoBranchNet):
    """64 groups of 128 channels: not depthwise."""

    def __init__(self) -> None:
        super().__init__()
        self.dsb[0] = nn.Conv2d(128, 128, 3, groups=64, bias=False)


def test_a_grouped_convolution_is_not_depthwise_separable(spec: ModelSpec) -> None:
    (found,) = only_broken(Grouped(), spec, "require depthwise_separable")
    assert (found.code, found.message) == ("RF201", "no depthwise separable convolution")
    assert found.layer == "dsb.0"
    assert found.help[0] == "dsb.0 has groups=64 of 128 channels: that is grouped, not depthwise (groups=128)"


class Undilated(TwoBranchNet):
    """The document's own count: without dilation, 47."""

    def __init__(self) -> None:
        super().__init__()
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.dilation == (2, 2):
                module.dilation, module.padding = (1, 1), (0, 0)
        self.dsb[1] = nn.Conv2d(128, 32, 1, dilation=2)


def test_a_dilated_1x1_kernel_is_no_dilated_convolution(spec: ModelSpec) -> None:
    (found,) = only_broken(Undilated(), spec, "require dilated")
    assert (found.code, found.layer) == ("RF201", "dsb.1")
    assert found.help[0] == "dsb.1 has dilation 2 but a 1x1 kernel: it widens nothing"


class Maximum(TwoBranchNet):
    """A maximum over all positions where the average was."""

    def __init__(self) -> None:
        super().__init__()
        self.gap = nn.Sequential(nn.MaxPool2d(5))


def test_a_maximum_is_no_average_and_a_max_pooling(spec: ModelSpec) -> None:
    wrong = only_broken(
        Maximum(), spec, "require global_average_pooling", "require linear_after_pooling", "forbid max_pooling"
    )
    assert wrong[0].help[0] == "gap.0 (MaxPool2d) pools all positions by maximum, not by average"
    assert wrong[0].layer == wrong[2].layer == "gap.0"


class Scores(FourBlockNet):
    """The classifier before the pooling: no layer follows it."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return self.gap(self.classifier(x)).flatten(1)


def test_scores_pooled_last_have_no_linear_layer_after_the_pooling(spec: ModelSpec) -> None:
    (found,) = only_broken(Scores(), spec, "require linear_after_pooling")
    assert found.code == "RF201"
    assert found.layer == "classifier"
    assert found.help[0] == "classifier makes the 10 scores, gap pools them, and no layer follows"


class Pooled(TwoBranchNet):
    """A max pooling in the place of a stride."""

    def __init__(self) -> None:
        super().__init__()
        self.conv4[0] = nn.Conv2d(32, 32, 3, padding=1)
        self.conv4[3] = nn.MaxPool2d(2)


def test_a_max_pooling_is_named(spec: ModelSpec) -> None:
    (found,) = only_broken(Pooled(), spec, "forbid max_pooling")
    assert found.code == "RF202"
    assert found.message == "max_pooling is used: conv4.3 (MaxPool2d)"
    assert found.layer == "conv4.3"
    assert found.help == ("stride 2 in conv4.0 instead of conv4.3 makes a map of the same size, 5x5",)


class ThreeBlocks(nn.Module):
    """The last two blocks of the second network made one."""

    def __init__(self) -> None:
        super().__init__()
        whole = FourBlockNet()
        self.first, self.second = whole.block1, whole.block2
        self.third = nn.Sequential(whole.block3, whole.block4)
        self.gap, self.classifier = whole.gap, whole.classifier

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.gap(self.third(self.second(self.first(x))))).flatten(1)


def test_three_blocks_are_one_short(spec: ModelSpec) -> None:
    (found,) = only_broken(ThreeBlocks(), spec, "conv_blocks >= 4")
    assert found.code == "RF203"
    assert found.message == "3 convolution blocks (first, second, third): that is not >= 4 (1 short)"


class HundredClasses(FourBlockNet):
    """Scores of a hundred classes."""

    def __init__(self) -> None:
        super().__init__(num_classes=100)


def test_an_output_of_the_wrong_shape_is_named(spec: ModelSpec) -> None:
    (found,) = only_broken(HundredClasses(), spec, "output_shape [1, 10]")
    assert found.code == "RF107"
    assert found.message == "output shape [1, 100] is not [1, 10]"
    assert found.layer == "classifier"
