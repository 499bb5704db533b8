"""Ctrl-C is neither lost nor raised where it would do harm."""

from __future__ import annotations

import signal
import time

import pytest
import torch

from rfkit.ctrl_c import CtrlC


@pytest.fixture(autouse=True)
def usual_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner of tests may have its own."""
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)


def test_it_is_known_even_where_the_exception_is_swallowed() -> None:
    with CtrlC() as pressed:
        assert not pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert pressed


def test_it_waits_until_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.__spec__, "_initializing", True, raising=False)
    with CtrlC() as pressed:
        signal.raise_signal(signal.SIGINT)
        assert pressed
        monkeypatch.setattr(torch.__spec__, "_initializing", False)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(60)
        assert time.monotonic() - began < 30


def test_what_has_ended_before_torch_was_there_is_not_interrupted_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.__spec__, "_initializing", True, raising=False)
    with CtrlC():
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
    time.sleep(0.2)
