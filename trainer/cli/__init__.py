"""The command line: read the options, call, write, exit code.

Exit codes: 0 done, 1 the gate refused or the training failed, 2 it could not run, 3 a fault of ours, 129, 130 and 143
when SIGHUP, Ctrl-C or SIGTERM stopped a training, whose state is saved.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from rfkit.ctrl_c import EXIT_CODE, CtrlC
from trainer.cli.app import app
from trainer.cli.messages import exit_code, message
from trainer.interruption import StopError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one line on stderr.

    Args:
        arguments: what follows ``trainer`` on the command line; None: those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    with CtrlC() as pressed:
        code = _run(words, pressed)
    if pressed:
        sys.stderr.write("trainer: interrupted\n")
        return EXIT_CODE
    return code


def _run(words: Sequence[str], pressed: CtrlC) -> int:
    try:
        return int(app(words, prog_name="trainer", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_CODE
    except StopError as stopped:
        sys.stderr.write("trainer: stopped at once, before there was a state to go on from\n")
        return stopped.exit_code
    except Exception as error:
        if pressed:
            return EXIT_CODE
        if "--debug" in words:
            import traceback

            traceback.print_exc()
        for each in message(error).splitlines():
            sys.stderr.write(f"trainer: {each}\n")
        return exit_code(error)
