"""The documents' two networks: every row of their summaries, their receptive fields, and that they learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.shared import shared_path
from trainer.models.documents import FourBlockNet, TwoBranchNet

TWO_BRANCH_DOCUMENT = "000_17379f357ead07cd.txt"
FOUR_BLOCK_DOCUMENT = "004_82f081bcf5a29724.txt"

NETWORKS: list[tuple[str, Callable[[], nn.Module], Callable[[Tensor, Tensor], Tensor]]] = [
    ("two branches", lambda: TwoBranchNet(dropout=0.0), F.nll_loss),
    ("four blocks, dilated", FourBlockNet, F.cross_entropy),
    ("four blocks, plain", lambda: FourBlockNet(dilated=False), F.cross_entropy),
]


class Row(NamedTuple):
    """One row of a summary; the batch is left out of the shape."""

    type: str
    shape: tuple[int, ...]
    params: int


class Call(NamedTuple):
    """One call of a leaf module, in the order in which they run."""

    name: str
    module: nn.Module
    input_size: int
    row: Row


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def summary_rows(document: str) -> list[Row]:
    """Parse the rows `Conv2d-1   [-1, 16, 16, 16]   432` of a document's model summary."""
    text = shared_path("documents", document).read_text(encoding="utf-8")
    rows = re.findall(r"^\s*(\w+)-\d+\s+\[-1, ([\d, ]+)\]\s+([\d,]+)\s*$", text, flags=re.MULTILINE)
    return [
        Row(kind, tuple(int(size) for size in shape.split(",")), int(params.replace(",", "")))
        for kind, shape, params in rows
    ]


def calls_of(model: nn.Module) -> list[Call]:
    """Run the model on one CIFAR-10 sized image and record its leaf modules."""
    calls: list[Call] = []

    def record(name: str, module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        row = Row(type(module).__name__, tuple(output.shape[1:]), parameter_count(module))
        calls.append(Call(name, module, inputs[0].shape[-1], row))

    for name, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(partial(record, name))
    model.eval()(torch.zeros(1, 3, 32, 32))
    return calls


def window(call: Call) -> tuple[int, int, int] | None:
    """Return kernel, stride and dilation of a layer that has them."""
    match call.module:
        case nn.Conv2d(kernel_size=(kernel, _), stride=(stride, _), dilation=(dilation, _)):
            return int(kernel), int(stride), int(dilation)
        case nn.AvgPool2d(kernel_size=int(kernel), stride=int(stride)):
            return kernel, stride, 1
        case nn.AdaptiveAvgPool2d(output_size=1):
            return call.input_size, call.input_size, 1
        case _:
            return None


def fields_along(model: nn.Module, *path: str) -> list[tuple[int, int]]:
    """Return receptive field r and jump j after each window of the named blocks: r' = r + (k - 1)·d·j, j' = j·s."""
    size, jump, fields = 1, 1, []
    for call in calls_of(model):
        geometry = window(call)
        if geometry is not None and call.name.split(".")[0] in path:
            kernel, stride, dilation = geometry
            size, jump = size + (kernel - 1) * dilation * jump, jump * stride
            fields.append((size, jump))
    return fields


class TestTwoBranchNet:
    def test_reproduces_every_row_of_the_documents_summary(self) -> None:
        expected = summary_rows(TWO_BRANCH_DOCUMENT)
        assert len(expected) == 43
        assert [call.row for call in calls_of(TwoBranchNet())] == expected

    def test_has_the_parameters_that_document_000_states(self) -> None:
        assert parameter_count(TwoBranchNet()) == 145_114

    def test_names_its_layers_as_the_document_does(self) -> None:
        windowed = [
            call.name for call in calls_of(TwoBranchNet()) if call.row.type in {"Conv2d", "AvgPool2d", "Linear"}
        ]
        assert windowed == [
            *("conv1.0", "conv2.0", "conv2.4", "conv2.8", "conv3.0", "conv3.4", "conv3.8"),
            *("dsb.0", "dsb.1", "conv4.0", "conv5.0", "gap.0", "linear"),
        ]

    @pytest.mark.parametrize("branch", ["conv2", "conv3"])
    def test_sees_55_pixels_after_pooling_and_39_before_through_either_branch(self, branch: str) -> None:
        fields = fields_along(TwoBranchNet(), "conv1", branch, "dsb", "conv4", "conv5", "gap")
        assert [size for size, _ in fields] == [3, 11, 19, 23, 27, 27, 31, 39, 55]
        assert [jump for _, jump in fields] == [2, 2, 2, 2, 2, 2, 4, 4, 20]

    def test_sees_the_documents_47_pixels_when_dilations_count_as_1(self) -> None:
        undilated = TwoBranchNet()
        for module in undilated.modules():
            if isinstance(module, nn.Conv2d) and module.dilation == (2, 2):
                module.dilation, module.padding = (1, 1), (0, 0)
        fields = fields_along(undilated, "conv1", "conv2", "dsb", "conv4", "conv5", "gap")
        assert fields[-1] == (47, 20)

    def test_adds_the_strided_block_to_its_own_convolution(self) -> None:
        model = TwoBranchNet().eval()
        inputs: dict[str, Tensor] = {}
        model.conv4.register_forward_hook(lambda _module, _inputs, output: inputs.update(kept=output))
        model.conv5.register_forward_hook(lambda _module, _inputs, output: inputs.update(added=output))
        model.gap.register_forward_hook(lambda _module, arguments, _output: inputs.update(pooled=arguments[0]))
        model(torch.randn(2, 3, 32, 32))
        torch.testing.assert_close(inputs["pooled"], inputs["kept"] + inputs["added"])

    def test_returns_log_probabilities(self) -> None:
        output = TwoBranchNet()(torch.randn(4, 3, 32, 32))
        torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(4))

    def test_takes_the_dropout_the_classes_and_the_channels(self) -> None:
        model = TwoBranchNet(dropout=0.25, num_classes=7, in_channels=1)
        assert {module.p for module in model.modules() if isinstance(module, nn.Dropout)} == {0.25}
        assert model(torch.randn(2, 1, 32, 32)).shape == (2, 7)

    def test_keeps_the_names_of_its_weights_whatever_the_dropout(self) -> None:
        assert TwoBranchNet(dropout=0.0).state_dict().keys() == TwoBranchNet().state_dict().keys()


