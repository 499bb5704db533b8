"""What changed between two reports: the least that explains it, the same from either side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfkit.errors import UsageError
from rfkit.gate.findings import Severity, Status
from rfkit.gate.history import alignment
from rfkit.gate.history.changes import Changes, Failure, Kind, Side, compare, findings, outcome, regressions
from rfkit.report import Report
from tests.rfkit import reports
from tests.rfkit.gate.networks import BASE, base, diff, inserted, network, wider

ALL = [reports.two_branch, reports.unet, reports.wavenet, reports.video, reports.gated, reports.odd, base, inserted]
NAMED = ["stem", "stem_norm", "stem_act", "mid", "mid_norm", "mid_act", "last", "last_act"]

kinds = st.sampled_from(["conv3", "conv5", "down3", "wide3", "relu", "norm"])
blocks = st.lists(st.tuples(kinds, st.sampled_from([4, 6])), min_size=1, max_size=7)
names = st.permutations(["a", "b", "c", "d", "e", "f", "g"])


def summary(changes: Changes) -> list[tuple[str, str | None, str | None]]:
    """Kind, old and new label of every layer that was added, removed or changed."""
    shown = changes.of(Kind.ADDED, Kind.REMOVED, Kind.CHANGED)
    return [(str(c.kind), c.old and c.old.label, c.new and c.new.label) for c in shown]


def pairs(changes: Changes) -> set[tuple[str | None, str | None]]:
    return {(change.old and change.old.label, change.new and change.new.label) for change in changes.layers}


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_a_report_does_not_differ_from_itself(make: Callable[[], Report]) -> None:
    changes = diff(make(), make())
    assert changes.identical
    assert {change.kind for change in changes.layers} == {Kind.SAME}
    assert regressions(changes) == ()
    assert {finding.status for finding in findings(changes)} == {Status.HELD}


@settings(max_examples=60, deadline=None)
@given(blocks, blocks)
def test_seen_from_the_other_side_it_is_the_mirror_image(one: list, other: list) -> None:
    there, back = diff(network(*one), network(*other)), diff(network(*other), network(*one))
    mirrored = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED}
    assert pairs(there) == {(old, new) for new, old in pairs(back)}
    assert sorted(change.kind for change in there.layers) == sorted(mirrored.get(c.kind, c.kind) for c in back.layers)
    assert [(step.old, step.new) for step in there.totals] == [(step.new, step.old) for step in back.totals]
    assert there.identical is back.identical


@settings(max_examples=60, deadline=None)
@given(blocks, blocks, names)
def test_every_layer_is_told_once_and_what_changed_turns_the_one_into_the_other(
    one: list, other: list, called: list
) -> None:
    old, new = network(*one, names=called), network(*other)
    changes = diff(old, new)
    assert [change.new for change in changes.layers if change.new] == list(new)
    assert sorted(change.old.label for change in changes.layers if change.old) == sorted(layer.label for layer in old)
    gained = sum((c.new.params if c.new else 0) - (c.old.params if c.old else 0) for c in changes.layers)
    assert old.totals.params + gained == new.totals.params
    for change in changes.layers:
        if change.kind in (Kind.SAME, Kind.AFFECTED, Kind.RENAMED):
            assert alignment.structure(change.old)[:1] == alignment.structure(change.new)[:1]
            assert change.old.params == change.new.params
        if change.kind is Kind.SAME:
            assert change.old.label == change.new.label


@settings(max_examples=60, deadline=None)
@given(blocks, st.data())
def test_a_layer_that_is_taken_out_of_a_list_is_the_only_one_told(one: list, data: st.DataObject) -> None:
    """Whatever the names of those behind it have become. The convolution behind it may read other channels."""
    place = data.draw(st.integers(0, len(one) - 1))
    changes = diff(network(*one), network(*one[:place], *one[place + 1 :]))
    assert len(changes.of(Kind.REMOVED)) == 1
    assert changes.of(Kind.ADDED) == ()
    assert all(set(c.own) <= {"channels", "params"} for c in changes.of(Kind.CHANGED))


def test_an_inserted_layer_does_not_shift_the_others() -> None:
    changes = diff(base(), inserted())
    assert summary(changes) == [("added", None, "features.3"), ("added", None, "features.4")]
    renamed = [(change.old.label, change.new.label) for change in changes.of(Kind.RENAMED)]
    assert renamed == [(f"features.{i}", f"features.{i + 2}") for i in range(3, 8)]


def test_a_network_made_wider_keeps_its_layers() -> None:
    for named in (None, NAMED):
        old, new = network(*BASE, names=named), network(*((kind, 2 * n) for kind, n in BASE), names=named)
        changes = diff(old, new)
        assert len(changes.of(Kind.ADDED, Kind.REMOVED, Kind.RENAMED)) == 0
        assert {c.old.type for c in changes.of(Kind.CHANGED)} == {"Conv2d", "BatchNorm2d", "Linear"}


def test_layers_under_new_names_are_found_by_their_structure() -> None:
    changes = diff(network(*BASE), network(*BASE, names=NAMED))
    assert summary(changes) == []
    assert [change.new.label for change in changes.of(Kind.RENAMED)] == NAMED
    assert not changes.identical


def test_layers_that_changed_places_are_paired_by_their_names() -> None:
    blocks = [("conv3", 3), ("conv5", 3), ("relu", 3)]
    changes = diff(network(*blocks, names="abc"), network(*blocks[::-1], names="cba"))
    assert changes.of(Kind.ADDED, Kind.REMOVED, Kind.RENAMED) == ()


def test_what_a_layer_is_stands_apart_from_what_follows_from_others() -> None:
    changes = diff(network(*BASE, names=NAMED), network(("down5", 16), *BASE[1:], names=NAMED))
    (changed,) = changes.of(Kind.CHANGED)
    assert (changed.new.label, changed.own) == ("stem", ("kernel_size", "padding", "params"))
    assert {change.new.label for change in changes.of(Kind.AFFECTED)} == {*NAMED[1:], "pool", "head"}
    assert all("receptive_field" in change.consequences for change in changes.of(Kind.AFFECTED))


def test_the_window_of_a_global_pooling_follows_from_the_map() -> None:
    changes = diff(network(*BASE, names=NAMED), network(("conv3", 16), *BASE[1:], names=NAMED))
    pool = next(change for change in changes.layers if change.layer.label == "pool")
    assert pool.kind is Kind.AFFECTED
    assert "kernel_size" in pool.consequences


def test_a_layer_of_another_type_under_the_same_name_is_changed() -> None:
    old = network(*BASE, names=NAMED)
    layers = tuple(replace(layer, type="GELU") if layer.name == "mid_act" else layer for layer in old)
    (changed,) = diff(old, replace(old, layers=layers)).of(Kind.CHANGED)
    assert (changed.old.type, changed.new.type, changed.own) == ("ReLU", "GELU", ("type",))


def test_rewiring_alone_is_a_change() -> None:
    old = reports.two_branch()
    rewired = tuple(replace(layer, inputs=("conv4.3", "conv4.3")) if layer.name == "add" else layer for layer in old)
    changes = diff(old, replace(old, layers=rewired))
    assert [(change.new.label, change.own) for change in changes.of(Kind.CHANGED)] == [("add", ("inputs",))]
    assert not changes.identical


def test_a_layer_that_reads_one_that_was_inserted_is_not_rewired() -> None:
    assert all("inputs" not in change.own for change in diff(base(), inserted()).layers)


def test_reading_the_image_instead_of_a_layer_is_rewiring() -> None:
    old = network(("conv3", 3), ("conv3", 3))
    new = tuple(replace(layer, inputs=("input",)) if layer.name == "features.1" else layer for layer in old)
    first = tuple(replace(layer, inputs=("input",)) if layer.name == "features.0" else layer for layer in (*old, *new))
    changes = diff(replace(old, layers=first[: len(old)]), replace(old, layers=first[len(old) :]))
    assert [change.new.label for change in changes.of(Kind.CHANGED)] == ["features.1"]


@pytest.mark.parametrize("missing", ["old", "new"])
def test_a_network_that_is_not_there_on_one_side_is_added_or_removed_as_a_whole(missing: str) -> None:
    changes = diff(None, base()) if missing == "old" else diff(base(), None)
    assert {change.kind for change in changes.layers} == {Kind.ADDED if missing == "old" else Kind.REMOVED}
    assert (changes.totals, regressions(changes), changes.identical) == ((), (), False)
    assert changes.model == "net.py:Net"


def test_two_networks_that_are_not_there_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="neither in before nor in after"):
        diff(None, None)


def test_strict_and_local_fields_are_not_compared() -> None:
    with pytest.raises(UsageError, match="after has strict fields, before has local ones; trace both alike"):
        diff(base(), replace(base(), strict=True))


def test_another_input_is_told_although_no_figure_differs() -> None:
    assert not diff(base(), replace(base(), input_shape=(1, 3, 40, 40))).identical


def test_regressions_are_those_of_the_baseline() -> None:
    changes = diff(base(), wider())
    assert [step.metric.key for step in regressions(changes)] == ["params", "macs"]
    assert regressions(changes, Fraction(5)) == ()
    assert [step.metric.key for step in regressions(diff(wider(), base()))] == []


def test_findings_say_where_the_old_figure_stands_and_keep_their_identity() -> None:
    old, new = replace(base(), place="net.py:3"), replace(wider(), place="net.py:5")
    first, second = (findings(compare(Side(name, old), Side("now", new))) for name in ("main (1)", "main (2)"))
    assert [finding.rule for finding in first] == [finding.rule for finding in second]
    (params,) = [finding for finding in first if finding.rule.startswith("params")]
    assert f"against {old.totals.params:,} in main (1)" in params.message
    assert (params.code, params.status, params.place, params.fails) == ("RF501", Status.BROKEN, "net.py:5", True)


def test_an_outcome_has_a_verdict_per_network_and_a_failure_is_one() -> None:
    found = outcome(
        [diff(base(), wider()), Failure("b", "b.py:B", "b.py cannot be imported")], severity=Severity.WARNING
    )
    assert [verdict.exit_code for verdict in found.verdicts] == [0, 2]
    assert outcome([diff(base(), wider())]).exit_code == 1


def test_beyond_what_can_be_aligned_names_still_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "LARGEST", 0)
    changes = diff(network(*BASE, names=NAMED), network(("down5", 16), *BASE[1:-1], ("norm", 64), names=NAMED))
    assert summary(changes) == [
        ("changed", "stem", "stem"), ("removed", "last_act", None), ("added", None, "last_act")
    ]  # fmt: skip
