"""``rfkit.compat`` answers as ``torch_receptive_field`` does where that is right, and rightly where it is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

import rfkit
from rfkit.compat import receptive_field, receptive_field_for_unit
from tests.oracle import probe
from tests.rfkit.compat_networks import NUMBERED, TRUE, UNITS, Fourier, Net, conv, stem
from trainer.models.documents import TwoBranchNet

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["j", "r", "start", "conv_stage", "output_shape", "layer", "units"]

STEM_TABLE = """\
------------------------------------------------------------------------------
        Layer (type)    map size      start       jump receptive_field 
==============================================================================
        0             [256, 256]        0.5        1.0             1.0 
        1             [128, 128]        0.5        2.0             7.0 
        2             [128, 128]        0.5        2.0             7.0 
        3             [128, 128]        0.5        2.0             7.0 
        4               [64, 64]        0.5        4.0            11.0 
==============================================================================
"""  # noqa: W291  what the original prints ends in spaces

STEM_UNIT = "Receptive field size for layer 2, unit_position (1, 1),  is \n [(0, 6.0), (0, 6.0)]\n"


def last(found: dict[str, Any]) -> dict[str, Any]:
    """The entry of the layer that ran last; behind it comes only ``input_size``."""
    *_, stats, size = found.values()
    assert size == found["input_size"]
    return stats


@pytest.fixture(scope="module")
def two_branches() -> dict[str, Any]:
    return receptive_field(TwoBranchNet(), (3, 32, 32))


def test_the_table_and_the_unit_of_the_usual_example_are_printed_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    found = receptive_field(stem(), (3, 256, 256))
    assert capsys.readouterr().out == STEM_TABLE
    assert receptive_field_for_unit(found, "2", (1, 1)) == [(0, 6.0), (0, 6.0)]
    assert capsys.readouterr().out == STEM_UNIT


def test_the_unit_of_the_original_docstring_sees_the_same_pixels() -> None:
    """AlexNet: layer 8 has r = 67 + 2*16 = 99 and jump 16, so unit 6 begins 62 pixels from the border."""
    found = receptive_field(torchvision.models.alexnet().features, (3, 224, 224))
    assert receptive_field_for_unit(found, "8", (6, 6)) == [(62.0, 161.0), (62.0, 161.0)]


@pytest.mark.parametrize("name", TRUE)
def test_size_jump_and_start_are_right(name: str) -> None:
    build, true = TRUE[name]
    stats = last(receptive_field(build(), (3, 64, 64)))
    assert (stats["r"], stats["j"], stats["start"]) == true


@pytest.mark.parametrize(
    ("name", "layer", "size"), [("resnet18", "layer4.1.conv2", 435), ("resnet50", "layer4.2.conv3", 427)]
)
def test_residual_networks_of_torchvision(name: str, layer: str, size: int) -> None:
    with torch.device("meta"):
        net = torchvision.models.get_model(name)
    found = receptive_field(net, (3, 64, 64))
    (stats,) = (entry for key, entry in found.items() if key != "input_size" and entry["layer"] == layer)
    assert stats["r"] == size
    assert stats["j"] == 32


# -- keys ---------------------------------------------------------------------------------------------------------


def counted_calls(net: nn.Module, size: tuple[int, ...]) -> list[list[int]]:
    """Output shapes in the original's order: a hook on every module but the root, lists of modules and ``Linear``."""
    shapes: list[list[int]] = []

    def hook(module: nn.Module, arguments: object, output: Tensor) -> None:
        shapes.append([-1, *output.shape[1:]])

    def numbered(module: nn.Module) -> bool:
        leaf = not list(module.children()) or type(module).__name__ == "Bottleneck"
        return leaf and not isinstance(module, (nn.Sequential, nn.Linear))

    hooks = [m.register_forward_hook(hook) for m in net.modules() if m is not net and numbered(m)]
    net.eval()(torch.empty(2, *size, device=next(net.parameters()).device))
    for handle in hooks:
        handle.remove()
    return shapes


@pytest.mark.parametrize("name", NUMBERED)
def test_numbers_are_those_of_the_original(name: str) -> None:
    with torch.device("meta"):
        net = NUMBERED[name]()
    size = (3, 31, 31)
    found = receptive_field(net, size)
    numbers = [key for key in found if key.isdigit()]
    shapes = counted_calls(net, size)
    assert numbers == [str(n) for n in range(len(shapes) + 1)]
    assert [found[key]["output_shape"] for key in numbers[1:]] == shapes


def test_what_the_original_does_not_see_goes_by_its_name(two_branches: dict[str, Any]) -> None:
    names = [key for key in two_branches if not key.isdigit()]
    assert {"cat", "add", "linear", "input_size"} <= set(names)
    assert two_branches["cat"]["r"] == 23
    assert two_branches["add"]["r"] == 39
    chain = receptive_field(nn.Sequential(conv(), nn.Flatten(), nn.Linear(4096, 5)), (3, 32, 32))
    assert list(chain) == ["0", "1", "2", "Linear 2", "input_size"]
    assert chain["2"]["output_shape"] == [-1, 4096]
    assert chain["Linear 2"]["output_shape"] == [-1, 5]


