"""One line for any error: our own, the option parser's, an internal one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from rfkit.errors import RfkitError, SpecError, UsageError


def message(error: Exception) -> str:
    """What to say of an error: our own as it stands, the option parser's in the same manner, the rest as internal.

    One line, but for a spec, whose mistakes have a line each.
    """
    if isinstance(error, SpecError):
        return str(error)
    if isinstance(error, RfkitError):
        return " ".join(str(error).split())
    if hasattr(error, "format_message"):
        return _usage(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"internal error: {what}; run again with --debug and report what it shows"


def exit_code(error: Exception) -> int:
    """2 for what the user can put right, 3 for a fault of ours."""
    return 2 if isinstance(error, RfkitError) or hasattr(error, "format_message") else 3


def _usage(error: Any) -> str:
    """What the option parser says, in one line with a remedy: the nearest option or command, or the command's help."""
    said = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "rfkit"
    wrong = getattr(error, "option_name", None)
    if "No such option" in said and wrong and context is not None:
        options = [option for param in context.command.params for option in param.opts if option.startswith("--")]
        near = difflib.get_close_matches(wrong, options, 1, 0.5)
        return f"no option {wrong}; " + (f"did you mean {near[0]}?" if near else f"{command} --help lists them")
    if said.startswith("No such command") and context is not None:
        wrong = said.split("'")[1]
        near = difflib.get_close_matches(wrong, list(context.command.commands), 1, 0.5)
        meant = near[0] if near else f"report {wrong}" if ":" in wrong or wrong.endswith(".py") else ""
        return f"no command {wrong!r}; " + (
            f"did you mean {command} {meant}?" if meant else f"{command} --help lists them"
        )
    return f"{said[:1].lower()}{said[1:].rstrip('.')}; see {command} --help"


def check_choice(option: str, value: str, values: Sequence[str]) -> None:
    """Raise a UsageError naming the nearest choice unless the value is one of them."""
    if value not in values:
        near = difflib.get_close_matches(value, values, 1, 0.6)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"{option} {value!r}: {hint}expected one of {', '.join(values)}")
