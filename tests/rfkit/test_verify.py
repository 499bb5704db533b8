"""What ``verify`` says of networks: equal where the trace is right, and what it rests on where NaN does not tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfkit
from docs.networks.unet import UNet
from docs.networks.wavenet import WaveNet
from rfkit import cli, verify
from rfkit.render import verification
from rfkit.verifying import Method, Verdict, Verification
from tests import zoo
from tests.rfkit.test_model_left_alone import snapshot
from trainer.models.documents import FourBlockNet, TwoBranchNet

NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "two branches": (TwoBranchNet, (3, 32, 32)),
    "four blocks": (FourBlockNet, (3, 32, 32)),
    "u-net": (lambda: UNet(width=4), (3, 16, 20)),
    "wavenet": (lambda: WaveNet(width=4, depth=4), (1, 40)),
    "volumes": (lambda: nn.Sequential(nn.Conv3d(1, 2, (1, 3, 3), (1, 2, 1)), nn.MaxPool3d(2)), (1, 4, 9, 7)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_unit_of_every_layer_is_equal(name: str) -> None:
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = build()
    found = verify(model, (1, *shape))
    report = rfkit.trace(model, (1, *shape), strict=True)
    assert [layer.label for layer in found] == [layer.label for layer in report]
    assert {layer.verdict for layer in found} == {Verdict.EQUAL}
    assert all(layer.units > 0 and layer.method is Method.NAN for layer in found)
    assert found.exit_status == 0


def test_gradients_of_the_first_the_middle_and_the_last_unit_are_taken_in_every_layer() -> None:
    found = verify(TwoBranchNet(), (1, 3, 32, 32))
    assert all(layer.gradients >= min(layer.units, 3) for layer in found)
    assert found["cat"].gradients >= 6  # no module: two branches of different channels side by side
    assert found["add"].gradients >= 6
    assert found.gradients == sum(layer.gradients for layer in found)
    assert sum(layer.gradients_equal for layer in found) > 0.9 * found.gradients


@pytest.mark.parametrize("dead", [False, True])
def test_a_gradient_that_is_zero_does_not_contradict_nan(dead: bool) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    if dead:
        nn.init.constant_(net[0].bias, -1e6)
    last = verify(net, (1, 3, 12, 10)).layers[-1]
    assert last.verdict is Verdict.EQUAL
    assert (last.gradients_equal == 0) is dead
    assert last.gradients > 0


class Between(nn.Module):
    """A convolution, a function of its output and of a wider convolution of it, and a convolution behind."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.narrow, self.wide = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 5, padding=2)
        self.function = function
        self.out, self.last = nn.Identity(), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(x)
        return self.last(self.out(self.function(x, self.wide(x))))


STOPPING: Mapping[str, tuple[Callable[[Tensor, Tensor], Tensor], str]] = {
    "comparison": (lambda x, y: x * (y > 0), "gt"),
    "where": (lambda x, y: torch.where(y > 0, x, 0.0), "gt"),
    "nan_to_num": (lambda x, y: torch.nan_to_num(x + y), "nan_to_num"),
    "argmax": (lambda x, y: x + y.argmax(1, keepdim=True), "argmax"),
    "fmax": (lambda x, y: torch.fmax(x, y), "fmax"),
    "cast": (lambda x, y: x + y.long(), "to_copy"),
}


def between(function: Callable[[Tensor, Tensor], Tensor], **options: Any) -> Verification:
    torch.manual_seed(0)
    return verify(Between(function), (1, 3, 12, 14), **options)


@pytest.mark.parametrize("name", STOPPING)
def test_an_operator_that_stops_nan_is_named_and_nothing_behind_it_is_called_wrong(name: str) -> None:
    function, operator = STOPPING[name]
    found = between(function)
    assert [stop.operator for stop in found.stops] == [operator]
    assert {layer.verdict for layer in found} <= {Verdict.EQUAL, Verdict.UPPER_BOUND}
    assert found["narrow"].verdict is found["wide"].verdict is Verdict.EQUAL
    assert found["last"].gradients == found["last"].units
    assert operator in found["last"].why


def test_where_nan_stops_gradients_that_fill_the_field_make_it_equal() -> None:
    found = between(STOPPING["nan_to_num"][0])
    assert found["last"].verdict is Verdict.EQUAL
    assert found["last"].method is Method.GRADIENT


def test_where_neither_method_sees_all_it_is_an_upper_bound() -> None:
    assert between(STOPPING["comparison"][0])["last"].verdict is Verdict.UPPER_BOUND


