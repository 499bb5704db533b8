"""What is worked out for an edit is what a forward of the edited network gives, layer by layer."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import DenseNet, mobilenet_v2, resnet18

import rfkit
from rfkit.errors import InputError
from rfkit.gate.judge import judge, rule_text
from rfkit.gate.spec import Spec
from rfkit.suggesting import apply_edits
from rfkit.suggesting import moves as all_moves
from rfkit.suggesting.edits import Edit, Kind
from rfkit.suggesting.moves import Ground
from rfkit.suggesting.network import Network, look_at
from rfkit.suggesting.predict import Predictor
from rfkit.suggesting.replay import Fragments, replay
from rfkit.suggesting.search import agree
from rfkit.suggesting.shapes import Misfit, reshaped
from rfkit.suggesting.sifting import sifted
from rfkit.suggesting.spreading import Spreading
from tests.rfkit.gate.asking import Forward, chain, conv
from trainer.models.documents import FourBlockNet, TwoBranchNet

ROOT = Path(__file__).resolve().parents[2]
MOVES = (
    all_moves.dilate, all_moves.undilate, all_moves.enlarge, all_moves.reduce, all_moves.stride, all_moves.unstride,
    all_moves.align, all_moves.separate, all_moves.add, all_moves.add_scores, all_moves.leave_out, all_moves.narrow,
    all_moves.widen, all_moves.average_all, all_moves.replace_maxima,
)  # fmt: skip


def looked_at(net: nn.Module, side: int = 32) -> Network:
    return look_at(net, rfkit.trace(net, (1, 3, side, side)))


def edits_of(network: Network) -> list[Edit]:
    ground = Ground.of(network)
    return [edit for move in MOVES for edit in move(ground)]


def edit_of(network: Network, text: str) -> Edit:
    return next(edit for edit in edits_of(network) if edit.text.startswith(text))


@pytest.mark.parametrize(
    ("net", "side", "number"),
    [
        (TwoBranchNet(), 32, 80),
        (FourBlockNet(), 32, 80),
        (resnet18(), 64, 40),
        (mobilenet_v2(), 64, 20),
        (DenseNet(8, (3, 2, 2), 16), 64, 60),
    ],
)
def test_random_edits_are_predicted_exactly(net: nn.Module, side: int, number: int) -> None:
    """Also which ones the forward refuses: those that do not fit are misfits."""
    network = looked_at(net.to("meta"), side)
    predictor = Predictor(network)
    edits = edits_of(network)
    assert {edit.kind for edit in edits} >= {Kind.KERNEL, Kind.LAYER, Kind.STRIDE, Kind.WIDTH}
    for edit in random.Random(side).sample(edits, number):
        try:
            predicted = predictor.report(edit.changes)
        except Misfit:
            with pytest.raises(InputError):
                rfkit.trace(apply_edits(net, [edit]), (1, 3, side, side))
        else:
            real = rfkit.trace(apply_edits(net, [edit]), (1, 3, side, side))
            assert agree(predicted, real), edit.text


@pytest.mark.parametrize("net", [TwoBranchNet(), FourBlockNet(), DenseNet(8, (2, 2), 8)])
def test_random_pairs_are_predicted_exactly(net: nn.Module) -> None:
    """In turn by one predictor, which remembers what it has worked out."""
    network = looked_at(net.to("meta"))
    predictor = Predictor(network)
    edits, chance, fit = edits_of(network), random.Random(7), 0
    for _ in range(60):
        pair = chance.sample(edits, 2)
        changes = tuple(change for edit in pair for change in edit.changes)
        if pair[0].layers.isdisjoint(pair[1].layers):
            with suppress(Misfit):
                predicted = predictor.report(changes)
                real = rfkit.trace(apply_edits(net, pair), (1, 3, 32, 32))
                assert agree(predicted, real), [edit.text for edit in pair]
                fit += 1
    assert fit > 30


def test_what_sees_the_same_as_before_is_carried_no_further() -> None:
    """A narrower layer, and one that is separated, leave everything behind them the fields that it had."""
    network = looked_at(FourBlockNet())
    fragments, spreading = Fragments(network), Spreading(network)
    last = {v.index for call in network.trace.calls[-8:] for v in call.outputs if v is not None}
    behind = last & network.fields.known.keys()
    for text in ("block2.0: depthwise", "block2.0: "):
        edit = next(e for e in edits_of(network) if e.text.startswith(text) and e.kind in (Kind.SEPARABLE, Kind.WIDTH))
        spread = spreading.of(replay(network, edit.changes, fragments))
        assert spread.other
        assert spread.other.isdisjoint(behind)
        assert all(spread.fields.known[index] is network.fields.known[index] for index in behind)


def test_the_sift_says_what_the_gate_says() -> None:
    """Of each figure of the network: whether it lies in its limits, the value, and by how much it misses them."""
    asked = {
        "--rf": "40..50",
        "--params": "< 120k",
        "--macs": "< 16M",
        "--coverage": "< 0.9",
        "--activation-memory": "< 1 MiB",
    }
    (spec,) = Spec().with_flags(asked).select(("net.py:Net",))
    network, today = looked_at(TwoBranchNet()), date(2026, 6, 1)
    predictor, requirements = Predictor(network), {rule_text(r): r for r in spec.requirements}
    before = judge(spec, network.report, today=today)
    met = set()
    for edit in random.Random(3).sample(edits_of(network), 100):
        with suppress(Misfit):
            outline = replace(network.report, totals=predictor.outline(edit.changes))
            gate = {f.rule: f for f in judge(spec, predictor.report(edit.changes), today=today)}
            for found in sifted(before, requirements, outline):
                judged = gate[found.rule]
                assert (found.status, found.value, found.gap) == (judged.status, judged.value, judged.gap), edit.text
                met.add((requirements[found.rule].check, found.status))
    assert len(met) >= 8


STRIDES = """
import sys
import rfkit
from rfkit.suggesting import moves
from rfkit.suggesting.network import look_at
from rfkit.suggesting.predict import Predictor
from rfkit.suggesting.shapes import Misfit
from trainer.models.documents import TwoBranchNet

