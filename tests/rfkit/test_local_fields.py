"""Local fields leave out what was pooled over all positions and given back to each, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfkit
from tests.exactness import assert_operator_exact

IMAGE = (1, 4, 13, 11)


class Applied(nn.Module):
    """A convolution, then a function of its output."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


CONTEXT = {
    "gate": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    "largest subtracted": lambda x: x - x.amax((2, 3), keepdim=True),
    "pooled branch": lambda x: torch.cat([x, F.adaptive_avg_pool2d(x, 1).expand_as(x)], 1),
    "pooled branch, resampled": lambda x: torch.cat([x, F.interpolate(x.mean((2, 3), keepdim=True), size=(13, 11))], 1),
    "group norm": lambda x: F.group_norm(x, 2),
    "softmax over a row": lambda x: x.softmax(-1),
}


@pytest.mark.parametrize("name", CONTEXT)
def test_context_is_left_out_and_named(name: str) -> None:
    local = rfkit.trace(Applied(CONTEXT[name]), IMAGE)
    strict = rfkit.trace(Applied(CONTEXT[name]), IMAGE, strict=True)
    assert local.layers[-1].receptive_field == (3, 3)
    assert local.layers[-1].context
    assert strict.layers[-1].extent[1] == 11
    assert not strict.layers[-1].context


SLICES = {
    "one column beside": lambda x: torch.cat([x[..., :1], x], -1),
    "circular by one": lambda x: F.pad(x, (1, 1, 1, 1), mode="circular"),
    "column by column": lambda x: torch.stack([x[..., i] for i in (3, 1, 2)], -1),
}


@pytest.mark.parametrize("name", SLICES)
def test_a_slice_of_one_position_is_no_context(name: str) -> None:
    local = rfkit.trace(Applied(SLICES[name]), IMAGE, units=True)
    strict = rfkit.trace(Applied(SLICES[name]), IMAGE, units=True, strict=True)
    assert local.layers[-1].context == ()
    assert local.layers[-1].units == strict.layers[-1].units


PADDED_AWAY = {
    "half of the channels": lambda x: torch.cat([x[..., :1], F.pad(x.roll(3, 2), (1, -11))], 1),
    "after a join": lambda x: F.pad(torch.cat([x[..., :3], F.pad(x, (1, -9))], 1), (2, -2)),
}


@pytest.mark.parametrize("name", PADDED_AWAY)
def test_units_with_nothing_but_padding_on_one_axis_see_nothing_on_the_other(name: str) -> None:
    assert_operator_exact(lambda: PADDED_AWAY[name], IMAGE[1:])
