from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from trainer.metrics import Tally
from trainer.progress import Bars, Lines, clock, line


def record(**changed: Any) -> dict[str, Any]:
    return {
        "epoch": 3,
        "train_loss": 1.2345,
        "train_accuracy": 56.789,
        "validation_split": "validation",
        "validation_accuracy": 61.5,
        "best_epoch": 3,
        "best_accuracy": 61.5,
        "lr": 0.05,
        "images_per_second": 1234.5,
        **changed,
    }


def test_a_line_says_how_an_epoch_went() -> None:
    assert line(record(), 40, 754.0) == (
        "epoch  3/40  loss 1.234  train 56.79%  validation 61.50%  lr 0.0500   1,234 images/s  12m 34s left  best yet"
    )


def test_on_a_narrow_terminal_it_leaves_out_what_the_bar_says() -> None:
    narrow = line(record(), 40, 754.0, width=80)
    assert narrow == "epoch  3/40  loss 1.234  train 56.79%  validation 61.50%  12m 34s left  best yet"
    assert line(record(), 400, 754.0, width=80).endswith("validation 61.50%  best yet")
    assert line(record(), 40, 754.0, width=120) == line(record(), 40, 754.0)


def test_it_names_the_best_so_far_and_the_test_split_and_leaves_out_what_is_not_known() -> None:
    shown = line(record(best_epoch=2, best_accuracy=70.0, validation_split="test"), None, None)
    assert shown.startswith("epoch 3  loss")
    assert "  test 61.50%  " in shown
    assert shown.endswith("images/s  best 70.00%")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (754, "12m 34s"), (3599.6, "1h 00m"), (9000, "2h 30m")],
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_time_left_follows_from_what_was_done_since_it_began() -> None:
    lines = Lines(lambda _: None)
    tally = Tally(torch.device("cpu"))
    assert lines.left(0.0) is None
    lines.step(tally, 0.5)
    left = lines.left(0.75)
    assert left is not None
    assert 0 <= left < 1


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_a_bar_stands_below_the_lines_and_both_fit(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    bars = Bars()
    tally = Tally(torch.device("cpu"))
    tally.add(torch.tensor(1.5), torch.eye(4), torch.tensor([0, 1, 2, 0]))
    bars.epoch(1, 2, 10, 0)
    bars.step(tally, 0.05)
    bars.epoch_done(record(epoch=1, best_epoch=1), 0.5)
    bars.epoch(2, 2, 10, 4)
    time.sleep(0.25)  # the text moves five times a second
    bars.step(tally, 0.55)
    bars.close()
    shown = capsys.readouterr().out
    assert "epoch 1/2  loss 1.234" in shown
    bar = shown.splitlines()[-1]
    assert bar.startswith("epoch 2/2 ━━━━━━━")
    assert "images/s" in bar
    assert max(map(len, shown.splitlines())) <= columns
