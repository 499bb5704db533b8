"""A guard as the caller has it: a process, the socket to it, and the order it is at."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import rfkit
from rfkit.errors import RfkitError
from rfkit.isolation import processes
from rfkit.isolation.jobs import Ending, Job, Messages, Order, Traced
from rfkit.isolation.verdicts import judge, one_line
from rfkit.isolation.zygote import MARK, SINGLE_THREADED

_START = 120.0
_GRACE = 20.0
_ENDING = 8.0
_BLOCK = 2**16
_SERVE = "import sys; sys.path[:] = sys.argv[5:]; from rfkit.isolation.guard import main; main(*sys.argv[1:5])"


def path() -> list[str]:
    """What ``sys.path`` is in the processes: that of this one, without the working directory, where targets lie."""
    home = os.path.dirname(os.path.dirname(rfkit.__file__))
    return [entry for entry in map(os.path.abspath, sys.path) if entry == home or entry != os.getcwd()]


class Guarded:
    """Starts its process when it is given its first order, and again when that process has come to an end.

    Args:
        scratch: an existing folder of its own.
        mark: text that marks every process below it, and no other.
        early: packages to import before the first target.
    """

    def __init__(self, scratch: Path, mark: str, early: Sequence[str] = ()) -> None:
        self.socket: socket.socket | None = None
        self._scratch = scratch
        self._mark = mark
        self._early = ",".join(early)
        self._process: subprocess.Popen[bytes] | None = None
        self._messages = Messages()
        self._ready = False
        self._order: tuple[int, Order] | None = None
        self._until = 0.0

    @property
    def idle(self) -> bool:
        """Whether it can take an order."""
        return self._order is None

    @property
    def late(self) -> bool:
        """Whether it should have answered by now."""
        return not self.idle and time.monotonic() > self._until

    def take(self, number: int, job: Job, timeout: float, memory: int) -> None:
        """Send it a job."""
        folder = self._scratch / f"job{number}"
        folder.mkdir()
        self._order = number, Order(job, secrets.token_hex(), timeout, memory, str(folder))
        self._send()

    def hear(self) -> tuple[int, Traced] | None:
        """Read from the socket, which has something to read, or give up on a process that is late.

        Returns:
            The number of the job and what came of it, where that is known now.

        Raises:
            RfkitError: if the process cannot be started.
        """
        assert self.socket is not None
        data = b""
        if not self.late:
            with suppress(OSError):
                data = self.socket.recv(_BLOCK)
        if not data:
            return self._lost()
        self._messages.feed(data)
        while taken := self._messages.take():
            header, body = taken
            if "failed" in header:
                raise RfkitError(one_line(str(header["failed"])))
            if "ready" in header:
                self._ready = True
                self._send()
            elif self._order is not None:
                return self._finished(Ending.from_message(header, body))
        return None

    def hang_up(self) -> None:
        """Close the socket, whereupon the process ends, with everything below it."""
        if self.socket is not None:
            self.socket.close()

    def close(self, now: bool = False) -> None:
        """Wait for the process to end; end it by force where that takes long or has to be ``now``."""
        self.hang_up()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                if now:
                    self._process.kill()
                self._process.wait(_ENDING)
            self._process.kill()
            self._process.wait()
        self.socket = self._process = None

    def _start(self) -> None:
        self.socket, theirs = socket.socketpair()
        hidden = "\n".join(f"{name}={os.environ[name]}" for name in SINGLE_THREADED if name in os.environ)
        with theirs, (self._scratch / "said").open("wb") as said:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    _SERVE,
                    str(theirs.fileno()),
                    str(self._scratch),
                    hidden,
                    self._early,
                    *path(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **dict.fromkeys(SINGLE_THREADED, "1"), MARK: self._mark},
                start_new_session=True,
            )
        self._messages, self._ready, self._until = Messages(), False, time.monotonic() + _START

    def _send(self) -> None:
        """Send the order at hand, as soon as the process is ready for it."""
        if self.socket is None:
            self._start()
        elif self._ready and self._order is not None:
            self._until = time.monotonic() + self._order[1].timeout + _GRACE
            with suppress(OSError):
                self.socket.sendall(self._order[1].to_message())

    def _lost(self) -> tuple[int, Traced] | None:
        """The process is gone or late: blame the job that it was at.

        Raises:
            RfkitError: it never was ready for one.
        """
        self.close(now=True)
        processes.end_marked(self._mark)
        if not self._ready:
            said = (self._scratch / "said").read_text(errors="replace").strip().splitlines()
            raise RfkitError(one_line(f"cannot start the process that runs the targets: {(said or ['no reason'])[-1]}"))
        return None if self._order is None else self._finished(Ending(cut="watcher"))

    def _finished(self, ending: Ending) -> tuple[int, Traced]:
        assert self._order is not None
        (number, order), self._order = self._order, None
        shutil.rmtree(order.scratch, ignore_errors=True)
        return number, judge(order, ending)
