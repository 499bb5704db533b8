"""The first document's table and total, and the two formulas, each against its network and against PyTorch."""

from __future__ import annotations

import csv
import io

import pytest
import torch
from torch import nn

import rfkit
from rfkit.auditing import Audit, Verdict, audit, audit_claim, formulas, read_table
from rfkit.auditing.corrected import to_csv
from rfkit.auditing.text import render
from rfkit.errors import UsageError
from rfkit.report import Report
from tests.rfkit.hand_tables import BRANCHES, primes
from tests.shared import shared_path
from trainer.models.documents import FourBlockNet, TwoBranchNet

BOTH = {("dilation_left_out",), ("jump_left_out",)}


@pytest.fixture(scope="module")
def first() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32))


@pytest.fixture(scope="module")
def second() -> Report:
    return rfkit.trace(FourBlockNet(), (1, 3, 32, 32))


@pytest.fixture(scope="module")
def audited(first: Report) -> Audit:
    return audit(first, read_table(shared_path("documents", "000_receptive_field_table.csv")), more_than=44)


def test_every_row_is_aligned_with_its_layer_although_the_names_differ(audited: Audit) -> None:
    assert [row.layer for row in audited.rows] == [label for labels in BRANCHES.values() for label in labels]
    assert [row.line for row in audited.rows] == list(range(2, 20))
    assert audited.missing == ()


def test_the_two_dilated_rows_of_each_branch_and_the_stride_of_the_pooling_are_wrong_and_nothing_else(
    audited: Audit,
) -> None:
    wrong = [(row.layer, check.quantity, check.stated, check.right) for row in audited.rows for check in row.wrong]
    dilated = [("conv2.0", "conv2.4"), ("conv3.0", "conv3.4")]
    expected = []
    for early, late in dilated:
        expected += [(early, "r_out", (7,), (11,)), (late, "r_out", (11,), (19,)), ("gap.0", "s", (1,), (5,))]
    assert wrong == expected
    assert audited.exit_status == 1


def test_both_explanations_of_the_dilated_rows_are_named_with_their_arithmetic(audited: Audit) -> None:
    for line in (3, 4, 12, 13):
        check = audited.rows[line - 2]["r_out"]
        assert {diagnosis.mistakes for diagnosis in check.diagnoses} == BOTH
    early = audited.rows[1]["r_out"]
    assert {(diagnosis.working, diagnosis.remark) for diagnosis in early.diagnoses} == {
        ("3 + (3-1)*2", "the dilation 2 left out"),
        ("3 + (3-1)*2", "the jump 2 left out"),
    }
    assert early.correction == "3 + (3-1)*2*2 = 11"


def test_the_documents_own_formula_is_said_to_be_the_one_without_the_jump(audited: Audit) -> None:
    by_name = {pattern.mistake: pattern for pattern in audited.patterns}
    assert by_name["jump_left_out"].formula == "r + (k-1)*d"
    assert "the jump is left out (r + (k-1)*d), 8 of the 18" in render(audited, 120)
    assert (by_name["dilation_left_out"].reproduced, by_name["dilation_left_out"].stated) == (18, 18)


def test_everything_after_the_dilated_rows_is_inherited_and_all_output_sizes_are_right(audited: Audit) -> None:
    for row in audited.rows:
        if row.layer not in ("conv1.0", "conv2.0", "conv2.4", "conv3.0", "conv3.4"):
            assert row["r_out"].verdict is Verdict.INHERITED
        assert row["n_out"].verdict is Verdict.RIGHT
        assert row["n_in"].verdict is Verdict.RIGHT


def test_the_pooling_takes_stride_1_where_pytorch_takes_5(audited: Audit) -> None:
    for line in (10, 19):
        row = audited.rows[line - 2]
        assert [diagnosis.mistakes for diagnosis in row["s"].diagnoses] == [("pooling_stride_1",)]
        assert (row["j_out"].stated, row["j_out"].right, row["j_out"].verdict) == ((4,), (20,), Verdict.INHERITED)


