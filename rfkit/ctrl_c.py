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
        self._later: threading.Timer | None = None

    def __bool__(self) -> bool:
        return self._pressed

    def __enter__(self) -> CtrlC:
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._later is not None:
            self._later.cancel()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._pressed = True
        if not _half_imported("torch"):
            raise KeyboardInterrupt
        if self._later is None:
            self._later = threading.Timer(_LATER, self._press_again, [number])
            self._later.daemon = True
            self._later.start()

    def _press_again(self, number: int) -> None:
        """Interrupt the main thread, and what it waits for: a signal raised in this thread would not do that."""
        self._later = None
        if sys.platform == "win32":
            signal.raise_signal(number)
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, number)


def _half_imported(name: str) -> bool:
    return bool(getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False))
