"""``max_hole``: how long a run of positions the last feature map may skip."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from rfkit.gate.findings import Finding, Status
from rfkit.gate.run import Conditions, job_of
from rfkit.gate.spec.keywords import model_of
from tests.rfkit.gate.asking import IMAGE, Flat, chain, conv, finding, findings, report_of

HELD, BROKEN, UNDECIDED = Status.HELD, Status.BROKEN, Status.UNDECIDED


def dilated(*rates: int) -> nn.Sequential:
    return chain(*(conv(3, 3, dilation=rate) for rate in rates))


def asked(network: nn.Module, limit: object, size: int = 32) -> Finding:
    return finding(report_of(network, (1, 3, size, size), holes=True), max_hole=limit)


@pytest.mark.parametrize(
    ("limit", "status", "message", "gap"),
    [
        ("<= 2", HELD, "longest hole 2 is <= 2", None),
        ("< 3px", HELD, "longest hole 2 is < 3", None),
        ("<= 1", BROKEN, "longest hole 2 is not <= 1 (1 too large)", 1),
        (0, BROKEN, "longest hole 2 is not 0 (2 too large)", 2),
        (["<= 2", "<= 1"], BROKEN, "longest hole 2 is not <= 1 (1 too large)", 1),
    ],
)
def test_a_limit_on_the_holes_of_the_features(limit: object, status: Status, message: str, gap: int | None) -> None:
    found = asked(chain(dilated(1, 2, 9), Flat()), limit)
    assert (found.code, found.status, found.message, found.gap) == ("RF108", status, message, gap)


def test_holes_that_are_filled_in_before_the_features_do_not_count() -> None:
    assert asked(dilated(2, 1), "<= 0").status is HELD
    assert asked(chain(dilated(2), Flat()), "<= 0").status is BROKEN


def test_an_axis_of_its_own_is_named() -> None:
    found = asked(chain(nn.Conv2d(3, 3, 3, dilation=(1, 4))), "<= 1")
    assert found.message == "longest hole 0x3: width 3 is not <= 1 (2 too large)"


class TestTheLayerResponsible:
    def test_is_the_first_at_which_the_hole_grows_past_the_limit(self) -> None:
        network = dilated(2, 2, 14, 1)
        for limit, label in (("<= 0", "0"), ("<= 1", "2")):
            found = asked(network, limit)
            assert found.layer == label
            assert f"the hole grows past the limit at {label} and lasts up to 3" in found.help

    def test_is_one_of_several_paths(self) -> None:
        class Paths(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.wide, self.narrow = dilated(1, 12), dilated(11)

            def forward(self, x: Tensor) -> Tensor:
                return self.wide(x) + self.narrow(x)

        found = asked(Paths(), "<= 1")
        assert found.layer == "wide.1"
        assert found.help[0] == "the hole grows past the limit at wide.1, and on other paths at narrow.0"

    @pytest.mark.parametrize(("limit", "rate", "hole"), [("<= 0", 7, 0), ("<= 1", 8, 1), ("<= 3", 10, 3)])
    def test_is_helped_by_a_rate_that_was_tried(self, limit: str, rate: int, hole: int) -> None:
        help_ = f"with dilation {rate} instead of 14, the longest hole of 2 is {hole}"
        assert asked(dilated(1, 2, 14), limit, 64).help == (help_,)
        assert report_of(dilated(1, 2, rate), (1, 3, 64, 64), holes=True)["2"].max_hole == (hole, hole)


def test_of_single_layers() -> None:
    network = chain(dilated(2, 1))
    found = findings(report_of(network, IMAGE, holes=True), layers={"*.0": {"max_hole": "<= 0"}})
    assert [(f.status, f.message, f.layer) for f in found] == [
        (BROKEN, "longest hole 1 of 0.0 is not <= 0 (1 too large)", "0.0")
    ]


def test_a_report_that_did_not_look_for_holes_decides_nothing() -> None:
    found = finding(report_of(dilated(2, 2)), max_hole="<= 5")
    assert (found.status, found.message) == (
        UNDECIDED, "longest hole is undefined: the trace did not look for holes",
    )  # fmt: skip


def test_holes_are_looked_for_where_the_spec_asks() -> None:
    for rules in ({"max_hole": "<= 1"}, {"layers": {"conv*": {"max_hole": "<= 1"}}}):
        assert job_of(model_of("net.py:Net", rules), Conditions()).holes
    assert not job_of(model_of("net.py:Net", {"params": "< 1k"}), Conditions()).holes
