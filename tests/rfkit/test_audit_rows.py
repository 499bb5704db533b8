"""Rows are put to layers by geometry, sizes, names and order; axes are judged one by one; totals against the network."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

import rfkit
from rfkit.auditing import Verdict, audit, read_table
from rfkit.auditing.network import nodes_of
from rfkit.report import Report
from tests.rfkit.hand_tables import (
    BRANCHES,
    HEADINGS,
    PRIMES,
    SLIPS,
    assert_right,
    hand_table,
    markdown,
    primes,
    rows_of,
    written,
)
from trainer.models.documents import TwoBranchNet


@pytest.fixture(scope="module")
def chain() -> Report:
    return rfkit.trace(primes(), (1, 3, 181, 181))


@pytest.fixture(scope="module")
def first() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32))


def test_rows_without_names_are_aligned_by_their_numbers(first: Report) -> None:
    labels = BRANCHES["Block1"]
    rows = [{"k": x.k, "s": x.s, "p": x.p, "d": x.d, "r_out": x.r_out} for x in hand_table(first, labels)]
    found = audit(first, rows)
    assert [row.layer for row in found.rows] == list(labels)


def test_rows_with_nothing_but_a_name_and_a_size_are_aligned_in_order(first: Report) -> None:
    labels = BRANCHES["Block1"]
    rows = [{"layer": x.layer, "RF": x.r_out} for x in hand_table(first, labels)]
    assert [row.layer for row in audit(first, rows).rows] == list(labels)


def test_rows_for_the_input_for_norms_and_for_activations_change_nothing(chain: Report) -> None:
    conv, second = hand_table(chain, PRIMES)[:2]
    rows = [
        {"layer": "Input", "k": "", "r_out": 1, "n_out": 181, "j_out": 1},
        {"layer": "Conv2d", "k": conv.k, "r_out": conv.r_out, "n_out": conv.n_out, "j_out": conv.j_out},
        {"layer": "BatchNorm2d", "k": "-", "r_out": conv.r_out, "n_out": conv.n_out, "j_out": conv.j_out},
        {"layer": "ReLU", "k": "-", "r_out": conv.r_out, "n_out": conv.n_out, "j_out": conv.j_out},
        {"layer": "Dropout", "k": "-", "r_out": conv.r_out, "n_out": conv.n_out, "j_out": conv.j_out},
        {"layer": "Conv2d", "k": second.k, "r_out": second.r_out, "n_out": second.n_out, "j_out": second.j_out},
    ]
    found = audit(chain, rows)
    assert_right(found, 6)
    rows[3]["r_out"] = conv.r_out + 2
    assert [row.line for row in audit(chain, rows).rows if row.wrong] == [4]


def test_a_total_is_checked_against_the_whole_network(first: Report) -> None:
    rows = [line.mapping() for line in hand_table(first, BRANCHES["Block1"])]
    for total, status in ((55, 0), (39, 0), (47, 1)):
        found = audit(first, [*rows, {"layer": "Total RF", "r_out": total}])
        assert found.exit_status == status
        assert [claim.stated for claim in found.claims] == [(total,)]


def test_a_total_that_repeats_a_wrong_last_row_is_no_slip_of_its_own(first: Report) -> None:
    lines = hand_table(first, BRANCHES["Block1"], {1: SLIPS["dilation_left_out"][1]})
    found = audit(first, [*(line.mapping() for line in lines), {"layer": "Total", "r_out": lines[-1].r_out}])
    assert [claim.verdict for claim in found.claims] == [Verdict.INHERITED]
    assert [row.layer for row in found.rows if row.wrong] == ["conv2.0"]


def test_two_tables_for_two_branches_in_one_file_are_both_aligned(first: Report, tmp_path: Path) -> None:
    parts = [
        f"## {name}\n\n{markdown([list(HEADINGS), *rows_of(hand_table(first, labels))])}"
        for name, labels in BRANCHES.items()
    ]
    path = written(tmp_path / "t.md", "\n".join(parts))
    found = audit(first, read_table(path))
    assert_right(found, 18)
    assert [row.table for row in found.rows] == [0] * 9 + [1] * 9
    assert [row.layer for row in found.rows] == [label for labels in BRANCHES.values() for label in labels]


def test_a_second_table_may_start_where_the_branches_part(first: Report, tmp_path: Path) -> None:
    """The first table slips at conv1; the second, which starts behind it, goes on from the wrong 5."""
    lines = hand_table(first, BRANCHES["Block1"], {0: lambda x: {"r_out": 5}})
    second = hand_table(first, BRANCHES["Block2"], {0: lambda x: {"r_out": 5}})[1:4]
    text = markdown([list(HEADINGS), *rows_of(lines)])
    text += "\n\n" + markdown([[*HEADINGS, "note"], *([*row, "b"] for row in rows_of(second))])
    found = audit(first, read_table(written(tmp_path / "t.md", text)))
    assert [row.layer for row in found.rows[9:]] == list(BRANCHES["Block2"][1:4])
    assert [(row.line, check.quantity) for row in found.rows for check in row.wrong] == [(3, "r_out")]


def test_axes_that_differ_are_checked_one_by_one() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, (3, 5), stride=(1, 2)), nn.Conv2d(1, 1, (5, 3), dilation=(1, 2)))
    report = rfkit.trace(net, (1, 1, 40, 60))
    right = [
        {"layer": "0", "k": "3x5", "s": "1x2", "r_out": "3x5", "n_out": "38x28", "j_out": "1x2"},
        {"layer": "1", "k": "5x3", "s": 1, "r_out": "7x13", "n_out": "34x24", "j_out": "1x2"},
    ]
    assert_right(audit(report, right), 2)
    right[1]["r_out"] = "7x9"
    (row,) = [row for row in audit(report, right).rows if row.wrong]
    assert {diagnosis.mistakes for diagnosis in row["r_out"].diagnoses} == {("dilation_left_out",), ("jump_left_out",)}
    assert all("along the width" in diagnosis.remark for diagnosis in row["r_out"].diagnoses)


def test_one_dimensional_networks_are_checked_too() -> None:
    net = nn.Sequential(*(nn.Conv1d(1, 1, 2, dilation=2**i) for i in range(5)))
    report = rfkit.trace(net, (1, 1, 100))
    rows = [{"layer": i, "k": 2, "d": 2**i, "RF": 2 ** (i + 1), "n": 100 - 2 ** (i + 1) + 1} for i in range(5)]
    assert_right(audit(report, rows), 5)


def test_a_transposed_convolution_divides_the_jump() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2, padding=1), nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1))
    report = rfkit.trace(net, (1, 1, 16, 16))
    rows = [
        {"layer": "conv", "k": 3, "s": 2, "p": 1, "r_out": 3, "n_out": 8, "j_out": 2},
        {"layer": "deconv", "k": 4, "s": 2, "p": 1, "r_out": 5, "n_out": 16, "j_out": 1},
    ]
    assert_right(audit(report, rows), 2)
    wrong = audit(report, [rows[0], rows[1] | {"r_out": 3 + 3 * 2, "j_out": 4}])
    assert wrong.rows[1]["r_out"].diagnoses[0].mistakes == ("transposed_as_ordinary",)
    assert ("multiplied_not_divided",) in [d.mistakes for d in wrong.rows[1]["j_out"].diagnoses]


def test_positions_are_counted_where_the_channels_come_last() -> None:
    """As in Swin and ConvNeXt: 12 positions and 5, then 20 channels, between two convolutions that have them in front."""

    class ChannelsLast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 20, 3, stride=2, padding=1)
            self.norm = nn.LayerNorm(20)
            self.mix = nn.Linear(20, 24)
            self.conv = nn.Conv2d(24, 8, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.mix(self.norm(self.stem(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2))

    nodes = {node.label: node for node in nodes_of(rfkit.trace(ChannelsLast(), (1, 3, 24, 10)))}
    for label in ("stem", "norm", "mix", "conv"):
        assert nodes[label].right("n_out") == (12, 5)


def test_a_number_that_only_pairs_of_mistakes_explain_is_one_clause_of_the_sentence(tmp_path: Path) -> None:
    """Which pairs they are stands with the row; all of them would drown the sentence."""

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Conv2d(3, 4, 3, padding=1)
            self.b = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(nn.functional.max_pool2d(self.a(x), 2))

    table = tmp_path / "rf.csv"
    table.write_text("layer,k,s,r_out\na,3,1,3\nmax_pool2d,2,2,4\nb,3,1,7\n", encoding="utf-8")
    found = audit(rfkit.trace(Pooled(), (1, 3, 16, 16)), read_table(table))
    (wrong,) = [check for row in found.rows for check in row.wrong]
    assert len(wrong.diagnoses) > 1
    assert all(len(diagnosis.mistakes) == 2 for diagnosis in wrong.diagnoses)
    assert f"two mistakes meet in the receptive field, in one of {len(wrong.diagnoses)} ways" in found.verdict
