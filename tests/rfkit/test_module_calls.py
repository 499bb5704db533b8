"""Modules called in any way get their rows; what cannot be traced or is not known is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfkit
from rfkit.report import Report
from tests import zoo
from tests.exactness import Call
from tests.oracle import OUTPUT, assert_exact, differences, probe

ALTERED = ("own hooks", "body")  # a hook of the model's own changes what this layer gave
MAPS = [name for name in zoo.ZOO if name != "space in batch"]


def traced(net: nn.Module, **options: Any) -> Report:
    return rfkit.trace(net, zoo.IMAGE, strict=True, units=True, **options)


def labels(report: Report) -> list[str]:
    return [layer.label for layer in report]


# -- rows ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_leaf_that_ran_has_a_row_with_what_it_sees(name: str, device: str) -> None:
    torch.manual_seed(0)
    net = zoo.ZOO[name]()
    report = traced(net, device=device)
    truth = probe(net, zoo.IMAGE)
    weights = {
        label for label in truth if ".parametrizations." in label
    }  # compute a layer's weights: part of that layer
    left_out = {OUTPUT, *weights, *(label for label in truth if (name, label) == ALTERED)}
    rows = {label: report[label] for label in truth if label not in left_out}
    assert [label for label in labels(report) if label in rows] == list(rows)
    if rows:
        assert_exact(rows, truth)
    assert {layer.unknown for layer in report} == {None}


def test_a_layer_with_normed_weights_is_one_row_that_owns_its_parameters() -> None:
    net = zoo.ZOO["normed weights"]()
    report = traced(net)
    assert report["body"].type == "Conv2d"
    assert report["body"].params == sum(p.numel() for p in net.body.parameters())
    assert not [label for label in labels(report) if "parametrizations" in label]


@pytest.mark.parametrize("name", MAPS)
def test_the_last_map_is_what_the_network_returns(name: str) -> None:
    """Where a network returns several maps, its first is a layer's own output; else it is the last row's."""
    torch.manual_seed(0)
    net = zoo.ZOO[name]()
    truth, report = probe(net, zoo.IMAGE)[OUTPUT], traced(net)
    assert truth.shape == report.totals.output_shapes[0]
    assert any(layer.output_shape == truth.shape and not differences(layer, truth) for layer in report)


def test_a_shared_module_has_a_row_per_call_and_its_parameters_once() -> None:
    report = traced(zoo.SharedModule())
    assert labels(report) == ["first", "again", "again#2", "again#3"]
    assert [layer.call for layer in report] == [0, 0, 1, 2]
    assert [layer.receptive_field for layer in report] == [(3, 3), (5, 5), (7, 7), (9, 9)]
    assert [layer.params for layer in report] == [3 * 4 * 9 + 4, 4 * 4 * 9 + 4, 0, 0]
    assert [layer.inputs for layer in report] == [("input",), ("first",), ("again",), ("again#2",)]
    assert report.totals.params == 3 * 4 * 9 + 4 + 4 * 4 * 9 + 4


def test_modules_that_never_ran_are_named() -> None:
    report = traced(zoo.Unused())
    unused = report.totals.unused_modules
    assert {name.split(".")[0] for name in unused} == {"dead", "head", "partly"}
    assert [name for name in unused if name.startswith("partly")] == ["partly.unused"]
    assert report.totals.params == sum(p.numel() for p in zoo.Unused().parameters())


def test_modules_that_ran_without_their_hooks_are_not_called_unused() -> None:
    assert "own" not in traced(zoo.CallsOwnCall()).totals.unused_modules
    assert traced(zoo.SlicedSequential()).totals.unused_modules == ()
    assert traced(zoo.SharedModule()).totals.unused_modules == ()


def test_calling_forward_directly_still_gives_the_field_and_the_costs() -> None:
    report = traced(zoo.ForwardDirectly())
    assert report.totals.receptive_field == (5, 5)
    assert report.totals.params == (3 * 4 + 4 * 4) * 9 + 8
    assert report.totals.macs == 13 * 11 * 3 * 4 * 9 + 7 * 6 * 4 * 4 * 9
    assert [layer.kernel_size for layer in report] == [(3, 3), (3, 3)]


def test_wrapped_modules_keep_their_paths() -> None:
    assert labels(traced(zoo.ZOO["wrapped"]())) == ["module.module.0", "module.module.1"]


def test_an_overridden_call_leaves_the_layers_inside_with_rows() -> None:
    report = traced(zoo.CallsOwnCall())
    assert [label for label in labels(report) if "relu" not in label] == ["first", "own.inner", "last"]
    assert report["last"].receptive_field == (7, 7)


def test_a_slice_of_a_sequential_keeps_the_names_of_its_items() -> None:
    report = traced(zoo.SlicedSequential())
    assert labels(report) == [f"layers.{i}" for i in range(5)]
    assert report.totals.receptive_field == (10, 10)


def test_what_a_module_hands_on_in_a_tuple_is_joined_by_the_next() -> None:
    report = traced(zoo.TupleInside())
    assert set(report["joined.cat"].inputs) == {"both.narrow", "both.wide"}
    assert report["joined.mix"].receptive_field == (5, 5)
    assert report["joined.mix"].receptive_field_min == (3, 3)


@pytest.mark.parametrize(
    "form", [name for name in zoo.ZOO if name.startswith("returns") and name != "returns its input"]
)
def test_every_tensor_that_is_returned_counts_as_an_output(form: str) -> None:
    totals = traced(zoo.ZOO[form]()).totals
    assert totals.output_shapes == ((1, 4, 13, 11), (1, 4, 13, 11))
    assert totals.receptive_field == (5, 5)


def test_an_auxiliary_head_of_training_is_unused_in_the_report() -> None:
    net = zoo.AuxiliaryHead().train()
    report = traced(net)
    assert {name.split(".")[0] for name in report.totals.unused_modules} == {"aux"}
    assert report.totals.output_shapes == ((1, 4, 13, 11),)
    assert net.training


def test_hooks_of_the_models_own_take_part() -> None:
    report = traced(zoo.OwnHooks())
    assert report["last"].receptive_field == (8, 5)
    assert report["last"].output_shape == (1, 4, 13, 11)


def test_recursion_gives_a_row_per_depth() -> None:
    assert labels(traced(zoo.Recurses())) == ["body", "body#2", "body#3"]


# -- inputs and outputs --------------------------------------------------------------------------------------------------


def test_two_images_of_different_sizes_have_axes_of_their_own() -> None:
    net = zoo.TwoInputs()
    image, context = torch.randn(1, 3, 13, 11), torch.randn(1, 3, 7, 5)
    report = rfkit.trace(net, example_inputs=(image, context), strict=True, units=True)
    last = report.layers[-1]
    assert last.units is not None
    for of, axes in ((0, (0, 1)), (1, (2, 3))):
        truth = probe(net, image, context, of=of)[OUTPUT]
        for axis, own in enumerate(axes):
            assert list(zip(*last.units[own], strict=True)) == truth.units(axis, 2 + axis)


def test_two_images_of_one_size_share_their_axes() -> None:
    net = zoo.TwoInputs()
    report = rfkit.trace(net, example_inputs=(torch.randn(1, 3, 13, 11), torch.randn(1, 3, 13, 11)))
    assert report.totals.receptive_field == (3, 3)


def test_keyword_arguments_are_given_as_a_dict() -> None:
    report = rfkit.trace(zoo.KeywordInput(), example_inputs={"image": torch.randn(zoo.IMAGE), "flip": True})
    assert report.totals.output_shapes == ((1, 4, 13, 11),)
    assert report["body"].receptive_field == (3, 3)


def test_a_shape_without_batch_is_a_batch_of_one() -> None:
    net = zoo.ZOO["wrapped"]()
    assert rfkit.trace(net, zoo.IMAGE[1:]).layers == rfkit.trace(net, zoo.IMAGE).layers
    assert rfkit.trace(nn.Conv1d(4, 4, 3), (4, 23)).totals.output_shapes == ((1, 4, 21),)
    assert rfkit.trace(nn.Conv1d(4, 4, 3), (2, 4, 23)).totals.output_shapes == ((2, 4, 21),)


def test_space_folded_into_the_batch_is_flagged() -> None:
    report = rfkit.trace(zoo.SpaceInBatch(), zoo.IMAGE)
    assert report.totals.output_shapes == ((6, 10),)
    assert any("space_in_batch" in layer.flags for layer in report)
    assert "space_in_batch" not in report["pool"].flags


def test_a_view_of_a_map_that_is_pooled_away_is_not_flagged() -> None:
    class Proper(zoo.SpaceInBatch):
        def forward(self, x: Tensor) -> Tensor:
            return self.body(x).mean((2, 3)).view(-1, 10)

    assert not [layer for layer in rfkit.trace(Proper(), zoo.IMAGE) if "space_in_batch" in layer.flags]


def test_windows_folded_into_the_batch_and_back_are_not_flagged() -> None:
    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.out = nn.Conv2d(3, 3, 3, padding=1), nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            windows = x.view(-1, 3, 2, 6, 2, 5).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3, 6, 5)
            return self.out(self.inner(windows).view(-1, 2, 2, 3, 6, 5).permute(0, 3, 1, 4, 2, 5).reshape(x.shape))

    report = rfkit.trace(Windows(), (1, 3, 12, 10), strict=True, units=True)
    assert_exact({"out": report["out"]}, probe(Windows(), (1, 3, 12, 10)))
    assert "space_in_batch" not in report["out"].flags


def test_a_forward_that_reads_numbers_runs_on_the_cpu_and_the_report_says_so() -> None:
    report = rfkit.trace(zoo.ReadsNumbers(), zoo.IMAGE)
    assert report.device == "cpu"
    assert report.notes
    assert report.totals.receptive_field == (5, 5)
    assert rfkit.trace(zoo.ZOO["wrapped"](), zoo.IMAGE).device == "meta"


@pytest.mark.parametrize("name", MAPS)
def test_tracing_twice_gives_the_same_report_which_survives_json(name: str) -> None:
    net = zoo.ZOO[name]()
    once, again = traced(net), traced(net)
    assert once == again == Report.from_dict(once.to_dict())


def test_a_model_on_meta_gives_the_same_report_as_one_with_weights() -> None:
    net = zoo.SlicedSequential()
    with torch.device("meta"):
        empty = zoo.SlicedSequential()
    assert traced(net) == traced(empty)


# -- what cannot be traced -----------------------------------------------------------------------------------------------


def test_a_refused_shape_names_the_layer_and_both_sizes() -> None:
    with pytest.raises(rfkit.InputError) as error:
        rfkit.trace(zoo.Refuses(), zoo.IMAGE)
    message = str(error.value)
    assert "head" in message
    assert "7" in message
    assert "1x4x13x11" in message or "(1, 4, 13, 11)" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(lambda x: torch.cat([x, x], 4), id="cat dimension"),
        pytest.param(lambda x: torch.cat([x, x[:, :, 1:]], 3), id="cat sizes"),
        pytest.param(lambda x: x.roll(1, 4), id="roll dimension"),
        pytest.param(lambda x: x.mean(5), id="mean dimension"),
        pytest.param(lambda x: x.softmax(4), id="softmax dimension"),
        pytest.param(lambda x: x + x[..., 1:], id="add sizes"),
        pytest.param(lambda x: x[..., :1].mul_(x), id="in-place sizes"),
        pytest.param(lambda x: x @ x, id="matmul sizes"),
        pytest.param(lambda x: x.view(1, 5, -1), id="view sizes"),
        pytest.param(lambda x: x.transpose(2, 3).view(1, -1), id="view of a transposed map"),
        pytest.param(lambda x: F.conv2d(x, torch.ones(4, 5, 3, 3, device=x.device)), id="convolution channels"),
        pytest.param(lambda x: F.conv2d(x, torch.ones(3, 1, 3, 3, device=x.device), groups=2), id="convolution groups"),
        pytest.param(
            lambda x: F.conv2d(x, torch.ones(4, 3, 15, 3, device=x.device)), id="convolution larger than the map"
        ),
        pytest.param(lambda x: F.max_pool2d(x, 3, padding=2), id="pool padding"),
        pytest.param(lambda x: F.avg_pool2d(x, 14), id="pool larger than the map"),
        pytest.param(lambda x: F.batch_norm(x, None, None), id="batch norm without statistics"),
        pytest.param(lambda x: F.layer_norm(x, (12,)), id="layer norm sizes"),
        pytest.param(lambda x: F.linear(x, torch.ones(4, 12, device=x.device)), id="linear features"),
        pytest.param(lambda x: F.pad(x, (11, 0), mode="reflect"), id="reflected padding"),
    ],
)
def test_what_pytorch_refuses_is_an_input_error(refused: Callable[[Tensor], Tensor]) -> None:
    net = Call(refused).eval()
    with torch.no_grad(), pytest.raises((RuntimeError, IndexError, ValueError, AssertionError)):
        net(torch.randn(zoo.IMAGE))
    with pytest.raises(rfkit.InputError):
        rfkit.trace(net, zoo.IMAGE)


@pytest.mark.parametrize("shape", [(), (3, 0, 32), (1, 3, -5, 7), (3, 32.0, 32)])
def test_a_malformed_shape_is_an_input_error(shape: Any) -> None:
    with pytest.raises(rfkit.InputError, match="shape"):
        rfkit.trace(zoo.SharedModule(), shape)


@pytest.mark.parametrize("result", [None, 3.0, (), {"loss": "none"}])
def test_a_network_that_returns_no_tensor_is_an_input_error(result: Any) -> None:
    class Silent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = zoo.conv(3)

        def forward(self, x: Tensor) -> Any:
            self.body(x)
            return result

    with pytest.raises(rfkit.InputError, match="Silent"):
        rfkit.trace(Silent(), zoo.IMAGE)


def test_neither_or_both_kinds_of_input_are_an_input_error() -> None:
    with pytest.raises(rfkit.InputError):
        rfkit.trace(zoo.SharedModule())
    with pytest.raises(rfkit.InputError):
        rfkit.trace(zoo.SharedModule(), zoo.IMAGE, example_inputs=torch.zeros(zoo.IMAGE))


# -- what is not known ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mystery() -> Callable[[Tensor], Tensor]:
    """A custom operator that reverses rows, of which the tracer can know nothing."""

    @torch.library.custom_op("rfkit_tests::mystery", mutates_args=())
    def mystery(x: Tensor) -> Tensor:
        return x.flip(2)

    mystery.register_fake(torch.empty_like)
    return mystery


def test_an_operator_without_a_rule_is_named_and_taints_what_follows(mystery: Callable[[Tensor], Tensor]) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.beside, self.after = zoo.conv(3), zoo.conv(3), zoo.conv()

        def forward(self, x: Tensor) -> Tensor:
            return self.after(mystery(self.before(x)) + self.beside(x))

    report = traced(Net())
    known, tainted = [report["before"], report["beside"]], [report["after"]]
    assert [layer.unknown for layer in known] == [None, None]
    assert [layer.receptive_field for layer in known] == [(3, 3), (3, 3)]
    for layer in tainted:
        assert layer.unknown is not None
        assert "mystery" in layer.unknown
        assert layer.receptive_field == layer.jump == layer.extent == (None, None)
        assert layer.units is None
        assert "unknown" in layer.flags
    assert report["after"].output_shape == (1, 4, 13, 11)
    assert report["after"].macs == 13 * 11 * 4 * 4 * 9
    assert report.totals.receptive_field == (None, None)


def test_values_decide_nothing_silently() -> None:
    """Positions picked by the data, or sampled at computed places: the prediction covers all, or is unknown."""

    class Picks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.out = zoo.conv(3), nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            x = self.body(x)
            order = x.mean((1, 3)).argsort(1)
            rows = x.gather(2, order[:, None, :, None].expand_as(x))
            grid = torch.tanh(x[:, :2].permute(0, 2, 3, 1))
            return self.out(rows + F.grid_sample(x, grid, align_corners=False))

    out = traced(Picks())["out"]
    if out.unknown is None:
        assert out.units is not None
        assert [set(zip(*axis, strict=True)) for axis in out.units] == [{(0, 12)}, {(0, 10)}]
