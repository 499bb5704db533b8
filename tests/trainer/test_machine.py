"""Where a training runs: what is not there is said in one whole line."""

from __future__ import annotations

import pytest
import torch

from trainer.errors import TrainerError
from trainer.machine import choose_device


@pytest.mark.parametrize("name", ["tpu", "cuda:x", ""])
def test_a_word_that_is_no_device_is_answered_by_those_there_are(name: str) -> None:
    with pytest.raises(TrainerError) as caught:
        choose_device(name)
    assert str(caught.value) == f"--device {name!r} is not one of auto, cpu, cuda, mps"


def test_a_device_that_is_not_here_is_answered_by_pytorchs_first_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise RuntimeError(
            "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and\n more."
        )

    monkeypatch.setattr(torch, "empty", absent)
    with pytest.raises(TrainerError) as caught:
        choose_device("cuda")
    assert str(caught.value) == "--device cuda: Found no NVIDIA driver on your system; cpu is always there"
