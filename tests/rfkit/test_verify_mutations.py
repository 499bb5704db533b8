"""A rule that is wrong is caught: each of these breaks one on purpose, in a network that needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfkit import propagate, verify
from rfkit.footprint import Footprint, taps
from rfkit.rules import pool
from rfkit.verifying import Method, Verdict

SHAPE = (1, 3, 12, 10)
Change = Callable[[Callable[..., Any]], Callable[..., Any]]


def with_arguments(**changed: Callable[[Any], Any]) -> Change:
    """The function, called with some of its arguments changed."""
    names = ("n", "units", "kernel", "stride", "padding", "dilation")

    def change(function: Callable[..., Any]) -> Callable[..., Any]:
        def broken(*arguments: Any) -> Any:
            given = dict(zip(names, arguments, strict=True))
            return function(*(changed.get(name, lambda value: value)(value) for name, value in given.items()))

        return broken

    return change


def parts_the_other_way_round(concat: Callable[..., Footprint]) -> Callable[..., Footprint]:
    def broken(parts: Any, dim: int, counts: Any, shape: Any, **options: Any) -> Footprint:
        return concat(parts[::-1], dim, counts[::-1], shape, **options)

    return broken


def only_the_last_operand(union: Callable[..., Footprint]) -> Callable[..., Footprint]:
    return lambda parts, shape, **options: union(parts[-1:], shape, **options)


def one_tap_fewer(interpolation: Callable[..., taps.Taps]) -> Callable[..., taps.Taps]:
    return lambda n, units, count, *rest: interpolation(n, units, 1, *rest)


def without_wrapping(_: Callable[..., taps.Taps]) -> Callable[..., taps.Taps]:
    return lambda n, shift: taps.pad(n, shift, -shift, "replicate")


def from_the_start(_: Callable[..., taps.Taps]) -> Callable[..., taps.Taps]:
    return lambda start, step, units: taps.Taps(step * torch.arange(units).numpy()[:, None], None, step, 0, 0)


def bins_of_one_size(_: Callable[..., taps.Taps]) -> Callable[..., taps.Taps]:
    return lambda n, units: taps.window(n, units, n // units, n // units, 0, 1)


class Net(nn.Module):
    """A convolution, and a function of what it makes."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function, self.out = nn.Conv2d(3, 4, 3, padding=1), function, nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.function(self.conv(x)))


def after_conv(function: Callable[[Tensor], Tensor]) -> Callable[[], nn.Module]:
    return lambda: Net(function)


def layers(*made: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*(make() for make in made))


@dataclass(frozen=True)
class Mutation:
    """A function of the tracer, what is wrong with it, and a network in which that matters."""

    owner: Any
    name: str
    change: Change
    network: Callable[[], nn.Module]


def conv(**options: Any) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(3, 3, 3, **options)


MUTATIONS = {
    "padding is one more": Mutation(taps, "window", with_arguments(padding=lambda p: p + 1), layers(conv(padding=1))),
    "dilation is ignored": Mutation(taps, "window", with_arguments(dilation=lambda d: 1), layers(conv(dilation=2))),
    "stride is ignored": Mutation(taps, "window", with_arguments(stride=lambda s: 1), layers(conv(stride=2))),
    "kernel is two wider": Mutation(taps, "window", with_arguments(kernel=lambda k: k + 2), layers(conv(), conv())),
    "pooling reads one less": Mutation(
        pool.taps, "window", with_arguments(kernel=lambda k: k - (k == 2)), layers(lambda: nn.MaxPool2d(2))
    ),
    "transposed convolution in another phase": Mutation(
        taps,
        "transposed_window",
        with_arguments(padding=lambda p: p + 1),
        layers(lambda: nn.ConvTranspose2d(3, 3, 4, stride=2, padding=1)),
    ),
    "bilinear reads one tap": Mutation(
        taps, "interpolation", one_tap_fewer, layers(conv(), lambda: nn.Upsample(scale_factor=2, mode="bilinear"))
    ),
    "channels side by side change places": Mutation(
        propagate,
        "concat",
        parts_the_other_way_round,
        after_conv(lambda x: torch.cat([x, F.avg_pool2d(x, 3, 1, 1)], 1)),
    ),
    "a slice starts at zero": Mutation(taps, "crop", from_the_start, after_conv(lambda x: x[:, :, 2:, 1::2])),
    "a roll does not wrap": Mutation(taps, "roll", without_wrapping, after_conv(lambda x: x.roll((2, 1), (2, 3)))),
    "a sum forgets its first operand": Mutation(
        propagate, "union", only_the_last_operand, after_conv(lambda x: F.avg_pool2d(x, 3, 1, 1) + x)
    ),
    "adaptive bins do not overlap": Mutation(
        taps, "adaptive", bins_of_one_size, after_conv(lambda x: F.adaptive_avg_pool2d(x, (5, 3)))
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_rule_is_wrong_and_the_right_one_is_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation = MUTATIONS[name]
    torch.manual_seed(0)
    network = mutation.network()
    assert {layer.verdict for layer in verify(network, SHAPE)} == {Verdict.EQUAL}
    monkeypatch.setattr(mutation.owner, mutation.name, mutation.change(getattr(mutation.owner, mutation.name)))
    found = verify(network, SHAPE)
    assert found.exit_status == 1
    disagreement = found.having(Verdict.WRONG)[0].disagreement
    assert disagreement is not None
    assert disagreement.traced != disagreement.measured


def test_gradients_find_a_broken_rule_where_nan_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Net(torch.nan_to_num), nn.Conv2d(4, 3, 3, dilation=2))
    assert {layer.verdict for layer in verify(network, SHAPE)} == {Verdict.EQUAL}
    monkeypatch.setattr(taps, "window", with_arguments(dilation=lambda d: 1)(taps.window))
    wrong = verify(network, SHAPE)["1"]
    assert (wrong.verdict, wrong.method) == (Verdict.WRONG, Method.GRADIENT)
    assert wrong.disagreement is not None
    assert wrong.disagreement.method is Method.GRADIENT
    assert wrong.disagreement.outside
    assert wrong.gradients_equal == 0 < wrong.gradients
