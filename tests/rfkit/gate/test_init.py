"""A spec written from a network passes on that network; the ready specs pass on the networks they are for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import rfkit
from rfkit.errors import UsageError
from rfkit.gate.findings import Finding
from rfkit.gate.judge import judge
from rfkit.gate.spec import read_spec
from rfkit.gate.spec.discovery import NAMES
from rfkit.gate.spec.init import parse_headroom, spec_from_report
from rfkit.gate.spec.templates import TEMPLATES, template
from rfkit.report import Report
from tests import zoo
from tests.graphs import Graph, graphs
from tests.rfkit.gate.specs import asked, net, read
from trainer.models.documents import FourBlockNet, TwoBranchNet

CIFAR = (1, 3, 32, 32)


class OneDimensional(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv1d(2, 4, 5, stride=2), nn.Flatten(), nn.Linear(4 * 14, 3))


class Upsampled(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 2, (4, 2), stride=(4, 1)))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "two branches": (TwoBranchNet, CIFAR),
    "four blocks": (FourBlockNet, CIFAR),
    "length": (OneDimensional, (1, 2, 31)),
    "half a jump": (Upsampled, CIFAR),
    "no map": (lambda: nn.Sequential(nn.Linear(5, 3)), (1, 5)),
    **{name: (make, zoo.IMAGE) for name, make in zoo.ZOO.items()},
}


def problems(folder: Path, text: str, report: Report) -> list[Finding]:
    path = folder / NAMES[0]
    path.write_text(text, encoding="utf-8")
    (model,) = read_spec(path).select()
    return [finding for finding in judge(model, report, today=date(2026, 1, 1)) if finding.counts]


@pytest.mark.parametrize("headroom", [Fraction(0), Fraction(1, 20), Fraction(3, 2)])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_spec_from_a_network_passes_on_it(tmp_path: Path, name: str, headroom: Fraction) -> None:
    make, shape = NETWORKS[name]
    report = rfkit.trace(make(), shape)
    assert problems(tmp_path, spec_from_report(report, "model.py:Net", headroom=headroom), report) == []


@settings(max_examples=20, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs(), st.sampled_from([Fraction(0), Fraction(1, 10)]))
def test_a_spec_from_any_network_passes_on_it(
    tmp_path_factory: pytest.TempPathFactory, graph: Graph, headroom: Fraction
) -> None:
    report = rfkit.trace(graph, graph.shape)
    text = spec_from_report(report, "model.py:Net", headroom=headroom)
    assert problems(tmp_path_factory.mktemp("spec"), text, report) == []


@pytest.fixture(scope="module")
def two_branches() -> Report:
    return rfkit.trace(TwoBranchNet(), CIFAR)


def test_a_spec_without_headroom_asks_for_exactly_what_is_there(two_branches: Report) -> None:
    data = tomllib.loads(spec_from_report(two_branches, "model.py:Net"))["models"]["net"]
    assert data == {
        "target": "model.py:Net",
        "input": "3x32x32",
        "receptive_field": ">= 55",
        "receptive_field_features": ">= 39",
        "jump": "<= 4",
        "params": "<= 145_114",
        "macs": "<= 18_828_096",
        "activation_memory": "<= 809 KiB",
        "output_shape": [1, 10],
        "conv_blocks": ">= 6",
        "no_unused_modules": True,
        "no_unproductive_layers": True,
        "aligned": True,
        "require": data["require"],
        "forbid": ["max_pooling"],
    }
    assert {
        "depthwise_separable",
        "dilated",
        "global_average_pooling",
        "linear_after_pooling",
        "skip_connection",
    } <= set(data["require"])
    assert {"depthwise", "pointwise", "grouped", "max_pooling"}.isdisjoint(data["require"])


def test_headroom_is_taken_of_every_number(two_branches: Report) -> None:
    data = tomllib.loads(spec_from_report(two_branches, "model.py:Net", headroom=parse_headroom("10%")))["models"][
        "net"
    ]
    assert data["receptive_field"] == ">= 49"
    assert data["params"] == "<= 159_626"
    assert data["jump"] == "<= 4"


def test_what_does_not_hold_is_a_comment_with_the_reason() -> None:
    text = spec_from_report(rfkit.trace(FourBlockNet(), CIFAR), "model.py:Net")
    assert re.search(
        r"^# no_unproductive_layers = true: block3\.4 is unproductive: its input already sees", text, re.MULTILINE
    )


def test_a_worse_network_fails_the_spec_of_a_better_one(tmp_path: Path, two_branches: Report) -> None:
    text = spec_from_report(two_branches, "model.py:Net", headroom=Fraction(1, 20))
    found = problems(tmp_path, text, rfkit.trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2)), CIFAR))
    assert {"RF101", "RF103", "RF107", "RF201", "RF202", "RF203"} <= {finding.code for finding in found}


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["dropout=0.1", "deep=True", "name=relu"], 'arguments = { dropout = 0.1, deep = true, name = "relu" }'),
        (["10", "'a b'", "[1, 2]"], 'arguments = [10, "a b", [1, 2]]'),
        (["10", "deep=True"], "# No TOML can say: --arg 10 --arg deep=True"),
        (["norm=None"], "# No TOML can say: --arg norm=None"),
    ],
)
def test_arguments_are_kept(two_branches: Report, arguments: list[str], written: str) -> None:
    assert written in spec_from_report(two_branches, "model.py:Net", arguments=arguments).splitlines()


def test_any_name_and_any_target_can_be_written(
    tmp_path: Path, two_branches: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, target = 'my "net" é.1', 'mo"del\\é.py:Net'
    spec = read(tmp_path, spec_from_report(two_branches, target, name))
    assert [(model.name, model.target) for model in spec.select()] == [(name, target)]


@pytest.mark.parametrize(
    ("text", "share"), [("5%", Fraction(1, 20)), ("0.05", Fraction(1, 20)), ("150%", Fraction(3, 2))]
)
def test_headroom_as_people_write_it(text: str, share: Fraction) -> None:
    assert parse_headroom(text) == share


def test_headroom_that_is_no_share() -> None:
    with pytest.raises(
        UsageError, match=r'^--headroom "some" is no share: \'some\' is no number; expected e\.g\. --headroom 5%$'
    ):
        parse_headroom("some")


def test_the_assignment_asks_for_what_its_documents_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = net(read(tmp_path, template("assignment")))
    assert model.target == "model.py:Net"
    assert model.input_shape == (3, 32, 32)
    assert sorted(asked(model)) == [
        "conv_blocks >= 4",
        "forbid max_pooling",
        "output_shape (1, 10)",
        "params < 200k",
        "receptive_field > 44",
        "require depthwise_separable >= 1",
        "require dilated >= 1",
        "require global_average_pooling >= 1",
        "require linear_after_pooling >= 1",
    ]


@pytest.mark.parametrize("make", [TwoBranchNet, FourBlockNet])
def test_the_documents_networks_pass_the_assignment(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    assert problems(tmp_path, template("assignment", "net.py:Net"), rfkit.trace(make(), CIFAR)) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_takes_another_target(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [model.target for model in read(tmp_path, template(name, 'nets/"a".py:Net')).select()] == ['nets/"a".py:Net']


def test_a_template_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"^no template 'asignment'; did you mean assignment\?$"):
        template("asignment")