def test_the_sentence_says_where_both_arrive_and_that_both_clear_the_limit(audited: Audit) -> None:
    assert audited.verdict == (
        "All output sizes are right, but at conv2.0, conv2.4, conv3.0 and conv3.4 the dilation or the jump is left out, "
        "and at gap.0 a pooling is treated as if its stride were 1; what follows is worked out correctly from there; "
        "the table arrives at 47 where the network sees 55, both more than 44."
    )


def test_the_corrected_table_holds_the_networks_numbers_in_the_documents_columns(first: Report, audited: Audit) -> None:
    table = shared_path("documents", "000_receptive_field_table.csv").read_text()
    original = list(csv.reader(io.StringIO(table)))
    fixed = list(csv.reader(io.StringIO(to_csv(audited))))
    assert fixed[0] == original[0]
    assert len(fixed) == len(original)
    for row, label in zip(
        csv.DictReader(io.StringIO(to_csv(audited))), (x for y in BRANCHES.values() for x in y), strict=True
    ):
        assert int(row["r_out"]) == first[label].receptive_field[0]
        assert int(row["j_out"]) == first[label].jump[0]
        assert int(row["n_out"]) == first[label].output_shape[2]
    assert fixed[-1][0:2] == ["Block2", "gap"]


# -- a total alone -----------------------------------------------------------------------------------------------------


def mistakes(found: Audit) -> set[tuple[str, ...]]:
    return {diagnosis.mistakes for diagnosis in found.claims[0].diagnoses}


def test_the_claim_of_47_comes_out_without_dilation_without_jump_and_along_the_skip(first: Report) -> None:
    found = audit_claim(first, 47, more_than=44)
    assert found.exit_status == 1
    assert {("dilation_left_out",), ("jump_left_out",), ("smaller_branch",)} <= mistakes(found)
    assert found.verdict.startswith(
        "47 is not right: the network sees 55 (39 before pooling), both more than 44; 47 comes out when"
    )
    working = next(d.working for d in found.claims[0].diagnoses if d.mistakes == ("dilation_left_out",))
    assert working == "55 - 4 (conv2.0 adds 4, not 8) - 4 (conv2.4 adds 4, not 8)"


@pytest.mark.parametrize(
    ("claimed", "place"), [(55, "after pooling"), (39, "before pooling"), ("39x39", "before pooling")]
)
def test_a_right_claim_is_right_before_or_after_pooling(first: Report, claimed: object, place: str) -> None:
    found = audit_claim(first, claimed)
    assert found.exit_status == 0
    assert found.claims[0].means == (place,)
    assert place in found.verdict


def test_a_claim_per_axis_is_judged_on_the_axis_that_is_wrong(first: Report) -> None:
    assert audit_claim(first, "55x55").exit_status == 0
    assert mistakes(audit_claim(first, "55x47")) >= BOTH
    assert audit_claim(first, (55, 47)).claims[0].stated == (55, 47)


def sizes_of(report: Report) -> list[int]:
    return [int(layer.receptive_field[0]) for layer in report if layer.kernel_size]


