"""Where a command writes: stdout or a file for what was asked for, stderr for whatever else there is to say."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rfkit.errors import UsageError

PIPED_WIDTH = 120


def width(terminal: bool = True) -> int:
    """Columns to write to: COLUMNS where it is set, else the terminal's, 120 without one."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if terminal else PIPED_WIDTH


def color() -> bool:
    """Whether to colour what goes to stdout: NO_COLOR and FORCE_COLOR decide, else whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def destination(output: Path | None) -> Iterator[Callable[[str | bytes], None]]:
    """Where the report goes: stdout, or a file that appears when it is complete and is left alone otherwise.

    What it is called with is text, or the bytes of a picture.

    Raises:
        UsageError: the file cannot be written, which is found out on entry.
    """
    if output is None or str(output) == "-":
        yield _print
        return
    path = output.resolve()
    if path.is_dir():
        raise UsageError(f"cannot write {output}: it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"cannot write {output}: permission denied")
    if path.exists() and not path.is_file():
        yield lambda content: _store(path, content, output)
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    _store(part, "", output)

    def write(content: str | bytes) -> None:
        _store(part, content, output)
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)

    try:
        yield write
    finally:
        part.unlink(missing_ok=True)


def _store(path: Path, content: str | bytes, output: Path) -> None:
    try:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {(error.strerror or str(error)).lower()}") from error


def _print(content: str | bytes) -> None:
    if isinstance(content, str):
        print_text(content)
    else:
        flush(content)


def print_text(text: str) -> None:
    """Write to stdout, in ASCII where it has no other characters; a reader who has seen enough is no error."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = text.translate(_PLAIN).encode("ascii", "replace").decode()
    flush(text)


_PLAIN = str.maketrans("█▉▊▋▌▍▎▏…≠○≤", "######--.xo<")


def flush(content: str | bytes = "") -> None:
    """Write to stdout and hand it on; a reader who has gone is no error."""
    try:
        if isinstance(content, str):
            sys.stdout.write(content)
        else:
            sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"cannot write to stdout: {(error.strerror or str(error)).lower()}") from error


def say(message: str) -> None:
    """Write to stderr, our name before every line."""
    for line in message.splitlines():
        sys.stderr.write(f"rfkit: {line}\n")
