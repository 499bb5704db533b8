"""The documents' networks: the figures a careful hand calculation gives, and where the documents' own one errs."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import pytest

import rfkit
from rfkit.report import Report
from tests.shared import shared_path
from trainer.models.documents import FourBlockNet, TwoBranchNet

IMAGE = (1, 3, 32, 32)
BRANCHES = [("conv2.0", 11), ("conv2.4", 19), ("conv2.8", 23), ("conv3.0", 11), ("conv3.4", 19), ("conv3.8", 23)]
TRUNK = [("conv1.0", 3), ("dsb.0", 27), ("dsb.1", 27), ("conv4.0", 31), ("conv5.0", 39), ("gap.0", 55)]


@pytest.fixture(scope="module")
def first() -> Report:
    return rfkit.trace(TwoBranchNet(), IMAGE, units=True)


@pytest.mark.parametrize(("label", "size"), TRUNK + BRANCHES)
def test_receptive_fields_of_the_first_network(first: Report, label: str, size: int) -> None:
    assert first[label].receptive_field == (size, size)


def test_the_sum_has_a_long_path_and_a_short_one(first: Report) -> None:
    total = next(layer for layer in first if "add" in layer.name)
    assert total.receptive_field == (39, 39)
    assert total.receptive_field_min == (31, 31)
    assert set(total.inputs) == {"conv4.3", "conv5.3"}


def test_the_concatenation_keeps_what_both_branches_see(first: Report) -> None:
    joined = first["cat"]
    assert joined.output_shape == (1, 128, 12, 12)
    assert joined.receptive_field == joined.receptive_field_min == (23, 23)
    assert not joined.flags


def test_the_jump_is_two_until_the_strided_block_and_four_behind_it(first: Report) -> None:
    jumps = {label: first[label].jump for label, _ in TRUNK + BRANCHES if label != "gap.0"}
    assert {label for label, jump in jumps.items() if jump == (4, 4)} == {"conv4.0", "conv5.0"}
    assert {label for label, jump in jumps.items() if jump == (2, 2)} == set(jumps) - {"conv4.0", "conv5.0"}


def test_output_sizes_of_the_first_network(first: Report) -> None:
    labels = ["conv1.0", "conv2.0", "conv2.4", "conv2.8", "dsb.0", "dsb.1", "conv4.0", "conv5.0", "gap.0"]
    assert [first[label].output_shape[2:] for label in labels] == [(n, n) for n in (16, 14, 12, 12, 10, 10, 5, 5, 1)]


def test_totals_of_the_first_network(first: Report) -> None:
    """MACs by hand, output positions x weights per position, summed in the order of ``TRUNK`` and ``BRANCHES``."""
    totals = first.totals
    branch = 14**2 * 16 * 32 * 9 + 12**2 * 32 * 64 * 9 + 12**2 * 64 * 64 * 9
    trunk = 16**2 * 3 * 16 * 9 + 10**2 * 128 * 9 + 10**2 * 128 * 32 + 2 * 5**2 * 32 * 32 * 9 + 32 * 10
    assert 2 * branch + trunk == 18_828_096 == totals.macs
    assert totals.params == totals.trainable_params == 145_114
    assert totals.buffers == 874
    assert totals.receptive_field == (55, 55)
    assert totals.receptive_field_features == (39, 39)
    assert totals.jump_features == (4, 4)
    assert totals.output_shapes == ((1, 10),)
    assert totals.coverage == 1.0
    assert not totals.unused_modules


def test_the_second_networks_fields_with_its_dilations() -> None:
    sizes = [3, 7, 11, 15, 23, 31, 39, 39, 55, 71, 87, 119, 151]
    assert_convolutions_see(FourBlockNet(), sizes)
    report = rfkit.trace(FourBlockNet(), IMAGE)
    assert pooled_sizes(report) == [(167, 167)]
    assert report.totals.receptive_field == (167, 167)
    assert report.totals.receptive_field_features == (151, 151)
    assert report.totals.params == 185_346


def test_the_second_networks_fields_without_dilation() -> None:
    sizes = [3, 5, 7, 11, 15, 19, 27, 27, 35, 43, 59, 75, 91]
    assert_convolutions_see(FourBlockNet(dilated=False), sizes)
    report = rfkit.trace(FourBlockNet(dilated=False), IMAGE)
    assert pooled_sizes(report) == [(107, 107)]
    assert report.totals.receptive_field == (107, 107)
    assert report.totals.receptive_field_features == (91, 91)
    assert report.totals.params == 185_346


def assert_convolutions_see(net: FourBlockNet, sizes: list[int]) -> None:
    """All convolutions but the classifier behind the pooling, in order; the depthwise one is followed by its pointwise one."""
    convolutions = [layer for layer in rfkit.trace(net, IMAGE) if layer.type == "Conv2d"][:-1]
    assert [layer.receptive_field for layer in convolutions] == [(size, size) for size in sizes]


def pooled_sizes(report: Report) -> list[tuple[object, ...]]:
    return [layer.receptive_field for layer in report if "AvgPool" in layer.type]


# -- the hand calculation in the first document -----------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One row of the document's table; lengths along one axis."""

    block: str
    layer: str
    n_in: int
    r_in: int
    j_in: int
    s: int
    p: int
    k: int
    r_out: int
    n_out: int
    j_out: int
    dilation: int

    def growth(self, jump: int) -> int:
        return (self.k - 1) * self.dilation * jump


