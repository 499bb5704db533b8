"""One target that runs: its pipes, what came through them, and how it ended."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress

from rfkit.isolation.jobs import Ending, Order
from rfkit.isolation.limits import ANSWER, PRINTED
from rfkit.isolation.printed import Printed

_STDIN = b"\n\n\n\n"
_BLOCK = 2**16


class Run:
    """Pipes to a worker, kept by the process that watches it.

    Attributes:
        began: when it was ordered, on the monotonic clock.
        theirs: file descriptors for the worker: to read from, to print to, for its answer, for where it was.
        streams: those to read from here.
        worker: the process, 0 while it is not known.
        status: its exit code, or minus the signal that killed it; None while it runs.
        cut: which limit on what it prints and answers it broke.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._digest = _digest(order)
        self._stdin, feed = os.pipe()
        os.write(feed, _STDIN)
        os.close(feed)
        pipes = {kind: os.pipe() for kind in ("printed", "answer", "trace")}
        self.theirs = [self._stdin, *(writing for _, writing in pipes.values())]
        self.streams = {reading: kind for kind, (reading, _) in pipes.items()}
        self.worker = 0
        self.status: int | None = None
        self.cut = ""
        self._answer, self._trace, self._printed = bytearray(), bytearray(), Printed()
        self.began = time.monotonic()

    def hand_over(self) -> None:
        """Close what the worker has now."""
        for descriptor in self.theirs[1:]:
            os.close(descriptor)
        for descriptor in (self._stdin, *self.streams):
            os.set_blocking(descriptor, False)

    def read(self, descriptor: int) -> bool:
        """Take what is there; False where there is nothing, or nothing more to come."""
        kind = self.streams.get(descriptor)
        try:
            data = os.read(descriptor, _BLOCK) if kind else b""
        except BlockingIOError:
            return False
        if kind == "printed":
            self._printed.add(data)
        elif kind == "trace":
            self._trace += data[: _BLOCK - len(self._trace)]
        elif kind == "answer":
            self._answer += data
        if self._printed.total > PRINTED:
            self.cut = "printing"
        elif len(self._answer) > ANSWER:
            self.cut = "answer"
        if kind and not data:
            del self.streams[descriptor]
            os.close(descriptor)
        return bool(data)

    @property
    def line(self) -> int:
        """The innermost line of the target's file that it has been heard to be at, 0 while there is none."""
        return _line(bytes(self._trace), self._order)

    def drain(self) -> None:
        """Take all that is there, up to the limits."""
        for descriptor in list(self.streams):
            while not self.cut and self.read(descriptor):
                pass

    def ending(self, cut: str, left: tuple[str, ...], seconds: float) -> Ending:
        """How it ended; closes what is left of the pipes."""
        ending = Ending(
            cut=cut,
            status=self.status,
            printed=self._printed.last_line(),
            line=self.line,
            read_stdin=self._stdin_was_read(),
            binary=self._printed.binary,
            left=left,
            rewritten=_digest(self._order) != self._digest,
            seconds=seconds,
            answer=b"" if cut else bytes(self._answer),
        )
        for descriptor in (self._stdin, *self.streams):
            os.close(descriptor)
        return ending

    def _stdin_was_read(self) -> bool:
        try:
            return os.read(self._stdin, len(_STDIN)) != _STDIN
        except BlockingIOError:
            return True


def _digest(order: Order) -> bytes:
    """A digest of the target's file, empty where there is none."""
    with suppress(OSError, ValueError):
        return hashlib.sha256(order.job.file.read_bytes()).digest()
    return b""


def _line(trace: bytes, order: Order) -> int:
    """The innermost line of the target's file in the traceback that ``faulthandler`` wrote, 0 without one."""
    name = order.job.file.name
    for line in trace.decode("utf-8", "replace").splitlines():
        place, found, number = line.strip().removeprefix("File ").partition('", line ')
        digits = number.partition(" ")[0]
        if found and os.path.basename(place.strip('"')) == name and digits.isdecimal():
            return int(digits)
    return 0