class TestFourBlockNet:
    @pytest.mark.parametrize("dilated", [True, False])
    def test_reproduces_every_row_of_the_documents_summary_in_both_readings(self, dilated: bool) -> None:
        expected = summary_rows(FOUR_BLOCK_DOCUMENT)
        assert len(expected) == 39
        assert [call.row for call in calls_of(FourBlockNet(dilated=dilated))] == expected

    @pytest.mark.parametrize("dilated", [True, False])
    def test_has_the_parameters_and_sizes_that_document_004_states_in_both_readings(self, dilated: bool) -> None:
        model = FourBlockNet(dilated=dilated)
        sizes = [call.row.shape[1:] for call in calls_of(model) if call.row.type == "Conv2d"]
        assert parameter_count(model) == 185_346
        assert sizes == [(n, n) for n in (32, 32, 15, 15, 15, 7, 7, 7, 7, 3, 3, 3, 3, 1)]

    def test_is_the_dilated_reading_unless_told_otherwise(self) -> None:
        assert repr(FourBlockNet()) == repr(FourBlockNet(dilated=True))
        assert repr(FourBlockNet()) != repr(FourBlockNet(dilated=False))

    @pytest.mark.parametrize(
        ("dilated", "strided", "kept"),
        [
            (True, [(1, 1, 1), (1, 2, 2), (2, 1, 2)], [(1, 1, 1), (1, 2, 2), (1, 2, 2)]),
            (False, [(1, 1, 1), (1, 1, 1), (2, 0, 1)], [(1, 1, 1), (1, 1, 1), (1, 1, 1)]),
        ],
    )
    def test_strides_pads_and_dilates_as_its_reading_says(
        self, dilated: bool, strided: list[tuple[int, ...]], kept: list[tuple[int, ...]]
    ) -> None:
        windows = [
            (module.stride[0], module.padding[0], module.dilation[0])
            for module in FourBlockNet(dilated=dilated).modules()
            if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)
        ]
        assert windows == [*strided, *strided, *strided, *kept]

    @pytest.mark.parametrize(
        ("dilated", "expected"),
        [
            (True, [3, 7, 11, 15, 23, 31, 39, 39, 55, 71, 87, 119, 151, 167, 167]),
            (False, [3, 5, 7, 11, 15, 19, 27, 27, 35, 43, 59, 75, 91, 107, 107]),
        ],
    )
    def test_sees_what_the_closed_form_says_of_its_reading(self, dilated: bool, expected: list[int]) -> None:
        path = ("block1", "block2", "block3", "block4", "gap", "classifier")
        assert [size for size, _ in fields_along(FourBlockNet(dilated=dilated), *path)] == expected

    def test_only_the_third_block_begins_depthwise_separable(self) -> None:
        grouped = {
            name: module.groups
            for name, module in FourBlockNet().named_modules()
            if isinstance(module, nn.Conv2d) and module.groups > 1
        }
        assert grouped == {"block3.0": 38}

    def test_takes_the_classes_the_channels_and_any_image_size(self) -> None:
        model = FourBlockNet(num_classes=7, in_channels=1)
        assert model(torch.randn(2, 1, 41, 37)).shape == (2, 7)


@pytest.mark.parametrize(("name", "build", "loss_of"), NETWORKS, ids=[name for name, _, _ in NETWORKS])
class TestLearning:
    def test_one_step_reaches_and_moves_every_parameter(
        self, name: str, build: Callable[[], nn.Module], loss_of: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        torch.manual_seed(0)
        model = build()
        before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss_of(model(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
        optimizer.step()
        for parameter_name, parameter in model.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert not torch.equal(parameter, before[parameter_name]), parameter_name

    def test_a_few_steps_on_one_batch_lower_its_loss(
        self, name: str, build: Callable[[], nn.Module], loss_of: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        torch.manual_seed(0)
        model, images, labels = build(), torch.randn(8, 3, 32, 32), torch.arange(8)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        losses = []
        for _ in range(8):
            optimizer.zero_grad()
            loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]
