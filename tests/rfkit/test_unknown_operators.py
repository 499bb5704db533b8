"""What rfkit has no rule for is named and taints what follows; a rule can be taught; a table never forgets or doubles one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import rfkit
from rfkit.footprint import Footprint, taps
from rfkit.rules import TABLE, See
from rfkit.rules.registry import _FOUND
from rfkit.tracing import Call

library = torch.library.Library("rfkit_tests", "FRAGMENT")
library.define("neighbours(Tensor x) -> Tensor")


def _shifted_sum(x: Tensor) -> Tensor:
    return x + x.roll(1, -1)


library.impl("neighbours", _shifted_sum, "CompositeExplicitAutograd")
neighbours = torch.ops.rfkit_tests.neighbours.default


class Smoothed(nn.Module):
    """A convolution, an operator nobody knows, and another convolution with a path around it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.aside = nn.Conv2d(4, 4, 5, padding=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.first(x)
        return self.second(torch.ops.rfkit_tests.neighbours(x)).relu() * 2, self.aside(x)


def test_an_unknown_operator_is_named_and_taints_what_follows_alone() -> None:
    report = rfkit.trace(Smoothed(), (1, 3, 13, 11))
    assert [layer.label for layer in report] == ["first", "neighbours", "second", "aside"]
    for label in ("neighbours", "second"):
        assert report[label].unknown == "rfkit_tests.neighbours"
        assert report[label].flags == ("unknown",)
        assert report[label].receptive_field == (None, None)
        assert report[label].coverage is None
    assert report["second"].params == 4 * 4 * 9 + 4
    assert report["aside"].receptive_field == (7, 7)
    assert report["aside"].unknown is None


@pytest.fixture
def taught() -> Iterator[None]:
    @rfkit.rule(neighbours)
    def sum_of_neighbours(call: Call, see: See) -> Footprint | None:
        field, output = see(call.args[0]), call.outputs[0]
        assert field is not None
        assert output is not None
        return see.union([field, field.gather(-1, taps.roll(output.shape[-1], 1))], output.shape)

    yield
    del TABLE[neighbours]
    _FOUND.clear()


@pytest.mark.usefixtures("taught")
def test_a_taught_rule_makes_it_known() -> None:
    report = rfkit.trace(Smoothed(), (1, 3, 13, 11), units=True)
    assert {layer.unknown for layer in report} == {None}
    assert report["second"].receptive_field == (5, 6)
    units = report["second"].units
    assert units is not None
    lo, hi = units[1]
    assert (lo[5], hi[5]) == (2, 7)


@pytest.mark.usefixtures("taught")
def test_a_second_rule_for_one_operator_is_refused_and_both_are_named() -> None:
    with pytest.raises(ValueError, match=r"two rules: sum_of_neighbours and other"):

        @rfkit.rule(neighbours)
        def other(call: Call, see: See) -> None:
            return None