COLUMNS = {
    "Block1": ["conv1.0", "conv2.0", "conv2.4", "conv2.8", "dsb.0", "dsb.1", "conv4.0", "conv5.0", "gap.0"],
    "Block2": ["conv1.0", "conv3.0", "conv3.4", "conv3.8", "dsb.0", "dsb.1", "conv4.0", "conv5.0", "gap.0"],
}


def hand_calculation() -> dict[str, list[Row]]:
    """The table's rows, by branch; each branch begins with the first convolution."""
    with shared_path("documents", "000_receptive_field_table.csv").open() as file:
        rows = [
            Row(**{k: v if k in ("block", "layer") else int(v) for k, v in line.items()})
            for line in csv.DictReader(file)
        ]
    assert len(rows) == 18
    return {"Block1": rows[:9], "Block2": rows[9:]}


@pytest.mark.parametrize("branch", COLUMNS)
def test_the_documents_sizes_jumps_and_geometry_are_right(first: Report, branch: str) -> None:
    for row, label in zip(hand_calculation()[branch], COLUMNS[branch], strict=True):
        layer = first[label]
        assert layer.output_shape[2] == row.n_out, label
        assert layer.kernel_size == (row.k, row.k), label
        assert layer.padding == (row.p, row.p), label
        assert layer.dilation in ((row.dilation, row.dilation), None), label
        if label != "gap.0":
            assert layer.stride == (row.s, row.s), label
            assert layer.jump == (row.j_out, row.j_out), label


@pytest.mark.parametrize("branch", COLUMNS)
def test_the_documents_fields_are_too_small_from_the_first_dilated_layer_on(first: Report, branch: str) -> None:
    rows = hand_calculation()[branch]
    true = [first[label].receptive_field[0] for label in COLUMNS[branch]]
    assert true == [3, 11, 19, 23, 27, 27, 31, 39, 55]
    assert [row.r_out for row in rows] == [3, 7, 11, 15, 19, 19, 23, 31, 47]
    assert [row.dilation for row in rows] == [1, 2, 2, 1, 1, 1, 1, 1, 1]
    assert [int(t) - row.r_out for t, row in zip(true, rows, strict=True) if t is not None] == [
        0,
        4,
        8,
        8,
        8,
        8,
        8,
        8,
        8,
    ]


@pytest.mark.parametrize("branch", COLUMNS)
def test_leaving_out_the_jump_in_dilated_rows_gives_the_documents_column(branch: str) -> None:
    """R' = r + (k-1)d instead of r + (k-1)d j in the two dilated rows, the right recursion everywhere else."""
    size, sizes = 1, []
    for row in hand_calculation()[branch]:
        assert row.r_in == size
        size += row.growth(1 if row.dilation > 1 else row.j_in)
        sizes.append(size)
    assert sizes == [row.r_out for row in hand_calculation()[branch]]


@pytest.mark.parametrize("branch", COLUMNS)
def test_the_right_recursion_over_the_documents_own_geometry_gives_the_true_fields(first: Report, branch: str) -> None:
    size = 1
    for row, label in zip(hand_calculation()[branch], COLUMNS[branch], strict=True):
        size += row.growth(row.j_in)
        assert first[label].receptive_field == (size, size), label
