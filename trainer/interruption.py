"""Ctrl-C, SIGTERM and SIGHUP while training: the first asks to stop at the next step, the second stops at once."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class StopError(BaseException):
    """A signal asked to stop; like KeyboardInterrupt nothing that catches errors, a network's own code for one, takes it.

    Attributes:
        exit_code: 128 and the signal's number, as a shell has it.
        at_once: whether it was the second, which may come in the middle of a step.
    """

    def __init__(self, number: int, *, at_once: bool = False) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        self.at_once = at_once


class Interruption:
    """A context in which signals are noted; `requested` is the number of the one that came, 0 before."""

    def __init__(self) -> None:
        self.requested = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def raise_if_requested(self) -> None:
        """Stop here if a signal came.

        Raises:
            StopError: it did.
        """
        if self.requested:
            raise StopError(self.requested)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.requested:
            raise StopError(number, at_once=True)
        self.requested = number
