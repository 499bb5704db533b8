"""From requirements to findings: severities, notes, places, the order, exceptions and the choice of rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from torch import nn

from rfkit.gate.findings import Finding, Severity, Status
from rfkit.gate.judge import judge
from rfkit.gate.spec.keywords import model_of
from rfkit.report import Report
from tests.rfkit.gate.asking import TODAY, chain, conv, report_of
from trainer.models.documents import TwoBranchNet

DEEP = "no_unproductive_layers"


@pytest.fixture(scope="module")
def first() -> Report:
    return report_of(TwoBranchNet())


@pytest.fixture(scope="module")
def deep() -> Report:
    """3, 7, 15, 31, 63, then two convolutions whose input sees more than 32 pixels: 5.0 and 6.0."""
    return report_of(
        chain(conv(3, 8, stride=2), *(conv(8, 8, stride=2) for _ in range(4)), chain(conv(8, 8)), chain(conv(8, 8)))
    )


def judged(report: Report, *exceptions: dict[str, object], today: date = TODAY, select: str = "", ignore: str = "",
           **asked: object) -> tuple[Finding, ...]:  # fmt: skip
    spec = model_of("net", {**asked, "exceptions": list(exceptions) or None})
    return judge(spec, report, select=select.split(), ignore=ignore.split(), today=today)


def excuse(rule: str, layer: str | None = None, until: str | None = None, reason: str = "known") -> dict[str, object]:
    given = {"rule": rule, "layer": layer, "reason": reason, "until": until}
    return {key: value for key, value in given.items() if value is not None}


def test_findings_are_in_the_order_of_their_codes_then_of_the_spec(first: Report) -> None:
    found = judged(first, forbid=["max_pool", "MaxPool2d"], params="< 200k", receptive_field="> 44")
    assert [f.rule for f in found] == [
        "receptive_field > 44", "params < 200k", "forbid max_pool", "forbid MaxPool2d"
    ]  # fmt: skip


def test_severity_note_and_key_come_from_the_spec(first: Report) -> None:
    spec = model_of("net", {"params": "< 100k"})
    (asked,) = spec.requirements
    noted = replace(asked, severity=Severity.WARNING, note="the course's limit", key="models.net.params")
    (found,) = judge(replace(spec, requirements=(noted,)), first, today=TODAY)
    assert (found.severity, found.note, found.key) == (Severity.WARNING, "the course's limit", "models.net.params")
    assert found.counts
    assert not found.fails


def test_the_place_is_the_layers_or_else_the_networks(first: Report) -> None:
    layers = tuple(replace(x, place="net.py:31" if x.label == "conv5.0" else None) for x in first)
    placed = replace(first, layers=layers, place="net.py:7")
    (small,) = judged(placed, receptive_field="> 99")
    (many,) = judged(placed, params="< 1k")
    assert (small.layer, small.place) == ("conv5.0", "net.py:31")
    assert (many.layer, many.place) == ("conv2.8", "net.py:7")


class TestExceptions:
    def test_one_that_covers_everything(self, deep: Report) -> None:
        (found,) = judged(deep, excuse("RF301", reason="pretrained"), no_unproductive_layers=True)
        assert found.status is Status.BROKEN
        assert found.excepted == "pretrained"
        assert not found.fails

    def test_those_that_cover_every_layer_together(self, deep: Report) -> None:
        both = excuse("RF301", "5.*", reason="kept"), excuse("RF301", "6.*", reason="also kept")
        (found,) = judged(deep, *both, no_unproductive_layers=True)
        assert found.excepted == "kept; also kept"

    def test_one_that_covers_some_leaves_the_others(self, deep: Report) -> None:
        (found,) = judged(deep, excuse("RF301", "5.*"), no_unproductive_layers=True)
        assert found.excepted is None
        assert found.fails
        assert (found.layer, found.value) == ("6.0", 1)
        assert found.message == "6.0 is unproductive: its input already sees 127 pixels of the 32x32 image"

    def test_one_on_a_layer_of_a_limit_on_layers(self, first: Report) -> None:
        limit = {"conv*.0": {"stride": "< 2"}}
        (found,) = judged(first, excuse("RF206", "conv1.*"), layers=limit)
        assert found.message == "stride 2 of conv4.0 is not < 2 (1 too large)"
        (found,) = judged(first, excuse("RF206", "conv[14].*"), layers=limit)
        assert found.excepted == "known"

    def test_one_on_the_network_as_a_whole_needs_no_layer(self, first: Report) -> None:
        (found,) = judged(first, excuse("RF110"), params="< 1k")
        assert found.excepted == "known"
        assert not found.counts

    def test_one_on_a_forbidden_part(self, first: Report) -> None:
        (found,) = judged(first, excuse("RF202", "conv1.0"), forbid=["strided_convolution"])
        assert found.message == "strided_convolution is used: conv4.0 (Conv2d)"

    def test_one_on_a_module_that_is_never_called(self) -> None:
        network = TwoBranchNet()
        network.spare = nn.Conv2d(3, 8, 3)
        (found,) = judged(report_of(network), excuse("RF204", "spare"), no_unused_modules=True)
        assert found.excepted == "known"

    def test_one_on_an_operator_without_a_rule(self, first: Report) -> None:
        layers = tuple(replace(x, unknown="mylib.mystery") if x.label == "conv5.0" else x for x in first)
        odd = replace(first, layers=layers)
        found = {f.code: f for f in judged(odd, excuse("RF401", "conv5.0"), params="< 200k")}
        assert found["RF401"].excepted == "known"
        assert "RF502" not in found

    @pytest.mark.parametrize(
        "exception", [excuse("RF301"), excuse("RF110", "conv9.*"), excuse("RF202"), excuse("RF110", until="2030-01-01")]
    )
    def test_one_that_matches_nothing_is_an_error(self, first: Report, exception: dict[str, object]) -> None:
        found = judged(first, exception, params="< 200k")[-1]
        assert (found.code, found.status, found.severity) == ("RF502", Status.BROKEN, Severity.ERROR)
        assert found.message.endswith("matches nothing (known)")
        assert found.help == ("delete it",)
        assert found.fails

    def test_one_past_its_day_is_an_error_and_excuses_nothing(self, first: Report) -> None:
        exception = excuse("RF110", until="2026-05-31")
        many, stale = judged(first, exception, params="< 1k")
        assert many.excepted is None
        assert stale.message == "the exception for RF110 ended on 2026-05-31 (known)"

    def test_one_holds_on_its_day(self, first: Report) -> None:
        exception = excuse("RF110", until="2026-06-01")
        assert [f.excepted for f in judged(first, exception, params="< 1k")] == ["known"]

    def test_one_of_a_rule_that_is_not_selected_is_not_stale(self, first: Report) -> None:
        asked = {"params": "< 200k", "forbid": ["max_pool"]}
        assert [f.code for f in judged(first, excuse("RF301"), select="RF1", **asked)] == ["RF110"]
        assert [f.code for f in judged(first, excuse("RF301"), ignore="RF3", **asked)] == ["RF110", "RF202"]
        assert [f.code for f in judged(first, excuse("RF301"), ignore="RF502", **asked)] == ["RF110", "RF202"]


@pytest.mark.parametrize(
    ("select", "ignore", "codes"),
    [
        ("", "", ["RF101", "RF110", "RF201", "RF202"]),
        ("RF1", "", ["RF101", "RF110"]),
        ("RF101 RF2", "RF202", ["RF101", "RF201"]),
        ("", "RF", []),
    ],
)
def test_rules_are_selected_and_ignored(first: Report, select: str, ignore: str, codes: list[str]) -> None:
    asked = {"receptive_field": "> 44", "params": "< 200k", "require": ["dilated"], "forbid": ["max_pool"]}
    assert [f.code for f in judged(first, select=select, ignore=ignore, **asked)] == codes


def test_judging_changes_nothing_and_repeats_itself(first: Report) -> None:
    before = first.to_dict()
    asked = {"receptive_field": "> 99", "params": "< 1k", "require": ["transposed"]}
    assert judged(first, **asked) == judged(first, **asked) == judged(Report.from_dict(before), **asked)
    assert first.to_dict() == before