def test_a_forward_that_takes_another_path_with_nan_rests_on_gradients() -> None:
    found = between(lambda x, y: x + y if float(x.sum().detach()) == float(x.sum().detach()) else x)
    assert found["wide"].method is Method.NAN
    assert found["last"].verdict is Verdict.EQUAL
    assert found["last"].method is Method.GRADIENT


def test_an_operator_without_a_rule_claims_nothing() -> None:
    found = between(lambda x, y: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2))
    assert found["last"].verdict is Verdict.NOT_COMPARED
    assert "max_unpool2d" in found["last"].why


@torch.library.custom_op("verified::address", mutates_args=())
def address(x: Tensor) -> Tensor:
    """An operator without a rule that takes numbers for addresses, as deformable convolutions do."""
    assert not x.isnan().any(), "here torchvision ends the process"
    return x.clone()


@address.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Beside(nn.Module):
    """Layers before an operator without a rule, beside it and behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.beside, self.behind = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        before = self.before(x)
        return self.behind(torch.ops.verified.address(before)), self.beside(before)


def test_an_operator_without_a_rule_gets_no_nan_and_all_that_is_claimed_is_compared() -> None:
    found = verify(Beside(), (1, 3, 9, 8))
    verdicts = {label: found[label].verdict for label in ("before", "beside", "behind")}
    assert verdicts == {"before": Verdict.EQUAL, "beside": Verdict.EQUAL, "behind": Verdict.NOT_COMPARED}
    assert found["beside"].method is Method.NAN


class Singular(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svd(x)[0]


def test_where_nothing_is_claimed_it_says_so_and_why() -> None:
    said = " ".join(verification.render(verify(Singular(), (1, 3, 8, 8))).split())
    assert "Nothing could be compared, so nothing is proved: there is no rule for aten._linalg_svd" in said
    assert "0 layers" not in said


def test_an_input_that_does_not_fit_into_memory_is_named_with_its_size() -> None:
    """More than any machine can address."""
    shape = (1, 10**14, 8, 8)
    for run in (verify, rfkit.erf):
        with pytest.raises(rfkit.InputError, match=r"input 1x100000000000000x8x8: it takes 23,841,857.9 GiB"):
            run(nn.MaxPool2d(3), shape)


def test_images_that_a_network_mixes_do_not_share_a_forward() -> None:
    mixing = Between(lambda x, y: x - x.mean(0, keepdim=True) + y)
    assert {layer.verdict for layer in verify(mixing, (1, 3, 12, 14))} == {Verdict.EQUAL}


def test_positions_folded_into_the_batch_are_compared() -> None:
    found = verify(zoo.SpaceInBatch(), zoo.IMAGE)
    assert {layer.verdict for layer in found} == {Verdict.EQUAL}


def test_attention_in_windows_of_a_padded_map_is_exact_as_a_whole() -> None:
    """Beside the padding, pairs of positions see less than footprints can say, which keep the axes apart."""
    swin = pytest.importorskip("torchvision.models.swin_transformer")
    block = swin.SwinTransformerBlock(8, 2, [3, 3], [1, 1])
    permuted = nn.Sequential(nn.Conv2d(3, 8, 1), swin.Permute([0, 2, 3, 1]), block)
    found = verify(permuted, (1, 3, 7, 5))
    assert {layer.verdict for layer in found} == {Verdict.EQUAL, Verdict.UPPER_BOUND}
    assert found.layers[-1].verdict is Verdict.EQUAL


@pytest.mark.parametrize("name", [name for name in zoo.ZOO if name != "reads numbers"])
def test_the_model_comes_back_as_it_was(name: str) -> None:
    net = zoo.ZOO[name]()
    before = snapshot(net)
    found = verify(net, zoo.IMAGE, quick=True)
    assert snapshot(net) == before
    assert not found.having(Verdict.WRONG)


def test_several_inputs_and_keywords_are_verified_like_any_other() -> None:
    two = verify(zoo.TwoInputs(), example_inputs=(torch.zeros(1, 3, 12, 10), torch.zeros(1, 3, 6, 5)))
    keyword = verify(zoo.KeywordInput(), example_inputs={"image": torch.zeros(1, 3, 9, 8), "flip": True})
    assert {layer.verdict for layer in (*two, *keyword)} == {Verdict.EQUAL}
    assert two.layers[-1].units > two.layers[0].units > 0


def test_quick_compares_fewer_units_and_says_so() -> None:
    whole, quick = (verify(nn.Conv2d(3, 4, 3), (1, 3, 40, 40), quick=quick) for quick in (False, True))
    assert quick.sampled
    assert 0 < quick.units < whole.units == 38 + 38
    assert quick.images < whole.images


def test_only_the_layers_asked_for_are_compared() -> None:
    found = verify(TwoBranchNet(), (1, 3, 32, 32), layers="conv1.*")
    assert [layer.label for layer in found] == ["conv1.0", "conv1.1", "conv1.2", "conv1.3"]
    with pytest.raises(rfkit.UsageError, match="no layer matches 'nowhere'"):
        verify(TwoBranchNet(), (1, 3, 32, 32), layers="nowhere")


def test_numbers_that_are_not_there_are_an_input_error() -> None:
    with torch.device("meta"):
        empty = nn.Conv2d(3, 4, 3)
    with pytest.raises(rfkit.InputError, match="on meta"):
        verify(empty, (1, 3, 8, 8))
    broken = nn.Conv2d(3, 4, 3)
    nn.init.constant_(broken.weight, float("nan"))
    with pytest.raises(rfkit.InputError, match="NaN for clean numbers"):
        verify(broken, (1, 3, 8, 8))
    with pytest.raises(rfkit.InputError, match="floating-point"):
        verify(nn.Embedding(5, 3), example_inputs=torch.zeros(1, 4, dtype=torch.long))


def as_json(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = cli.main(["verify", *arguments, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_where_nothing_could_be_compared_nothing_is_proved_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every layer lies behind an operator without a rule; stderr names it and the remedy, stdout is the usual report."""
    code = "import torch\nfrom torch import nn\n\nclass Net(nn.Conv2d):\n    def __init__(self):\n"
    code += "        super().__init__(3, 4, 3)\n\n    def forward(self, x):\n"
    code += "        return super().forward(torch.linalg.matrix_exp(x))\n"
    (tmp_path / "net.py").write_text(code)
    for form in ([], ["--format", "json"]):
        assert cli.main(["verify", f"{tmp_path}/net.py:Net", "--input", "3x8x8", *form]) == 2
        printed = capsys.readouterr()
        assert "rfkit: nothing is proved of" in printed.err
        assert "there is no rule for aten.linalg_matrix_exp" in printed.err
        assert "teach rfkit the operator with @rfkit.rule" in printed.err
        assert "Traceback" not in printed.err
    assert {layer["verdict"] for layer in json.loads(printed.out)["layers"]} == {Verdict.NOT_COMPARED}


