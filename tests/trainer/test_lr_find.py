"""What the command shows of a sweep of learning rates."""

from __future__ import annotations

from trainer.cli.lr_find import BAR, chart
from trainer.train.lr_find import Sweeping


def test_bars_go_from_nothing_at_the_lowest_loss_to_full_at_the_highest() -> None:
    lines = chart((0.1, 1.0, 10.0), (2.3, 2.1, 2.2))
    assert [line.count("#") for line in lines] == [BAR, 0, BAR // 2]
    assert lines[1] == "  1.00e+00  loss   2.100"


def test_a_long_sweep_takes_a_screen() -> None:
    rates = tuple(float(number) for number in range(1, 151))
    assert 10 < len(chart(rates, rates)) < 20


def test_a_loss_that_hardly_changes_suggests_nothing() -> None:
    flat = Sweeping(rates=(0.1, 1.0, 10.0), losses=(2.303, 2.300, 2.302))
    assert flat.flat
    assert flat.suggestion is None
    assert not Sweeping(rates=(0.1, 1.0, 10.0), losses=(2.303, 2.1, 2.302)).flat
    assert not Sweeping(rates=(0.1, 1.0), losses=(2.303, 2.303), burst=True).flat
