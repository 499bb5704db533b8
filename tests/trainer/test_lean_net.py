"""LeanNet: within every limit of the assignment, what its table says of its fields, and that all of it is trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import rfkit
from rfkit.gate.findings import Status
from rfkit.gate.judge import judge
from rfkit.gate.spec import read_spec
from rfkit.gate.spec.templates import template
from rfkit.report import Report
from rfkit.verifying import Verdict
from tests.rfkit.gate.asking import TODAY
from tests.shared import shared_path
from trainer.evaluation.evaluate import evaluate
from trainer.models.lean_net import LeanNet
from trainer.record import read_record

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def report() -> Report:
    return rfkit.trace(LeanNet(), (1, 3, 32, 32), holes=True)


def test_it_meets_the_assignment_before_pooling_already(report: Report, tmp_path: Path) -> None:
    demands = template("assignment").replace("[defaults]", '[defaults]\nreceptive_field_features = "> 44"')
    path = tmp_path / "rfkit.toml"
    path.write_text(demands, encoding="utf-8")
    found = judge(read_spec(path).select()[0], report, today=TODAY)
    assert found
    assert {finding.status for finding in found} == {Status.HELD}


def test_it_has_the_size_and_the_cost_that_it_states(report: Report) -> None:
    stated = LeanNet.__doc__ or ""
    assert f"{report.totals.params:,} parameters" in stated
    assert f"{report.totals.macs / 1e6:.1f} million multiply-adds" in stated


def test_its_convolutions_have_the_fields_and_jumps_of_its_table(report: Report) -> None:
    wide = [layer for layer in report if layer.type == "Conv2d" and layer.kernel_size == (3, 3)]
    assert [layer.receptive_field[0] for layer in wide] == [3, 5, 7, 12, 16, 24, 34, 42, 50, 58, 66]
    assert [layer.jump[0] for layer in wide] == [1, 1, 1, 2, 2, 2, 4, 4, 4, 4, 4]


def test_its_dilation_leaves_no_holes(report: Report) -> None:
    assert [layer.label for layer in report if layer.max_hole and any(layer.max_hole)] == []


def test_real_forwards_agree_with_its_report() -> None:
    torch.manual_seed(0)
    verified = rfkit.verify(LeanNet(), (1, 3, 32, 32), quick=True)
    assert {layer.verdict for layer in verified} == {Verdict.EQUAL}


def test_every_parameter_is_trained() -> None:
    torch.manual_seed(0)
    network = LeanNet(num_classes=7)
    F.cross_entropy(network(torch.randn(4, 3, 32, 32)), torch.tensor([0, 2, 4, 6])).backward()
    still = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


def test_the_published_weights_are_as_accurate_as_stated(tmp_path: Path) -> None:
    images = shared_path("cifar10")
    run = shutil.copytree(DOCS / "weights" / "lean-net", tmp_path / "lean-net")
    stated = json.loads((run / "result.json").read_text(encoding="utf-8"))["test"]["best"]["accuracy"]
    assert f"{stated:.2f}%" in (DOCS / "lean-net.md").read_text(encoding="utf-8")
    assert (run / "checkpoints" / "best.safetensors").stat().st_size < 10**6
    assert evaluate(read_record(run), print, source=f"folder:{images}").accuracy == pytest.approx(stated, abs=0.05)