def test_one_layer_that_is_compared_is_a_proof(capsys: pytest.CaptureFixture[str]) -> None:
    found = verify(Beside(), (1, 3, 9, 8))
    assert [layer.label for layer in found.compared] == ["before", "beside"]
    assert found.exit_status == 0
    assert verify(Beside(), (1, 3, 9, 8), layers="behind").exit_status == 2


def test_the_command_says_what_the_function_finds(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = as_json("trainer/models/documents.py:TwoBranchNet", "--layers", "conv1*", capsys=capsys)
    found = verify(TwoBranchNet(), (1, 3, 32, 32), layers="conv1*")
    assert code == 0
    assert data["schema"] == "rfkit.verification/2"
    assert [(layer["label"], layer["verdict"], layer["units"]) for layer in data["layers"]] == [
        (layer.label, layer.verdict, layer.units) for layer in found
    ]


WRONG = """
import torch
import rfkit
from torch import nn

@torch.library.custom_op("verified::smooth", mutates_args=())
def smooth(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(x, 3, 1, 1)

@smooth.register_fake
def _(x):
    return torch.empty_like(x)

@rfkit.rule(torch.ops.verified.smooth.default)
def smooth_rule(call, see):
    return see(call.args[0])

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(smooth(self.conv.weight.sum() * x))
"""


def test_a_users_own_rule_that_is_wrong_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rule says that smoothing is pointwise; it reads three by three."""
    (tmp_path / "net.py").write_text(WRONG)
    assert cli.main(["verify", f"{tmp_path}/net.py:Net", "--input", "3x9x8"]) == 1
    printed = capsys.readouterr().out
    assert " wrong " in printed
    assert "height, unit 0: traced 0..1, measured 0..2: sees something outside" in " ".join(printed.split())
    assert f"torch {torch.__version__}" in printed
    assert "layer conv (Conv2d; conv2d)" in printed


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_line_is_wider_than_asked_for(columns: int) -> None:
    for function in (STOPPING["comparison"][0], STOPPING["nan_to_num"][0]):
        lines = verification.render(between(function, target="a/folder/model.py:Net"), columns, all_layers=True)
        assert max(map(len, lines.splitlines())) <= columns
