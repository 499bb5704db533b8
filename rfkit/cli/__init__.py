"""The command line: read the options, call, write, exit code. The only place that prints.

stdout carries what was asked for and nothing else; whatever else there is to say goes to stderr.
Exit codes: 0 it passed, 1 a check failed, 2 it could not run, 3 a fault of ours, 130 Ctrl-C ended it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from rfkit.cli.app import app
from rfkit.cli.messages import exit_code, message
from rfkit.cli.output import flush, say
from rfkit.ctrl_c import EXIT_CODE, CtrlC


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one line on stderr.

    Args:
        arguments: what follows ``rfkit`` on the command line; None: those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    with CtrlC() as pressed:
        code = _run(words, pressed)
    if pressed or code == EXIT_CODE:
        say("interrupted")
        return EXIT_CODE
    return code


def _run(words: Sequence[str], pressed: CtrlC) -> int:
    try:
        code = app(words, prog_name="rfkit", standalone_mode=False) or 0
        flush()
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_CODE
    except Exception as error:
        if pressed:
            return EXIT_CODE
        if "--debug" in words:
            import traceback

            traceback.print_exc()
        say(message(error))
        return exit_code(error)
    return int(code)
