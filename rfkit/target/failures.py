"""Turning what a user's file or constructor raises into one line: what failed, why, where, and what to do."""

from __future__ import annotations

import inspect
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TextIO

from rfkit.errors import TargetError
from rfkit.target.importing import Neighbourhood, installed

OFFER = ", or --stub-missing if the network does without it"

_LONGEST = 300
_WEIGHTS = re.compile(r"(weights|pretrained)(_.*)?")
_OFFLINE = {"ConnectionError", "HTTPError", "LocalEntryNotFoundError", "MaxRetryError", "URLError", "gaierror"}
_PIP_NAMES = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def failure(
    error: BaseException,
    what: str,
    doing: str,
    neighbourhood: Neighbourhood,
    make: Callable[[], object] | None = None,
) -> TargetError:
    """The error to show for what was raised while ``what`` (``net.py:Net``) was ``doing`` (``built``, ``imported``).

    ``make`` is what built it, if that was what failed.
    """
    place = neighbourhood.place(error)
    where = f" ({place[0]}, line {place[1]})" if place else ""
    said = _said(error, neighbourhood)
    if isinstance(error, SystemExit):
        remedy = '; what only a script should do belongs under if __name__ == "__main__"' if doing == "imported" else ""
        return TargetError(f"{what} exits while it is {doing}: {said}{where}{remedy}")
    if any(kind.__name__ in _OFFLINE for link in _chain(error) for kind in type(link).__mro__):
        return TargetError(f"{what} cannot be {doing}, a download failed: {said}; {_without_download(make)}")
    remedy = _missing(error, doing, neighbourhood) if isinstance(error, ModuleNotFoundError) else ""
    return TargetError(f"{what} cannot be {doing}: {said}{where}{remedy}")


@contextmanager
def last_words() -> Iterator[None]:
    """Hold stderr back while a file is imported: if it exits, as argparse does, its last line becomes the reason.

    Raises:
        SystemExit: with that line as its code, if the code that runs in here exits with a mere number.
    """
    held = _Held(sys.stderr)
    try:
        with redirect_stderr(held):
            yield
    except SystemExit as error:
        lines = held.text().strip().splitlines()
        held.forget()
        if lines and error.code and not isinstance(error.code, str):
            error.code = lines[-1]
            error.args = (lines[-1],)
        raise
    finally:
        held.release()


class _Held(io.TextIOWrapper):
    """Keeps what is written until it is released; from then on passes it on, as a logging handler may still hold it.

    Files reconfigure standard streams, or wrap their buffer anew, which closes it in the end: it has a buffer to lose.
    """

    def __init__(self, stream: TextIO) -> None:
        self._bytes = io.BytesIO()
        self._stream = stream
        self._released = False
        super().__init__(self._bytes, encoding="utf-8", errors="replace", write_through=True)

    def write(self, text: str) -> int:
        return self._stream.write(text) if self._released else super().write(text)

    def fileno(self) -> int:
        return self._stream.fileno()

    def text(self) -> str:
        return "" if self._bytes.closed else self._bytes.getvalue().decode("utf-8", "replace")

    def forget(self) -> None:
        if not self._bytes.closed:
            self._bytes.truncate(0)

    def release(self) -> None:
        self._released = True
        self._stream.write(self.text())


def _said(error: BaseException, neighbourhood: Neighbourhood) -> str:
    """The last line of the error's traceback; of a message with several lines, their text in one."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    message = " ".join(message.replace(f"{neighbourhood.name}.", "").split())
    message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."
    if isinstance(error, SystemExit):
        return message if isinstance(error.code, str) else f"sys.exit({message})"
    if isinstance(error, ModuleNotFoundError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _missing(error: ModuleNotFoundError, doing: str, neighbourhood: Neighbourhood) -> str:
    """Where to get a module from: a folder nearby that holds it, else its name at pip."""
    top = (error.name or "").partition(".")[0]
    if not top or top == neighbourhood.name or installed(top):
        return ""
    home = nearby(top, neighbourhood)
    if home is not None:
        return f": it lies in {neighbourhood.short(str(home))}, start there"
    return f": pip install {pip_name(top)}" + (OFFER if doing == "imported" else "")


def _without_download(make: Callable[[], object] | None) -> str:
    """How to do without pretrained weights: the arguments of the constructor that ask for them, as they are by now."""
    try:
        parameters = () if make is None else tuple(inspect.signature(make).parameters.values())
    except (TypeError, ValueError):
        parameters = ()
    asking = [p for p in parameters if _WEIGHTS.fullmatch(p.name)]
    asking = [p for p in asking if not any(p.default is nothing for nothing in (None, False, p.empty))]
    options = [f"--arg {p.name}={None if p.name.startswith('weights') else False}" for p in asking]
    return f"do without it: {' '.join(options)}" if options else "fetch it beforehand, or let the code do without it"


def nearby(top: str, neighbourhood: Neighbourhood) -> Path | None:
    """The folder, one below those a file may import from, that holds a module of this name; None without one."""
    for folder in neighbourhood.folders:
        for pattern in (f"*/{top}.py", f"*/{top}/__init__.py"):
            for found in Path(folder).glob(pattern):
                return found.parent if found.stem == top else found.parent.parent
    return None


def pip_name(top: str) -> str:
    """What ``pip install`` calls the package that is imported as ``top``."""
    return _PIP_NAMES.get(top, top)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