def test_every_layer_of_a_report_has_an_entry_with_its_numbers(two_branches: dict[str, Any]) -> None:
    report = rfkit.trace(TwoBranchNet(), (2, 3, 32, 32), units=True)
    entries = [stats for key, stats in two_branches.items() if key not in ("0", "input_size")]
    assert [stats["layer"] for stats in entries] == [layer.label for layer in report]
    for stats in entries:
        layer = report[stats["layer"]]
        assert (stats["r"], stats["r"]) == layer.receptive_field
        assert (stats["j"], stats["j"]) == layer.jump
        assert (stats["start"], stats["start"]) == layer.start
        assert stats["units"] == layer.units


def test_every_entry_has_the_keys_of_the_original(two_branches: dict[str, Any]) -> None:
    assert all(list(stats) == KEYS for key, stats in two_branches.items() if key != "input_size")
    image = two_branches["0"]
    assert (image["j"], image["r"], image["start"], image["output_shape"]) == (1, 1, 0.5, [-1, 3, 32, 32])
    assert two_branches["input_size"] == (3, 32, 32)


@pytest.mark.parametrize("batch_size", [-1, 16])
def test_the_batch_size_is_only_written_down(batch_size: int) -> None:
    found = receptive_field(stem(), (3, 64, 48), batch_size)
    assert [found[key]["output_shape"] for key in ("0", "4")] == [[batch_size, 3, 64, 48], [batch_size, 8, 16, 12]]


@pytest.mark.parametrize("device", ["cuda", "cpu", "meta"])
def test_the_device_makes_no_difference(device: str) -> None:
    assert receptive_field(stem(), (3, 64, 64), device=device) == receptive_field(stem(), (3, 64, 64))


def test_the_convolution_stage_ends_at_the_first_transposed_convolution() -> None:
    up = nn.Sequential(conv(), nn.ReLU(), nn.ConvTranspose2d(4, 4, 2, 2), nn.ReLU())
    found = receptive_field(up, (3, 8, 8))
    assert [found[key]["conv_stage"] for key in "01234"] == [False, True, True, False, False]
    assert receptive_field(stem(), (3, 8, 8))["0"]["conv_stage"] is True


@pytest.mark.parametrize(
    ("net", "size", "true"),
    [
        (nn.Sequential(nn.Conv1d(3, 4, 3, 2, 1), nn.Conv1d(4, 4, 5)), (3, 40), (3 + 4 * 2, 2, 0.5 + 2 * 2)),
        (nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.MaxPool3d(2, 2, 1)), (3, 16, 16, 16), (4, 2, 0)),
        (nn.Conv3d(3, 4, (1, 3, 5)), (3, 9, 8, 7), ((1, 3, 5), 1, (0.5, 1.5, 2.5))),
    ],
    ids=["length", "volume", "volume, per axis"],
)
def test_other_numbers_of_axes(net: nn.Module, size: tuple[int, ...], true: tuple[Any, ...]) -> None:
    stats = last(receptive_field(net, size))
    assert (stats["r"], stats["j"], stats["start"]) == true


def test_a_batch_norm_in_training_mode_is_left_alone() -> None:
    net = stem().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    receptive_field(net, (3, 32, 32))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())


# -- the printed table --------------------------------------------------------------------------------------------


def test_columns_widen_for_what_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    found = receptive_field(
        Net(
            lambda n, x: F.adaptive_avg_pool2d(n.b(n.a(x)), 3),
            a=nn.Conv2d(3, 4, (1, 7)),
            b=nn.Conv2d(4, 4, (5, 1), (2, 1)),
        ),
        (3, 30, 32),
    )
    rule, heading, _, *rows, _ = capsys.readouterr().out.splitlines()
    assert len(rule) >= len(heading)
    assert {len(row) for row in rows} == {len(heading)}
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "adaptive_avg_pool2d"]
    assert "(5.0, 7.0)" in rows[2]
    assert "(2.0, 1.0)" in rows[2]
    assert str(found["2"]["output_shape"][2:]) in rows[2]
    assert "8.667" in rows[3]


def test_an_operator_without_a_rule_is_named_and_nothing_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    found = receptive_field(nn.Sequential(conv(), Fourier(), nn.ReLU()), (3, 8, 8))
    assert (
        capsys.readouterr().out.splitlines()[-1] == "aten._fft_c2c has no rule: from layer 2 on the field is not known"
    )
    assert [(found[key]["r"], found[key]["j"], found[key]["start"]) for key in "23"] == [(None, None, None)] * 2
    with pytest.raises(rfkit.UsageError, match=r"layer 3: its field is not known, .* see rfkit\.rule"):
        receptive_field_for_unit(found, "3", (0, 0))


