"""The errors the trainer raises on purpose, and the exit code each one means.

TrainerError               2  it could not run; the message names the thing and the remedy
└── TrainingError          1  the training itself failed: a loss that is not a number, for one

A command exits with 0 when it did what was asked, 1 when the gate or the training failed, 2 when it could not run,
3 for a fault of ours, 129, 130 and 143 when SIGHUP, Ctrl-C or SIGTERM stopped it.
"""

from __future__ import annotations


class TrainerError(Exception):
    """Something the user can put right. The message is one line: what was given, what was expected, what to do."""

    exit_code = 2


class TrainingError(TrainerError):
    """The training itself failed. The message says where, and which state was kept."""

    exit_code = 1
