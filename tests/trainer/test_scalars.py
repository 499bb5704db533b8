"""Scalars for TensorBoard."""

from __future__ import annotations

import pytest

from trainer import scalars
from trainer.errors import TrainerError


def test_without_tensorboard_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    scalars.demand_tensorboard()
    monkeypatch.setattr(scalars, "find_spec", lambda _: None)
    with pytest.raises(TrainerError, match=r"--tensorboard needs .*: pip install 'rfkit\[tensorboard\]'"):
        scalars.demand_tensorboard()