# -- single units -------------------------------------------------------------------------------------------------


def positions(stats: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    return product(*(range(size) for size in stats["output_shape"][2:]))


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_sees_the_pixels_that_probing_finds(name: str) -> None:
    net = UNITS[name]()
    found = receptive_field(net, (3, 13, 11))
    truth = probe(net, (1, 3, 13, 11))
    for key, stats in found.items():
        if key in ("0", "input_size"):
            continue
        measured = truth[stats["layer"]]
        for place in positions(stats):
            hulls = [(measured.lo[a][:, :, *place], measured.hi[a][:, :, *place]) for a in (0, 1)]
            seen = [(lo[hi >= 0].min(), hi.max() + 1) if (hi >= 0).any() else (0, 0) for lo, hi in hulls]
            assert receptive_field_for_unit(found, key, place) == seen


def test_a_unit_at_the_border_sees_less_than_the_closed_form_cut_off() -> None:
    """A 3x3 kernel with dilation 2 and padding 1 over jump 2: the last tap of the last unit lies in the padding."""
    found = receptive_field(TwoBranchNet(), (3, 32, 32))
    stats = found["5"]
    assert stats["layer"] == "conv2.0"
    upper = stats["start"] + 13 * stats["j"] + stats["r"] / 2
    assert min(upper, 32) == 32
    assert receptive_field_for_unit(found, "5", (13, 13)) == [(23, 30), (23, 30)]


def test_adaptive_bins_see_differently() -> None:
    """Bins of 16 units: 0..5, 5..10, 10..15; a 3x3 convolution before adds one pixel on each side."""
    found = receptive_field(nn.Sequential(conv(), nn.AdaptiveAvgPool2d(3)), (3, 16, 16))
    assert [receptive_field_for_unit(found, "2", (i, i))[0] for i in range(3)] == [(0, 7), (4, 12), (9, 16)]
    assert found["2"]["r"] == 8


def test_a_layer_without_a_map_has_one_unit_that_sees_it_all(two_branches: dict[str, Any]) -> None:
    assert receptive_field_for_unit(two_branches, "linear", (0, 0)) == [(0, 32), (0, 32)]


def test_a_unit_of_the_input_is_a_pixel(two_branches: dict[str, Any]) -> None:
    assert receptive_field_for_unit(two_branches, "0", (0, 31)) == [(0, 1), (31, 32)]


# -- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["44", "input_size", 5, "liner"])
def test_a_layer_that_is_not_there_is_a_key_error(layer: Any, two_branches: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match=f"no layer {layer!r}"):
        receptive_field_for_unit(two_branches, layer, (0, 0))


def test_a_misspelt_layer_is_told_what_it_may_be(two_branches: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="did you mean 'linear'"):
        receptive_field_for_unit(two_branches, "liner", (0, 0))


@pytest.mark.parametrize("place", [(14, 0), (0, -1), (99, 99)])
def test_a_unit_outside_the_map_is_refused(place: tuple[int, int], two_branches: dict[str, Any]) -> None:
    with pytest.raises(rfkit.UsageError, match=r"lies outside the map of layer 5, which is \[14, 14\]"):
        receptive_field_for_unit(two_branches, "5", place)


@pytest.mark.parametrize("place", [(1,), (1, 1, 1)])
def test_a_unit_needs_an_index_per_axis(place: tuple[int, ...], two_branches: dict[str, Any]) -> None:
    with pytest.raises(rfkit.UsageError, match=f"has {len(place)} indices; layer 5 takes 2"):
        receptive_field_for_unit(two_branches, "5", place)


def test_a_dictionary_of_the_original_is_refused() -> None:
    foreign = {
        "0": {"j": 1.0},
        "1": {"j": 2.0, "r": 7.0, "start": 0.5, "output_shape": [-1, 8, 4, 4]},
        "input_size": (3, 8, 8),
    }
    with pytest.raises(rfkit.UsageError, match=r"not one that rfkit\.compat\.receptive_field returned"):
        receptive_field_for_unit(foreign, "1", (0, 0))


@pytest.mark.parametrize("size", [32, (3,), ((3, 32, 32), (3, 32, 32)), (3, 32.0, 32), None])
def test_an_input_size_that_is_not_one_shape_is_refused(size: Any) -> None:
    with pytest.raises(rfkit.InputError, match=r"give one shape without the batch, such as \(3, 32, 32\)"):
        receptive_field(stem(), size)


def test_an_input_that_the_network_refuses_is_reported_as_rfkit_reports_it() -> None:
    with pytest.raises(rfkit.InputError):
        receptive_field(stem(), (4, 32, 32))


def test_torch_is_imported_only_when_a_network_is_traced() -> None:
    code = "import sys, rfkit.compat; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False\n"
