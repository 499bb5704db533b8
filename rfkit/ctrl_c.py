"""Ctrl-C on a command line: it is never lost, and never comes while torch is being imported."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

EXIT_CODE = 130
"""128 and the signal's number, as a shell has it."""

_LATER = 0.05


class CtrlC:
    """Within it Ctrl-C is noted, whatever becomes of the exception that it raises; true once it was pressed.

    torch's import swallows the exception or aborts the process, depending on the moment, so it waits until torch is there.
    """

    def __init__(self) -> None:
        self._pressed = False
        self._before: Any = None
        self._again: threading.Timer | None = None

    def __bool__(self) -> bool:
        return self._pressed

    def __enter__(self) -> CtrlC:
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._again is not None:
            self._again.cancel()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._pressed = True
        if not _half_imported("torch"):
            raise KeyboardInterrupt
        self._again = threading.Timer(_LATER, signal.raise_signal, [number])
        self._again.daemon = True
        self._again.start()


def _half_imported(name: str) -> bool:
    return bool(getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False))
