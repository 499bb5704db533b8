"""The command line: read the options, call, write, exit code.

Exit codes: 0 done, 1 the gate refused or the training failed, 2 it could not run, 3 a fault of ours, 130 and 143 when
Ctrl-C or SIGTERM stopped a training, whose state is saved.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any

import typer

from trainer.cli.app import app
from trainer.cli.messages import exit_code, message

INTERRUPTED = 130


class _CtrlC:
    """Within it Ctrl-C is noted, whatever becomes of the exception that it raises; true once it was pressed."""

    def __init__(self) -> None:
        self._pressed = False
        self._before: Any = None

    def __bool__(self) -> bool:
        return self._pressed

    def __enter__(self) -> _CtrlC:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, *_: object) -> None:
        self._pressed = True
        raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one line on stderr.

    Args:
        arguments: what follows ``trainer`` on the command line; None: those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    with _CtrlC() as pressed:
        code = _run(words, pressed)
    if pressed:
        sys.stderr.write("trainer: interrupted\n")
        return INTERRUPTED
    return code


def _run(words: Sequence[str], pressed: _CtrlC) -> int:
    try:
        return int(app(words, prog_name="trainer", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if pressed:
            return INTERRUPTED
        if "--debug" in words:
            import traceback

            traceback.print_exc()
        for each in message(error).splitlines():
            sys.stderr.write(f"trainer: {each}\n")
        return exit_code(error)