net = TwoBranchNet().to("meta")
network = look_at(net, rfkit.trace(net, (1, 3, 32, 32)))
ground, predictor = moves.Ground.of(network), Predictor(network)
for edit in (*moves.stride(ground), *moves.unstride(ground)):
    try:
        predictor.report(edit.changes)
    except Misfit as reason:
        print(str(reason).split()[0])
print("compiler" if "torch._dynamo" in sys.modules else "none")
"""


def test_what_does_not_fit_is_known_without_the_compiler() -> None:
    """Branches of two sizes, beside each other or added; a pooling wider than its map; too many features for a layer."""
    done = subprocess.run([sys.executable, "-c", STRIDES], cwd=ROOT, capture_output=True, text=True, check=True)
    refused, imported = set(done.stdout.split()[:-1]), done.stdout.split()[-1]
    assert refused == {"aten.cat.default", "aten.add.Tensor", "aten.avg_pool2d.default", "aten.addmm.default"}
    assert imported == "none"


@pytest.mark.parametrize("net", [TwoBranchNet(), FourBlockNet()])
def test_without_an_edit_the_prediction_is_the_report(net: nn.Module) -> None:
    network = looked_at(net)
    predicted = Predictor(network).report(())
    assert agree(predicted, network.report)
    assert predicted.totals == network.report.totals


def test_agreement_is_about_every_layer() -> None:
    report = rfkit.trace(FourBlockNet(), (1, 3, 32, 32))
    wider = replace(report.layers[3], receptive_field=(9, 9))
    assert not agree(replace(report, layers=(*report.layers[:3], wider, *report.layers[4:])), report)
    assert not agree(replace(report, layers=report.layers[:-1]), report)
    assert not agree(replace(report, totals=replace(report.totals, params=1)), report)


def test_two_edits_of_one_convolution_are_made_one_after_the_other() -> None:
    """Dilated first, then separated: the depthwise half has the dilation."""
    net = FourBlockNet(dilated=False)
    network = looked_at(net)
    pair = [edit_of(network, "block2.3: dilation 1 -> 2"), edit_of(network, "block2.3: depthwise")]
    predicted = Predictor(network).report((*pair[1].changes, *pair[0].changes))
    real = rfkit.trace(apply_edits(net, pair), (1, 3, 32, 32))
    assert agree(predicted, real)
    assert (real["block2.3.0"].dilation, real["block2.3.0"].groups, real["block2.3.1"].kernel_size) == (
        (2, 2),
        38,
        (1, 1),
    )


def test_the_outline_has_the_figures_of_the_report() -> None:
    network = looked_at(TwoBranchNet())
    predictor = Predictor(network)
    for edit in (edit_of(network, "conv4.0: depthwise"), edit_of(network, "conv5.0: kernel 3 -> 5")):
        outline, totals = predictor.outline(edit.changes), predictor.report(edit.changes).totals
        for name in ("params", "macs", "activation_bytes", "receptive_field", "coverage", "output_shapes"):
            assert getattr(outline, name) == getattr(totals, name)
        blind = predictor.outline(edit.changes, sight=False)
        for name in ("params", "macs", "activation_bytes", "output_shapes"):
            assert getattr(blind, name) == getattr(totals, name)


def test_edits_leave_the_network_as_it_was_and_share_its_weights() -> None:
    net = TwoBranchNet()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    network = looked_at(net)
    twin = apply_edits(net, [edit_of(network, "conv5.0: dilation 1 -> 2"), edit_of(network, "conv4.0: depthwise")])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert rfkit.trace(net, (1, 3, 32, 32)) == network.report
    assert twin.conv5[0].weight is net.conv5[0].weight
    assert twin.conv5[0].dilation == (2, 2)
    assert net.conv5[0].dilation == (1, 1)
    assert twin(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_a_module_that_is_called_twice_is_changed_in_both_calls() -> None:
    def forward(self: Forward, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.twice(self.twice(x)).mean((2, 3))

    net = Forward(forward, stem=conv(3, 8), twice=conv(8, 8))
    network = looked_at(net)
    edit = edit_of(network, "twice: dilation 1 -> 2")
    predicted = Predictor(network).report(edit.changes)
    assert agree(predicted, rfkit.trace(apply_edits(net, [edit]), (1, 3, 32, 32)))
    assert predicted["twice#2"].receptive_field == (3 + 4 + 4,) * 2


def test_what_shares_its_weights_or_has_hooks_is_left_alone() -> None:
    one, other = conv(8, 8), conv(8, 8)
    other.weight = one.weight
    hooked = conv(8, 8)
    hooked.register_forward_pre_hook(lambda _, x: x)
    network = looked_at(chain(conv(3, 8), one, other, hooked))
    assert {layer for edit in edits_of(network) for layer in edit.layers} == {"0"}


def test_a_layer_behind_one_that_returns_its_input_does_not_disturb_what_read_that_before() -> None:
    """In eval mode a dropout hands on its input; the addition still reads the convolution's output."""

    def forward(self: Forward, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x + self.body(x)

    net = Forward(forward, conv=conv(3, 8), body=chain(conv(8, 8), nn.Dropout(0.5)))
    network = looked_at(net)
    edit = edit_of(network, "body.1: a 3x3 convolution")
    assert agree(Predictor(network).report(edit.changes), rfkit.trace(apply_edits(net, [edit]), (1, 3, 32, 32)))


@pytest.mark.parametrize(
    ("before", "sizes", "after", "expected"),
    [
        ((1, 32, 1, 1), (1, 32), (1, 24, 1, 1), [1, 24]),
        ((1, 32, 5, 5), (1, 800), (1, 32, 3, 3), [1, 288]),
        ((2, 8, 4, 4), (2, 8, 16), (2, 8, 2, 2), [2, 8, 4]),
        ((1, 8, 4, 4), (1, 2, 4, 4, 4), (1, 8, 4, 4), [1, 2, 4, 4, 4]),
    ],
)
def test_sizes_of_a_view_follow_its_input(
    before: tuple[int, ...], sizes: tuple[int, ...], after: tuple[int, ...], expected: list[int]
) -> None:
    assert reshaped(before, sizes, after) == expected


def test_a_view_that_splits_what_changed_has_no_answer() -> None:
    with pytest.raises(Misfit):
        reshaped((1, 8, 4, 4), (1, 2, 4, 4, 4), (1, 12, 4, 4))
