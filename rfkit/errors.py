"""The errors rfkit raises on purpose, and the exit code each one means.

RfkitError                 2  it could not run; the message names the thing and the remedy
├── TargetError            2  the file, the class or the constructor
├── InputError             2  the input shape, or the forward that refuses it
├── UsageError             2  an option, a layer name, an output file
│   └── NothingAskedError  2  a check without a rule
└── SpecError              2  a specification: all of its mistakes, a line each

A command exits with 0 when it passed, 1 when a check failed, 2 when it could not run, 3 for a fault of ours, 130 when
Ctrl-C ended it.
"""

from __future__ import annotations


class RfkitError(Exception):
    """Something the user can put right. The message is one line: what was given, what was expected, what to do."""

    exit_code = 2


class TargetError(RfkitError):
    """The target cannot be turned into a module: no such file, no such class, a constructor that fails."""


class InputError(RfkitError):
    """The input shape is malformed, or the model's forward does not accept it."""


class UsageError(RfkitError):
    """An option, a layer name or an output file that cannot be used."""


class NothingAskedError(UsageError):
    """A network is to be checked, and neither a rule nor a baseline asks anything of it."""


class SpecError(RfkitError):
    """A specification that cannot be used. The message has one line per mistake."""
