"""Each mistake, made on purpose in a table that is right otherwise, is named at its row, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rfkit
from rfkit.auditing import Audit, Verdict, audit
from rfkit.auditing.jump_mistakes import JUMPS
from rfkit.auditing.size_mistakes import SIZES
from rfkit.auditing.unit_mistakes import UNITS
from rfkit.report import Report
from tests.rfkit.hand_tables import BRANCHES, HEADINGS, PRIMES, SLIPS, UNIT_SLIPS, Line, Slip, hand_table, primes
from trainer.models.documents import FourBlockNet, TwoBranchNet

FOUR_BLOCKS = (
    "block1.0",
    "block1.3",
    "block1.6",
    "block2.0",
    "block2.3",
    "block2.6",
    "block3.0",
    "block3.1",
    "block3.4",
)


@cache
def traced_chain() -> Report:
    return rfkit.trace(primes(), (1, 3, 181, 181))


@pytest.fixture(scope="module")
def chain() -> Report:
    return traced_chain()


@pytest.fixture(scope="module")
def first() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32))


@pytest.fixture(scope="module")
def second() -> Report:
    return rfkit.trace(FourBlockNet(), (1, 3, 32, 32))


def mappings(lines: Sequence[Line], headings: Sequence[str] = HEADINGS) -> list[dict[str, object]]:
    return [line.mapping(headings) for line in lines]


def wrong_places(found: Audit) -> list[tuple[int, str]]:
    return [(row.line - 1, check.quantity) for row in found.rows for check in row.wrong]


def named(found: Audit, row: int, quantity: str) -> set[tuple[str, ...]]:
    return {diagnosis.mistakes for diagnosis in found.rows[row][quantity].diagnoses}


def occasions(report: Report, labels: Sequence[str], name: str) -> list[int]:
    """Rows in which the slip makes a difference."""
    fits, slip = SLIPS[name]
    lines = hand_table(report, labels)
    return [i for i, line in enumerate(lines) if fits(line) and replace(line, **slip(line)) != line]


@pytest.mark.parametrize("name", SLIPS)
def test_every_mistake_is_named_where_it_was_made_and_nowhere_else(chain: Report, name: str) -> None:
    rows = occasions(chain, PRIMES, name)
    assert rows, name
    for row in rows:
        slipped = hand_table(chain, PRIMES, {row: SLIPS[name][1]})
        found = audit(chain, mappings(slipped))
        (quantity,) = SLIPS[name][1](slipped[row])
        assert wrong_places(found) == [(row, quantity)], (name, row)
        assert (name,) in named(found, row, quantity)
        assert all(len(mistakes) == 1 for mistakes in named(found, row, quantity))
        assert found.exit_status == 1


@pytest.mark.parametrize("name", SLIPS)
def test_every_diagnosis_comes_to_exactly_the_wrong_number(chain: Report, name: str) -> None:
    for row in occasions(chain, PRIMES, name):
        slipped = hand_table(chain, PRIMES, {row: SLIPS[name][1]})
        (quantity,) = SLIPS[name][1](slipped[row])
        check = audit(chain, mappings(slipped)).rows[row][quantity]
        for diagnosis in check.diagnoses:
            assert worth(diagnosis.working) == getattr(slipped[row], quantity)
        right, _, _ = check.correction.partition(";")
        assert worth(right.rpartition(" = ")[0]) == int(right.rpartition(" = ")[2])


def worth(working: str) -> int:
    return int(eval(working, {"floor": floor, "ceil": ceil}))


def test_a_mistake_about_sizes_is_told_from_all_others_where_no_two_factors_are_alike(chain: Report) -> None:
    """The second row has k 3, d 5 and j 2: every mistake gives another number."""
    found = {}
    for name in (
        "dilation_left_out",
        "jump_left_out",
        "whole_kernel_added",
        "whole_span_added",
        "dilation_times_kernel",
    ):
        result = audit(chain, mappings(hand_table(chain, PRIMES, {1: SLIPS[name][1]})))
        found[name] = named(result, 1, "r_out")
    assert found == {name: {(name,)} for name in found}


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_several_slips_in_one_table_are_all_found_and_the_rest_is_inherited(data: st.DataObject) -> None:
    report = traced_chain()
    names = data.draw(st.lists(st.sampled_from(sorted(SLIPS)), min_size=2, max_size=3, unique=True))
    slips: dict[int, Slip] = {}
    for name in names:
        row = data.draw(st.integers(0, len(PRIMES) - 1))
        if SLIPS[name][0](hand_table(report, PRIMES, slips)[row]):
            slips.setdefault(row, SLIPS[name][1])
    lines = hand_table(report, PRIMES, slips)
    if min(line.n_out for line in lines) < 1:
        return
    found = audit(report, mappings(lines))
    truth = hand_table(report, PRIMES)
    expected = set()
    for row, slip in slips.items():
        (quantity,) = slip(lines[row])
        before = hand_table(report, PRIMES, {i: s for i, s in slips.items() if i != row})[row]
        if getattr(lines[row], quantity) not in (getattr(before, quantity), getattr(truth[row], quantity)):
            expected.add((row, quantity))
    assert set(wrong_places(found)) == expected
    for row in found.rows:
        for check in row.checks:
            right = check.stated == (getattr(truth[row.line - 1], check.quantity),)
            assert (check.verdict is Verdict.RIGHT) == right


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("name", sorted(set(SLIPS) - {"pooling_stride_1"}))
def test_slips_in_the_first_documents_network_are_found_in_either_branch(first: Report, branch: str, name: str) -> None:
    labels = BRANCHES[branch][:-1]
    for row in occasions(first, labels, name):
        slipped = hand_table(first, labels, {row: SLIPS[name][1]})
        found = audit(first, mappings(slipped))
        (quantity,) = SLIPS[name][1](slipped[row])
        assert wrong_places(found) == [(row, quantity)]
        assert (name,) in named(found, row, quantity)
        assert [row.layer for row in found.rows] == list(labels)


@pytest.mark.parametrize("name", sorted(set(SLIPS) - {"pooling_stride_1"}))
def test_slips_in_the_second_documents_network_are_found(second: Report, name: str) -> None:
    for row in occasions(second, FOUR_BLOCKS, name):
        slipped = hand_table(second, FOUR_BLOCKS, {row: SLIPS[name][1]})
        found = audit(second, mappings(slipped))
        (quantity,) = SLIPS[name][1](slipped[row])
        assert wrong_places(found) == [(row, quantity)]
        assert (name,) in named(found, row, quantity)


def test_the_jump_left_out_everywhere_is_said_of_every_row_in_which_it_matters(chain: Report) -> None:
    everywhere = dict.fromkeys(range(1, len(PRIMES)), SLIPS["jump_left_out"][1])
    found = audit(chain, mappings(hand_table(chain, PRIMES, everywhere)))
    assert wrong_places(found) == [(row, "r_out") for row in (1, 2, 3, 5, 6, 7)]
    assert all(("jump_left_out",) in named(found, row, "r_out") for row in (1, 2, 3, 5, 6, 7))
    (pattern,) = [pattern for pattern in found.patterns if pattern.mistake == "jump_left_out"]
    assert (pattern.reproduced, pattern.stated) == (len(PRIMES), len(PRIMES))


@pytest.mark.parametrize("start", [0, 3])
def test_another_start_is_named_in_the_first_row_only(chain: Report, start: int) -> None:
    lines = hand_table(chain, PRIMES)
    shifted = [replace(line, r_in=line.r_in + start - 1, r_out=line.r_out + start - 1) for line in lines]
    found = audit(chain, mappings(shifted))
    assert wrong_places(found) == [(0, "r_in")]
    assert named(found, 0, "r_in") == {(f"start_from_{start}",)}
    without = audit(chain, mappings(shifted, ("layer", "k", "s", "p", "d", "r_out", "n_out")))
    assert wrong_places(without) == [(0, "r_out")]
    assert (f"start_from_{start}",) in named(without, 0, "r_out")


@pytest.mark.parametrize(
    ("name", "row", "shown"),
    [
        ("stride_left_out", 0, 1),
        ("pooling_stride_1", 2, 3),
        ("stride_counted_twice", 0, 1),
        ("dilation_in_the_jump", 1, 2),
    ],
)
def test_a_slip_in_a_jump_that_is_not_stated_shows_in_the_next_size_once(
    chain: Report, name: str, row: int, shown: int
) -> None:
    lines = hand_table(chain, PRIMES, {row: SLIPS[name][1]})
    found = audit(chain, mappings(lines, ("layer", "k", "s", "p", "d", "r_out", "n_out")))
    assert wrong_places(found) == [(shown, "r_out")]
    assert (name,) in named(found, shown, "r_out")


def test_two_mistakes_in_one_row_are_named_together_where_none_alone_fits(chain: Report) -> None:
    """Row 5 is a 7x7 kernel on a map of jump 6; the 1x1 before it has k 1: counted as 3x3, and without the jump."""
    lines = hand_table(chain, PRIMES, {4: lambda x: {"r_out": x.r_in + (3 - 1) * 1}})
    found = audit(chain, mappings(lines))
    assert wrong_places(found) == [(4, "r_out")]
    assert {"kernel_taken_for_3", "jump_left_out"} in [set(mistakes) for mistakes in named(found, 4, "r_out")]


def test_a_number_that_no_mistake_gives_is_said_to_be_unexplained(chain: Report) -> None:
    found = audit(chain, mappings(hand_table(chain, PRIMES, {1: lambda x: {"r_out": 1009}})))
    assert wrong_places(found) == [(1, "r_out")]
    assert found.rows[1]["r_out"].diagnoses == ()
    assert "no mistake that rfkit knows gives this number" in str(found)


def test_a_number_copied_wrongly_from_the_row_above_is_not_blamed_on_the_rows_below(chain: Report) -> None:
    lines = hand_table(chain, PRIMES)
    lines[3] = replace(lines[3], r_in=1000, r_out=1000 + lines[3].r_out - lines[3].r_in)
    found = audit(chain, mappings(lines))
    assert (3, "r_in") in wrong_places(found)
    assert (3, "r_out") not in wrong_places(found)


def test_branches_counted_one_after_the_other_are_recognised(first: Report) -> None:
    labels = ("conv1.0", "conv2.0", "conv2.4", "conv2.8", "conv3.0", "conv3.4", "conv3.8", "dsb.0")
    lines = hand_table(first, labels[:4])
    r = lines[-1].r_out
    for label, n, growth in (("conv3.0", 16, 8), ("conv3.4", 14, 8), ("conv3.8", 12, 4), ("dsb.0", 12, 4)):
        d, p = (2 if growth == 8 else 1), (0 if label == "dsb.0" else 1)
        line = Line(label, n, r, 2, 1, p, 3, d, r + growth, n + 2 * p - 2 * d, 2)
        lines.append(line)
        r = line.r_out
    found = audit(first, mappings(lines))
    assert [row.layer for row in found.rows] == list(labels)
    assert wrong_places(found) == [(4, "r_in")]
    assert named(found, 4, "r_in") == {("branches_chained",)}


def test_branches_listed_one_after_the_other_with_the_right_numbers_are_right(first: Report) -> None:
    labels = (*BRANCHES["Block1"][:4], *BRANCHES["Block2"][1:4])
    lines = [*hand_table(first, BRANCHES["Block1"][:4]), *hand_table(first, BRANCHES["Block2"][:4])[1:]]
    found = audit(first, mappings(lines))
    assert [row.layer for row in found.rows] == list(labels)
    assert found.exit_status == 0


def test_the_shorter_path_taken_on_is_recognised_as_such(first: Report) -> None:
    """Without conv5 the pooling would see 31 + 16 = 47; its input is the larger of 31 and 39."""
    labels = (*BRANCHES["Block1"][:-2], "gap.0")
    found = audit(first, mappings(hand_table(first, labels)))
    assert wrong_places(found) == [(7, "r_in")]
    assert ("smaller_branch",) in named(found, 7, "r_in")


def test_a_pooling_left_out_of_the_table_is_named_in_the_row_behind_it(chain: Report) -> None:
    labels = tuple(label for label in PRIMES if label != "4")
    found = audit(chain, mappings(hand_table(chain, labels)))
    assert [row.layer for row in found.rows] == list(labels)
    assert {place for place in wrong_places(found) if place[0] != 2} == set()
    assert named(found, 2, "r_in") == {("layers_left_out",)}
    assert found.missing == ("4",)


@pytest.mark.parametrize("without", ["j_in", "r_in", "n_in"])
def test_numbers_in_front_need_not_be_stated(chain: Report, without: str) -> None:
    headings = tuple(heading for heading in HEADINGS if heading != without)
    for name in ("dilation_left_out", "jump_left_out", "whole_kernel_added"):
        row = occasions(chain, PRIMES, name)[0]
        found = audit(chain, mappings(hand_table(chain, PRIMES, {row: SLIPS[name][1]}), headings))
        assert wrong_places(found) == [(row, "r_out")]
        assert (name,) in named(found, row, "r_out")


def test_a_table_of_another_version_has_rows_that_fit_no_layer(chain: Report) -> None:
    lines = hand_table(chain, PRIMES)
    extra = [Line(f"extra{i}", 7, 1, 1, 5, 0, 11, 1, 99, 5, 5) for i in range(4)]
    found = audit(chain, mappings([*lines[:3], *extra, *lines[3:]]))
    assert [row.line for row in found.unfitting] == [4, 5, 6, 7]
    assert [row.layer for row in found.rows if row.fits] == list(PRIMES)
    assert "another version of the network" in found.verdict
    assert found.exit_status == 1


def test_a_row_with_another_kernel_than_the_layers_is_wrong_there_and_its_size_follows(chain: Report) -> None:
    lines = hand_table(chain, PRIMES)
    k = 5
    lines[1] = replace(lines[1], k=k, r_out=lines[1].r_in + (k - 1) * 5 * 2)
    found = audit(chain, mappings(lines[:2]))
    assert wrong_places(found) == [(1, "k")]
    assert named(found, 1, "k") == {("other_kernel",)}
    assert found.rows[1]["r_out"].verdict is Verdict.INHERITED


def test_a_table_for_another_image_is_recognised_in_its_first_row(chain: Report) -> None:
    other = rfkit.trace(primes(), (1, 3, 224, 224))
    found = audit(chain, mappings(hand_table(other, PRIMES)))
    assert (0, "n_in") in wrong_places(found)
    assert named(found, 0, "n_in") == {("other_image",)}
    assert len(wrong_places(found)) == 1


@pytest.mark.parametrize("registry", [SIZES, JUMPS, UNITS])
def test_every_mistake_explains_itself_in_a_sentence(registry: dict) -> None:
    for name, mistake in registry.items():
        assert mistake.name == name
        assert mistake.explanation.endswith(".")
        assert mistake.explanation[0].isupper()


def test_the_slips_tried_here_are_the_mistakes_that_are_known() -> None:
    elsewhere = {
        "start_from_3", "start_from_0", "branches_chained", "smaller_branch", "layers_left_out", "other_geometry",
        "transposed_as_ordinary", "multiplied_not_divided", "rounded_down", "not_rounded", "other_window",
    }  # fmt: skip
    assert set(SLIPS) | elsewhere == {*SIZES, *JUMPS, *UNITS}
    assert set(UNIT_SLIPS) <= set(UNITS)
