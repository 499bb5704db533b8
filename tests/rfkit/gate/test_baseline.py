"""The baseline: what is worse is found, what is better is kept, and the file is the same whenever the figures are."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from rfkit.errors import UsageError
from rfkit.gate.findings import Severity, Status
from rfkit.gate.history import baseline_file, baseline_table
from rfkit.gate.history.baseline import Baseline, Entry, compare, improvements, in_ci, tightened
from rfkit.gate.history.metrics import METRICS
from rfkit.render import text
from rfkit.report import Report
from tests.rfkit import reports

ALL = [reports.two_branch, reports.unet, reports.wavenet, reports.video, reports.gated, reports.odd]
TWO_PERCENT = Fraction(1, 50)
UNBOUNDED = reports.two_branch()
FIGURES = {
    "receptive_field": (55, 55),
    "receptive_field_features": (39, 39),
    "jump_features": (4, 4),
    "coverage": 0.5,
    "params": 100_000,
    "macs": 1_000_000,
    "activation_bytes": 50_000,
}


def measured(**totals: object) -> Report:
    """A report of these figures, otherwise those of ``FIGURES``."""
    return replace(UNBOUNDED, totals=replace(UNBOUNDED.totals, **{**FIGURES, **totals}))


def stored(**totals: object) -> Baseline:
    return Baseline({"net": Entry.of(measured(**totals))})


def broken(now: Report, before: Baseline, tolerance: Fraction = Fraction(0)) -> dict[str, str]:
    """By rule, the messages of what does not hold."""
    findings = compare(before, "net", now, tolerance)
    return {finding.rule: finding.message for finding in findings if finding.status is not Status.HELD}


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_a_network_that_did_not_change_is_no_worse(make: Callable[[], Report]) -> None:
    findings = compare(Baseline({"net": Entry.of(make())}), "net", make())
    assert [finding.status for finding in findings] == [Status.HELD] * len(METRICS)
    assert {finding.code for finding in findings} == {"RF501"}


@pytest.mark.parametrize(
    ("key", "worse", "better"),
    [
        ("receptive_field", (54, 55), (56, 55)),
        ("receptive_field_features", (39, 38), (40, 40)),
        ("jump_features", (4, 8), (2, 4)),
        ("coverage", 0.4, 0.6),
        ("params", 100_001, 99_999),
        ("macs", 1_000_001, 999_999),
        ("activation_bytes", 50_001, 49_999),
    ],
)
def test_each_figure_is_worse_in_its_own_direction(key: str, worse: object, better: object) -> None:
    assert len(broken(measured(**{key: worse}), stored())) == 1
    assert broken(measured(**{key: better}), stored()) == {}
    assert improvements(stored(), "net", measured(**{key: worse})) == ()
    assert len(improvements(stored(), "net", measured(**{key: better}))) == 1


def test_what_is_worse_is_told_with_value_limit_and_gap() -> None:
    (found,) = [f for f in compare(stored(), "net", measured(params=105_000), TWO_PERCENT) if f.counts]
    assert found.message == "params 105,000 against 100,000 in the baseline (+5,000, +5.0%; 2% is tolerated)"
    assert (found.code, found.severity, found.value, found.limit) == (
        "RF501",
        Severity.ERROR,
        105_000,
        "<= 100,000 + 2%",
    )
    assert found.gap == 105_000 - 102_000
    assert "rfkit baseline update net" in " ".join(found.help)


def test_a_field_that_is_smaller_on_one_axis_is_told_per_axis() -> None:
    (found,) = [f for f in compare(stored(), "net", measured(receptive_field=(55, 51))) if f.counts]
    assert found.message == "receptive field 55x51 against 55 in the baseline (0x-4, 0%x-7.3%)"
    assert (found.value, found.limit, found.gap) == ("55x51", ">= 55", 4)


@pytest.mark.parametrize(("params", "held"), [(102_000, True), (102_001, False)])
def test_the_tolerance_is_a_share_of_what_is_stored(params: int, held: bool) -> None:
    assert (broken(measured(params=params), stored(), TWO_PERCENT) == {}) is held


def test_a_field_may_be_smaller_by_the_tolerance_too() -> None:
    assert broken(measured(receptive_field=(54, 54)), stored(), TWO_PERCENT) == {}
    assert broken(measured(receptive_field=(53, 54)), stored(), TWO_PERCENT) != {}


def test_a_figure_that_is_no_longer_known_is_undecided() -> None:
    found = [f for f in compare(stored(), "net", measured(receptive_field=(None, 55))) if f.counts]
    assert [(f.status, f.message) for f in found] == [
        (Status.UNDECIDED, "receptive field has no value now, it is 55 in the baseline")
    ]


def test_a_figure_that_was_not_known_is_better_once_it_is() -> None:
    before = stored(receptive_field=(None, None))
    assert broken(measured(), before) == {}
    assert improvements(before, "net", measured()) == ("receptive field ? -> 55",)


def bounded(size: int) -> Report:
    """A report that has no more than an upper bound for the field of its output."""
    report = measured(receptive_field=(size, size))
    layers = [replace(layer, flags=("bound",)) if layer.label == "linear" else layer for layer in report]
    return replace(report, layers=tuple(layers))


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        (measured(), bounded(60), Status.UNDECIDED),
        (measured(), bounded(55), Status.UNDECIDED),
        (measured(), bounded(54), Status.BROKEN),
        (bounded(55), bounded(55), Status.HELD),
        (bounded(55), bounded(54), Status.UNDECIDED),
        (bounded(55), measured(), Status.HELD),
    ],
)
def test_an_upper_bound_decides_on_its_safe_side_only(before: Report, now: Report, status: Status) -> None:
    found = compare(Baseline({"net": Entry.of(before)}), "net", now)
    assert found[0].rule == "receptive field no worse than in the baseline"
    assert found[0].status is status


def test_a_network_that_is_not_stored_is_a_warning_that_says_how_to_store_it() -> None:
    (found,) = compare(stored(), "other net", measured())
    assert (found.code, found.severity, found.fails) == ("RF503", Severity.WARNING, False)
    assert found.help == ("store them: rfkit baseline update 'other net'",)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"input_shape": (1, 3, 64, 64)}, "at an input of 3x32x32, this is 3x64x64"),
        ({"input_shape": (2, 3, 32, 32)}, "at an input of 1x3x32x32, this is 2x3x32x32"),
        ({"strict": True}, "with local fields, these are strict fields"),
    ],
)
def test_figures_of_another_input_or_another_kind_are_not_compared(changed: dict[str, object], said: str) -> None:
    now = replace(measured(), **changed)
    with pytest.raises(UsageError, match=said) as caught:
        compare(stored(), "net", now)
    assert "rfkit baseline update net" in str(caught.value)
    assert improvements(stored(), "net", now) == ()
    assert tightened(stored(), "net", now) == stored()


def test_the_ratchet_keeps_the_better_of_each_figure() -> None:
    before = stored()
    now = measured(params=90_000, macs=1_010_000, receptive_field=(60, 55), receptive_field_features=(39, 39))
    after = tightened(before, "net", now, TWO_PERCENT).models["net"].figures
    assert (after["params"], after["macs"], after["receptive_field"]) == ((90_000,), (1_000_000,), (60, 55))
    assert broken(now, tightened(before, "net", now, TWO_PERCENT), TWO_PERCENT) == {}


def test_the_ratchet_does_not_move_where_something_is_worse_than_tolerated() -> None:
    before = stored()
    assert tightened(before, "net", measured(params=90_000, macs=1_100_000), TWO_PERCENT) is before
    assert tightened(before, "net", measured(params=90_000, receptive_field=(None, None)), TWO_PERCENT) is before
    assert tightened(before, "net", measured()) is before
    assert tightened(before, "other", measured(params=1)) is before


def test_a_figure_that_is_a_little_worse_each_time_cannot_creep_past_the_tolerance() -> None:
    kept, params = stored(), 100_000
    for _ in range(9):
        params += 500
        now = measured(params=params, macs=900_000)
        if broken(now, kept, TWO_PERCENT):
            break
        kept = tightened(kept, "net", now, TWO_PERCENT)
    assert params == 102_500
    assert kept.models["net"].figures["params"] == (100_000,)


def test_update_accepts_what_is_worse_and_leaves_the_others() -> None:
    before = Baseline({"net": Entry.of(measured()), "other": Entry.of(measured(params=7))})
    after = before.updated({"net": measured(params=200_000)})
    assert after.models["net"].figures["params"] == (200_000,)
    assert after.models["other"] == before.models["other"]
    assert broken(measured(params=200_000), after) == {}


@pytest.mark.parametrize(
    ("value", "found"), [("true", True), ("1", True), ("", False), ("false", False), ("0", False), ("False", False)]
)
def test_ci_is_what_sets_ci(value: str, found: bool) -> None:
    assert in_ci({"CI": value}) is found
    assert in_ci({}) is False


def test_the_file_is_read_as_it_was_written() -> None:
    models = {make.__name__: Entry.of(make()) for make in ALL}
    baseline = Baseline({**models, 'größer "net"': Entry.of(bounded(60))})
    assert baseline_file.parse(baseline_file.render(baseline), "file") == baseline


def test_the_file_looks_as_it_did(golden: Callable[[str, str], None]) -> None:
    models = {"zebra": Entry.of(reports.unet()), "ant": Entry.of(reports.video()), "odd": Entry.of(bounded(60))}
    golden("baseline.json", baseline_file.render(Baseline(models, "1.2.3")))


def test_the_file_does_not_depend_on_the_order_of_measuring() -> None:
    models = [(make.__name__, Entry.of(make())) for make in ALL]
    texts = set()
    for seed in range(5):
        random.Random(seed).shuffle(models)
        texts.add(baseline_file.render(Baseline(dict(models))))
    (only,) = texts
    assert only.endswith("}\n")
    assert not only.endswith("\n\n")
    assert list(json.loads(only)["models"]) == sorted(make.__name__ for make in ALL)


def test_a_figure_that_changes_changes_one_line_of_the_file() -> None:
    lines = [
        baseline_file.render(stored(**change)).splitlines()
        for change in ({}, {"params": 7}, {"receptive_field": (7, 9)})
    ]
    for other in lines[1:]:
        assert sum(a != b for a, b in zip(lines[0], other, strict=True)) == 1


def test_an_empty_baseline_is_a_file_too() -> None:
    assert baseline_file.parse(baseline_file.render(Baseline()), "file") == Baseline()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("<<<<<<< HEAD\n{}", "line 1: no JSON (a merge left its marks?)"),
        ('{"schema": "rfkit.baseline/1",\n"models": {,}}', "line 2: no JSON"),
        ("[]", "is no baseline"),
        ("{}", "is no baseline"),
        ('{"schema": "rfkit.baseline/2"}', "is of schema 'rfkit.baseline/2', this rfkit reads rfkit.baseline/1"),
        ('{"schema": "rfkit.baseline/1"}', "has no models"),
        ('{"schema": "rfkit.baseline/1", "models": {"a": {}, "a": {}}}', "'a' stands twice"),
        ('{"schema": "rfkit.baseline/1", "models": {"a": 3}}', "input_shape of a is missing or wrong"),
        ("[" * 100_000, "is no baseline"),
    ],
)
def test_a_file_that_is_no_baseline_says_which_command_writes_one(words: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        baseline_file.parse(words, "my.json")
    assert str(caught.value).startswith("my.json")
    assert said in str(caught.value)
    assert "rfkit baseline write" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("params", "many"), ("params", -1), ("params", True), ("params", [1]), ("receptive_field", 55),
        ("receptive_field", ["1/0"]), ("coverage", float("nan")), ("strict", "no"), ("input_shape", [1, "3"]),
        ("input_shape", []), ("target", None), ("bounds", [3]),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_named(key: str, value: object) -> None:
    data = json.loads(baseline_file.render(stored()))
    data["models"]["net"][key] = value
    with pytest.raises(UsageError, match=f"{key} of net is missing or wrong"):
        baseline_file.parse(json.dumps(data), "my.json")


def test_figures_of_a_later_rfkit_are_passed_over_and_missing_ones_are_filled_in() -> None:
    data = json.loads(baseline_file.render(stored()))
    data["models"]["net"]["beauty"] = 3
    del data["models"]["net"]["macs"]
    before = baseline_file.parse(json.dumps(data), "my.json")
    assert {finding.rule.split()[0] for finding in compare(before, "net", measured())} == {
        "receptive", "jump", "coverage", "params", "activation"
    }  # fmt: skip
    assert tightened(before, "net", measured()).models["net"].figures["macs"] == (1_000_000,)


def test_the_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rfkit-baseline.json"
    baseline_file.write(path, stored())
    before = path.read_bytes()

    def full(_self: Path, *_words: object, **_more: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(UsageError, match="no space left on device"):
            baseline_file.write(path, stored(params=7))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_missing_file_is_none_and_a_folder_is_an_error(tmp_path: Path) -> None:
    assert baseline_file.read(tmp_path / "none.json") is None
    with pytest.raises(UsageError, match="cannot read"):
        baseline_file.read(tmp_path)
    with pytest.raises(UsageError, match="cannot write"):
        baseline_file.write(tmp_path / "no" / "folder.json", stored())


def test_the_table_looks_as_it_did(golden: Callable[[str, str], None]) -> None:
    models = {make.__name__: Entry.of(make()) for make in ALL} | {"bounded": Entry.of(bounded(60))}
    for width in (80, 120):
        golden(f"baseline_table_{width}.txt", baseline_table.render(Baseline(models, "1.2.3"), "my.json", width=width))


@pytest.mark.parametrize("width", [60, 66, 72, 80, 100, 120, 160])
def test_the_table_fits_and_names_what_it_leaves_out(width: int) -> None:
    models = {f"{make.__name__} with a name of some length": Entry.of(make()) for make in ALL}
    shown = baseline_table.render(Baseline(models), "my.json", width=width)
    assert max(map(text.width, shown.splitlines())) <= width
    heading = shown.splitlines()[2].split()
    left_out = [metric.heading for metric in METRICS if metric.heading not in heading]
    assert all(name in shown.splitlines()[-1] for name in left_out)
