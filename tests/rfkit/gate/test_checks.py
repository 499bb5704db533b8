"""Numbers against limits, held, broken and undecided, with the value, the gap and the layer that a finding names."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from rfkit.gate.checks.answers import Answer, Subject
from rfkit.gate.checks.check import check
from rfkit.gate.checks.graph import Graph
from rfkit.gate.findings import Severity, Status
from rfkit.gate.limits import parse_limits
from rfkit.gate.requirements import Requirement
from rfkit.report import Report
from tests.rfkit.gate.asking import Folded, chain, conv, finding, findings, report_of
from trainer.models.documents import TwoBranchNet

HELD, BROKEN, UNDECIDED = Status.HELD, Status.BROKEN, Status.UNDECIDED


@pytest.fixture(scope="module")
def first() -> Report:
    return report_of(TwoBranchNet())


class Oblong(nn.Module):
    """Height 3, 7; width 7, 9."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.tall = nn.Conv2d(3, 8, (3, 7)), nn.Conv2d(8, 8, (5, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.tall(self.wide(x))


class Unknown(nn.Module):
    """A Fourier transform, for which there is no rule, between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = conv(3, 8), conv(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(torch.fft.fft2(self.before(x)).real)


# -- numbers ----------------------------------------------------------------------------------------------------------

NUMBERS = [
    ("receptive_field", "> 44", "RF101", HELD, "receptive field 55 is > 44", 55, None),
    ("receptive_field", ">= 55", "RF101", HELD, "receptive field 55 is >= 55", 55, None),
    ("receptive_field", "> 55", "RF101", BROKEN, "receptive field 55 is not > 55 (1 short)", 55, 1),
    ("receptive_field", ">= 60", "RF101", BROKEN, "receptive field 55 is not >= 60 (5 short)", 55, 5),
    ("receptive_field", "< 55", "RF102", BROKEN, "receptive field 55 is not < 55 (1 too large)", 55, 1),
    ("receptive_field", "< 60", "RF102", HELD, "receptive field 55 is < 60", 55, None),
    ("receptive_field", "45..64", "RF101", HELD, "receptive field 55 is in 45..64", 55, None),
    ("receptive_field", "60..64", "RF101", BROKEN, "receptive field 55 is not in 60..64 (5 short)", 55, 5),
    ("receptive_field", "45..50", "RF102", BROKEN, "receptive field 55 is not in 45..50 (5 too large)", 55, 5),
    ("receptive_field", "== 47", "RF102", BROKEN, "receptive field 55 is not 47 (8 too large)", 55, 8),
    ("receptive_field", 55, "RF101", HELD, "receptive field 55 is 55", 55, None),
    ("receptive_field_features", ">= 32", "RF103", HELD, "receptive field 39 before pooling is >= 32", 39, None),
    ("receptive_field_features", "> 44", "RF103", BROKEN, "receptive field 39 before pooling is not > 44 (6 short)", 39, 6),
    ("receptive_field_features", "< 39", "RF104", BROKEN, "receptive field 39 before pooling is not < 39 (1 too large)", 39, 1),
    ("jump", "<= 4", "RF105", HELD, "jump 4 is <= 4", 4, None),
    ("jump", "< 4", "RF105", BROKEN, "jump 4 is not < 4 (1 too large)", 4, 1),
    ("coverage", ">= 0.9", "RF106", HELD, "coverage 1 is >= 0.9", 1.0, None),
    ("coverage", "< 90%", "RF106", BROKEN, "coverage 100.0% is not < 90% (10.0% too much)", 1.0, 0.1),
    ("params", "< 200k", "RF110", HELD, "145,114 parameters are < 200k", 145_114, None),
    ("params", "< 145_114", "RF110", BROKEN, "145,114 parameters are not < 145_114 (1 too many)", 145_114, 1),
    ("params", ">= 150k", "RF110", BROKEN, "145,114 parameters are not >= 150k (4,886 too few)", 145_114, 4_886),
    ("macs", "< 20M", "RF111", HELD, "18.8M MACs are < 20M", 18_828_096, None),
    ("macs", "< 10M", "RF111", BROKEN, "18.8M MACs are not < 10M (8.8M too many)", 18_828_096, 8_828_097),
    ("macs", "<= 18.8M", "RF111", BROKEN, "18,828,096 MACs are not <= 18.8M (28,096 too many)", 18_828_096, 28_096),
    ("activation_memory", "< 2 MiB", "RF112", HELD, "activation memory 0.79 MiB is < 2 MiB", 827_984, None),
    ("activation_memory", "< 0.5 MiB", "RF112", BROKEN, "activation memory 0.79 MiB is not < 0.5 MiB (0.29 MiB too much)",
     827_984, 303_697),
]  # fmt: skip


@pytest.mark.parametrize(("name", "limit", "code", "status", "message", "value", "gap"), NUMBERS)
def test_numbers_of_a_network(
    first: Report, name: str, limit: object, code: str, status: Status, message: str, value: object, gap: object
) -> None:
    found = finding(first, **{name: limit})
    assert (found.code, found.status, found.message, found.value) == (code, status, message, value)
    assert found.gap == (pytest.approx(gap) if gap is not None else None)
    assert bool(found.help) == (status is BROKEN)


@pytest.mark.parametrize(
    ("params", "limit", "message"),
    [
        (200_000, "< 200k", "200,000 parameters are not < 200k (1 too many)"),
        (200_001, "<= 200k", "200,001 parameters are not <= 200k (1 too many)"),
        (199_999, ">= 200k", "199,999 parameters are not >= 200k (1 too few)"),
    ],
)
def test_a_value_beside_its_limit_is_written_in_full(first: Report, params: int, limit: str, message: str) -> None:
    report = replace(first, totals=replace(first.totals, params=params))
    assert finding(report, params=limit).message == message


@pytest.mark.parametrize(
    ("macs", "limit", "message"),
    [
        (60_000_000, "< 60M", "60.0M MACs are not < 60M (1 too many)"),
        (60_010_000, "< 60M", "60,010,000 MACs are not < 60M (10,001 too many)"),
        (59_990_000, "< 60M", "59,990,000 MACs are < 60M"),
        (60_040_000, "< 60.1M", "60.0M MACs are < 60.1M"),
    ],
)
def test_a_value_is_rounded_only_where_that_misleads_nobody(first: Report, macs: int, limit: str, message: str) -> None:
    report = replace(first, totals=replace(first.totals, macs=macs))
    assert finding(report, macs=limit).message == message


@pytest.mark.parametrize(
    ("size", "limit", "message"),
    [
        (2 * 2**20, "< 2 MiB", "activation memory 2.0 MiB is not < 2 MiB (1 B too much)"),
        (2 * 2**20 + 100, "<= 2 MiB", "activation memory 2,097,252 B is not <= 2 MiB (100 B too much)"),
    ],
)
def test_memory_beside_its_limit(first: Report, size: int, limit: str, message: str) -> None:
    report = replace(first, totals=replace(first.totals, activation_bytes=size))
    assert finding(report, activation_memory=limit).message == message


class TestAxes:
    def test_the_axis_that_is_worst_is_named(self) -> None:
        found = finding(Oblong(), receptive_field="> 8")
        assert found.message == "receptive field 7x9: height 7 is not > 8 (2 short)"
        assert (found.value, found.gap, found.layer) == ("7x9", 2, "tall")

    def test_a_limit_for_each_axis(self) -> None:
        assert finding(Oblong(), receptive_field=["> 6", "> 8"]).status is HELD
        found = finding(Oblong(), receptive_field=["> 6", "> 9"])
        assert found.message == "receptive field 7x9: width 9 is not > 9 (1 short)"
        assert found.limit == "> 6 x > 9"

    def test_held_on_every_axis(self) -> None:
        assert finding(Oblong(), receptive_field="> 6").message == "receptive field 7x9 is > 6"

    def test_the_wrong_number_of_limits_is_undecided(self) -> None:
        found = finding(Oblong(), receptive_field=["> 6", "> 8", "> 9"])
        assert found.status is UNDECIDED
        assert found.message == "3 limits for 2 axes: give one for all, or one for each"

    def test_sound_and_volumes_have_their_own_axes(self) -> None:
        volume = nn.Conv3d(1, 2, (1, 3, 5))
        assert finding(volume, (1, 1, 8, 8, 8), receptive_field="> 1").message == (
            "receptive field 1x3x5: depth 1 is not > 1 (1 short)"
        )
        assert (
            finding(nn.Conv1d(1, 2, 3), (1, 1, 50), receptive_field="> 3").message
            == "receptive field 3 is not > 3 (1 short)"
        )

    def test_jumps_of_fractions(self) -> None:
        network = chain(conv(3, 8), nn.ConvTranspose2d(8, 8, 2, 2))
        found = finding(network, jump=">= 1")
        assert found.message == "jump 1/2 is not >= 1 (1/2 short)"
        assert (found.value, found.gap) == ("1/2", 0.5)
        assert finding(network, jump="<= 1/2").status is HELD


class TestNotExact:
    def test_behind_an_unknown_operator_limits_are_undecided(self) -> None:
        found = {f.rule: f for f in findings(Unknown(), receptive_field="> 44", params="< 200k")}
        field = found["receptive_field > 44"]
        assert field.status is UNDECIDED
        assert field.message == "receptive field is not known: the operator aten._fft_c2c has no rule"
        assert found["params < 200k"].status is HELD

    def test_the_operator_is_reported_in_any_case(self) -> None:
        found = [f for f in findings(Unknown(), params="< 200k") if f.code == "RF401"]
        assert len(found) == 1
        assert (found[0].status, found[0].severity, found[0].rule) == (BROKEN, Severity.WARNING, "unknown operator")
        assert found[0].message == (
            "aten._fft_c2c: no rule for this operator; the fields of 2 layers from fft_c2c on are not known, nor is the network's"
        )
        assert found[0].layer == "fft_c2c"
        assert not found[0].fails

    def test_a_required_part_may_hide_in_it(self) -> None:
        found = [f for f in findings(Unknown(), require=["dilated"]) if f.code == "RF201"]
        assert found[0].status is UNDECIDED
        assert found[0].message == (
            "no dilated convolution, but the operator aten._fft_c2c in fft_c2c has no rule and hides others"
        )

    def test_layers_behind_it_cannot_be_called_productive(self) -> None:
        found = [f for f in findings(Unknown(), no_unproductive_layers=True) if f.code == "RF301"]
        assert found[0].status is UNDECIDED

    @pytest.mark.parametrize(
        ("limit", "status", "message"),
        [
            ("< 40", HELD, "receptive field 31 is < 40"),
            ("> 31", BROKEN, "receptive field 31 is not > 31 (1 short)"),
            ("> 30", UNDECIDED, "receptive field is at most 31, an upper bound: that does not decide > 30"),
            ("< 20", UNDECIDED, "receptive field is at most 31, an upper bound: that does not decide < 20"),
            ("> 7", HELD, "receptive field 31 is > 7"),
            ("8..40", HELD, "receptive field 31 is in 8..40"),
            ("9..40", UNDECIDED, "receptive field is at most 31, an upper bound: that does not decide 9..40"),
        ],
    )
    def test_an_upper_bound_decides_only_its_safe_side(self, limit: str, status: Status, message: str) -> None:
        report = report_of(Folded(), (1, 3, 8, 8))
        output = report.layers[-1]
        bounded = replace(output, flags=("bound",), receptive_field=(31, 31), extent=(8, 8))
        report = replace(
            report, layers=(*report.layers[:-1], bounded), totals=replace(report.totals, receptive_field=(31, 31))
        )
        found = finding(report, receptive_field=limit)
        assert (found.status, found.message) == (status, message)

    def test_a_jump_without_two_units_is_undefined(self, first: Report) -> None:
        found = finding(replace(first, totals=replace(first.totals, jump_features=(None, None))), jump="<= 8")
        assert found.status is UNDECIDED
        assert found.message == "jump is undefined: no two units are left to compare"


# -- layers -----------------------------------------------------------------------------------------------------------


class TestLayers:
    def test_the_worst_of_a_pattern_is_named_and_the_others_counted(self, first: Report) -> None:
        found = finding(first, layers={"conv[23].*": {"receptive_field": "> 20"}})
        assert found.message == "receptive field 11 of conv2.0 is not > 20 (10 short); so are 15 other layers"
        assert (found.rule, found.layer) == ("receptive_field > 20 in conv[23].*", "conv2.0")

    def test_held_for_all(self, first: Report) -> None:
        found = finding(first, layers={"dsb.*": {"receptive_field": ">= 27"}})
        assert found.message == "receptive field of all 5 layers is >= 27"

    def test_a_single_layer(self, first: Report) -> None:
        assert finding(first, layers={"dsb.0": {"params": "< 2k"}}).message == "1,152 parameters of dsb.0 are < 2k"
        assert (
            finding(first, layers={"dsb.0": {"macs": "< 1k"}}).message
            == "115k MACs of dsb.0 are not < 1k (114k too many)"
        )

    @pytest.mark.parametrize(
        ("pattern", "sentence"),
        [
            ("convv*", "no layer matches 'convv*'; did you mean 'conv5.*'?"),
            ("dsb", "no layer is called 'dsb': for all layers in it write 'dsb.*'"),
            ("dsb.9", "no layer matches 'dsb.9'; did you mean 'dsb.4'?"),
            ("zzz", "no layer matches 'zzz'"),
        ],
    )
    @pytest.mark.parametrize(
        "check", ["params", "no_unproductive_layers", "aligned", "kernel_size", "forbid", "require"]
    )
    def test_a_pattern_without_a_layer_is_undecided(
        self, first: Report, pattern: str, sentence: str, check: str
    ) -> None:
        subject = {"forbid": "max_pooling", "require": "dilated"}.get(check)
        limits = parse_limits("< 5") if check in ("params", "kernel_size") else ()
        asked = Requirement(check, limits, subject, layers=pattern)
        answer = check_of(first, asked)
        assert (answer.status, answer.message) == (UNDECIDED, sentence)

    def test_calls_of_one_module_share_its_name(self) -> None:
        class Twice(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = conv(3, 3)

            def forward(self, x: Tensor) -> Tensor:
                return self.conv(self.conv(x))

        assert finding(Twice(), layers={"conv": {"receptive_field": "> 4"}}).layer == "conv"
        assert finding(Twice(), layers={"conv#2": {"receptive_field": "> 4"}}).status is HELD

    @pytest.mark.parametrize(
        ("name", "limit", "code", "message"),
        [
            ("kernel_size", "< 3", "RF205", "kernel size 3 of conv1.0 is not < 3 (1 too large); so are 9 other layers"),
            ("stride", "< 2", "RF206", "stride 2 of conv1.0 is not < 2 (1 too large); so is 1 other layer"),
            ("dilation", "< 2", "RF207", "dilation 2 of conv2.0 is not < 2 (1 too large); so are 3 other layers"),
        ],
    )
    def test_windows_of_convolutions(self, first: Report, name: str, limit: str, code: str, message: str) -> None:
        found = finding(first, **{name: limit})
        assert (found.code, found.status, found.message) == (code, BROKEN, message)

    def test_windows_of_poolings_do_not_count(self, first: Report) -> None:
        assert first["gap.0"].kernel_size == (5, 5)
        assert finding(first, kernel_size="<= 3").status is HELD
        assert finding(first, stride="<= 2").status is HELD

    def test_a_dilation_of_a_1x1_kernel_does_not_count(self) -> None:
        assert finding(nn.Conv2d(3, 8, 1, dilation=4), dilation="<= 2").message == "no convolution has a dilation"
        across = finding(nn.Conv2d(3, 8, (1, 3), dilation=(4, 1)), dilation="<= 2")
        assert across.status is HELD

    def test_a_pattern_that_holds_no_convolution_is_undecided(self, first: Report) -> None:
        found = finding(first, layers={"gap.*": {"kernel_size": "<= 3"}})
        assert (found.status, found.message) == (UNDECIDED, "none of the layers gap.* has a kernel")


def check_of(report: Report, requirement: Requirement) -> Answer:
    return check(requirement, Subject(Graph.of(report)))


def test_a_check_that_does_not_exist_is_a_mistake_of_the_program(first: Report) -> None:
    with pytest.raises(ValueError, match=r"there is no check 'colour'; there are .*receptive_field"):
        check_of(first, Requirement("colour"))
