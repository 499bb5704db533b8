"""What the commands on runs share: where they write, and options that several of them have."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trainer.config.settings import nearest
from trainer.errors import TrainerError

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
]
Weights = Annotated[
    str, typer.Option("--weights", metavar="WHICH", help="best, by validation; last; or ema, the average at the end.")
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="TARGET", help="Where the network is now. Default: where it was, else the run's copy."
    ),
]
Device = Annotated[
    str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda or mps. Default: where it was trained.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

WEIGHTS = ("best", "last", "ema")


def check_choice(option: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a value that is not among those allowed.

    Raises:
        TrainerError: the message names them.
    """
    if value not in allowed:
        raise TrainerError(f"{option} {value!r} is not one of {', '.join(allowed)}{nearest(value, tuple(allowed))}")


def write(text: str, output: Path | None) -> None:
    """Write to stdout, where a reader who has gone is no error, or to a file.

    Raises:
        TrainerError: it cannot be written.
    """
    if output is not None and str(output) != "-":
        from trainer.files import write_whole

        write_whole(output, text)
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise TrainerError(f"cannot write to stdout: {(error.strerror or str(error)).lower()}") from error


def say(text: str) -> None:
    """Write to stderr, our name before every line."""
    for line in text.splitlines():
        sys.stderr.write(f"trainer: {line}\n")


def width() -> int:
    """Columns to write to: COLUMNS where it is set, else the terminal's, 120 without one."""
    return shutil.get_terminal_size((120, 24)).columns