@pytest.mark.parametrize(
    ("claimed", "mistake"),
    [
        (1 + 4 + 2 * 2 + 2 + 2 * 6 + 6 * 6 + 18 + 2 * 18, "dilation_left_out"),
        (1 + 4 + 2 * 5 + 1 + 2 * 7 + 0 + 6 + 1 + 2, "jump_left_out"),
        (1 + 5 + 3 * 5 * 2 + 2 * 2 + 3 * 7 * 6 + 6 + 7 * 6 + 2 * 18 + 3 * 18, "whole_kernel_added"),
        (1 + 4 + 2 * 5 * 2 + 2 + 2 * 7 * 2 + 6 * 2 + 6 + 2 * 6, "pooling_stride_1"),
        (1 + 4 + 2 * 5 * 2 + 2 * 7 * 2 + 6 * 2 + 6 + 2 * 6, "layers_left_out"),
        (203, "start_from_3"),
        (200, "start_from_0"),
        (201 - 2 * 7 * 6, "layer_not_counted"),
    ],
)
def test_a_mistake_made_throughout_is_found_in_the_total_alone(claimed: int, mistake: str) -> None:
    """The chain of primes: sizes 5, 25, 27, 111, 111, 147, 165, 201 with jumps 1, 2, 2, 6, 6, 6, 18, 18 before."""
    report = rfkit.trace(primes(), (1, 3, 181, 181))
    assert sizes_of(report) == [5, 25, 27, 111, 111, 147, 165, 201]
    assert any(mistake in names for names in mistakes(audit_claim(report, claimed)))


def test_the_workings_of_a_claim_come_to_the_claim(second: Report) -> None:
    for claimed in (107, 91, 169, 87, 160):
        for diagnosis in audit_claim(second, claimed).claims[0].diagnoses:
            words = "".join(part.split(")")[-1] for part in diagnosis.working.split("("))
            assert eval(words) == claimed, diagnosis


def test_branches_counted_one_after_the_other_explain_a_total() -> None:
    class Branched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.left, self.right = (nn.Conv2d(1, 1, k, padding=k // 2) for k in (3, 5, 7))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.stem(x)
            return self.left(y) + self.right(y)

    report = rfkit.trace(Branched(), (1, 1, 64, 64))
    assert report.totals.receptive_field == (9, 9)
    assert ("branches_chained",) in mistakes(audit_claim(report, 3 + 4 + 6))


def test_a_claim_that_nothing_explains_is_said_to_be_so(first: Report) -> None:
    found = audit_claim(first, 1013)
    assert found.claims[0].diagnoses == ()
    assert "no mistake that rfkit knows gives 1013" in found.verdict


def test_the_size_of_the_image_is_not_the_receptive_field(first: Report) -> None:
    assert ("size_of_the_image",) in mistakes(audit_claim(first, 32))


@pytest.mark.parametrize("claimed", ["", "about 40", "1x2x3"])
def test_a_claim_that_is_no_size_is_refused_in_one_line(first: Report, claimed: str) -> None:
    with pytest.raises(UsageError, match="expected") as caught:
        audit_claim(first, claimed)
    assert "\n" not in str(caught.value)


# -- the formulas ------------------------------------------------------------------------------------------------------


def test_the_formula_for_sizes_is_wrong_in_the_first_documents_network_and_right_on_the_image(first: Report) -> None:
    wrong, right = formulas.formulas()[0].examples
    assert (wrong.stated_value, wrong.right_value) == (7, first["conv2.0"].receptive_field[0])
    alone = rfkit.trace(nn.Conv2d(1, 1, 3, dilation=2), (1, 1, 7, 7))
    assert right.stated_value == right.right_value == alone.layers[0].receptive_field[0]


def test_the_formula_for_output_sizes_is_wrong_for_the_second_documents_figure() -> None:
    wrong, right = formulas.formulas()[1].examples
    image = torch.zeros(1, 1, 7, 7)
    assert wrong.right_value == nn.Conv2d(1, 1, 3, dilation=2)(image).shape[-1] == 3
    assert wrong.stated_value == 5
    assert right.stated_value == right.right_value == nn.Conv2d(1, 1, 3, dilation=2, padding=1)(image).shape[-1]


def test_the_page_of_formulas_fits_its_width_and_is_the_same_as_json(golden) -> None:
    golden("audit_formulas_80.txt", formulas.render(80))
    assert max(map(len, formulas.render(80).splitlines())) <= 80
    data = formulas.to_dict()
    assert data["schema"] == "rfkit.formulas/1"
    assert [[example["agrees"] for example in entry["examples"]] for entry in data["formulas"]] == [[False, True]] * 2
