"""What to say of an error, and its exit code."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from trainer.errors import TrainerError


def message(error: Exception) -> str:
    """One line: our own as it stands, the option parser's in the same manner, the rest as internal.

    A specification that cannot be used has a line for each of its mistakes.
    """
    if isinstance(error, TrainerError):
        return str(error)
    if hasattr(error, "format_message"):
        return _usage(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"internal error: {what}; run again with --debug and report what it shows"


def exit_code(error: Exception) -> int:
    """Our own errors know theirs; 2 for the option parser's, 3 for a fault of ours."""
    if isinstance(error, TrainerError):
        return error.exit_code
    return 2 if hasattr(error, "format_message") else 3


_NUMBERS = {"valid int": "a whole number", "valid number": "a number", "valid float": "a number"}
"""What the option parser, of whichever version, says of a text that is no number; what we say."""


def _usage(error: Any) -> str:
    said = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "trainer"
    wrong = getattr(error, "option_name", None)
    if "No such option" in said and wrong and context is not None:
        options = [option for param in context.command.params for option in param.opts if option.startswith("--")]
        near = get_close_matches(wrong, options, 1, 0.5)
        return f"no option {wrong}; " + (f"did you mean {near[0]}?" if near else f"{command} --help lists them")
    param = getattr(error, "param", None)
    wanted = next((plain for theirs, plain in _NUMBERS.items() if theirs in said), None)
    if wanted is not None and param is not None:
        return f"{max(param.opts, key=len)} must be {wanted}; see {command} --help"
    if said.startswith("No such command") and context is not None:
        wrong = said.split("'")[1]
        near = get_close_matches(wrong, list(getattr(context.command, "commands", {})), 1, 0.5)
        return f"no command {wrong!r}; " + (f"did you mean trainer {near[0]}?" if near else "trainer --help lists them")
    return f"{said[:1].lower()}{said[1:].rstrip('.')}; see {command} --help"
