"""The process that watches targets, one at a time: it enforces the limits, and leaves nothing behind.

It is started by the caller with a socket, takes orders and says how each ended. It adopts whatever a target's file starts,
daemons too, and ends all of it. It ends itself, with everything below it, when the other end of the socket is closed.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import time
from contextlib import suppress

from rfkit.isolation import processes, zygote
from rfkit.isolation.jobs import Ending, Messages, Order, message
from rfkit.isolation.limits import LATE, PROCESSES
from rfkit.isolation.run import Run

_TICK = 0.1
_GRACE = 0.5
_WORD = 2.0
_PATIENCE = 5.0
_BLOCK = 2**16


def main(descriptor: str, scratch: str, hidden: str, early: str) -> None:
    """Serve orders from a socket until it is closed.

    Args:
        descriptor: number of the socket.
        scratch: a folder to remove when the caller is gone without having done so.
        hidden: variables to hide from the targets, ``NAME=value`` to put back, joined by newlines.
        early: packages to import before the first target, joined by commas.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.adopt_orphans()
    guard = Guard(socket.socket(fileno=int(descriptor)), hidden, early)
    try:
        guard.serve()
    except ConnectionError:
        shutil.rmtree(scratch, ignore_errors=True)
    finally:
        guard.end_all()


class Guard:
    """The guard's own state: its caller, and the zygote below it."""

    def __init__(self, caller: socket.socket, hidden: str, early: str) -> None:
        self._caller = caller
        self._prepared = hidden, early
        self._zygote = 0
        self._socket = caller
        self._heard = Messages()
        self._start_zygote()

    def serve(self) -> None:
        """Take orders and say how each ended.

        Raises:
            ConnectionError: the caller is gone.
        """
        said = self._listen()
        self._caller.sendall(message(said or {"failed": "the process that imports PyTorch came to an early end"}))
        orders = Messages()
        while said and "ready" in said:
            orders.feed(self._receive())
            while taken := orders.take():
                self._caller.sendall(self.judge(Order.from_header(taken[0])).to_message())

    def judge(self, order: Order) -> Ending:
        """Have an order run, and say how that ended, when nothing is left of it."""
        run = Run(order)
        with suppress(OSError):
            socket.send_fds(self._socket, [order.to_message()], run.theirs)
        run.hand_over()
        cut = self._follow(run, order)
        seconds = time.monotonic() - run.began
        if not cut:
            self._wait_for_the_rest(run)
        left = () if cut else tuple(processes.called(pid) for pid in processes.strays(self._zygote))
        processes.end_strays(self._zygote, run.worker)
        run.drain()
        cut = cut or run.cut
        if run.status is None and not self._settled(run):
            self._restart_zygote()
        return run.ending(cut, left, seconds)

    def end_all(self) -> None:
        """Kill everything below this process."""
        processes.kill([self._zygote])
        processes.end_strays(0)

    def _follow(self, run: Run, order: Order) -> str:
        """Take what comes until the worker has ended; the limit that it broke, if any.

        One whose time is over is first asked where it is, and given a moment to say so; whatever else it does then, it is
        late.
        """
        looked, asked = run.began, False
        while run.status is None:
            now = time.monotonic()
            late = now - run.began - order.timeout
            if late > _WORD or (late > 0 and run.line):
                return "time"
            if late > 0 and run.worker and not asked:
                asked = True
                with suppress(ProcessLookupError):
                    os.kill(run.worker, LATE)
            if now - looked > _TICK:
                looked = now
                if cut := self._over(order):
                    return cut
            ready = self._wait(list(run.streams), _TICK)
            if self._socket.fileno() in ready and not self._hear(run):
                return "watcher"
            for descriptor in ready:
                run.read(descriptor)
            if run.cut:
                return run.cut
        run.drain()
        return "time" if asked else run.cut

    def _over(self, order: Order) -> str:
        """Which limit on memory or processes is broken, if any."""
        family = [pid for pid in processes.descendants(os.getpid()) if pid != self._zygote]
        if len(family) > PROCESSES:
            return "processes"
        base = processes.resident(self._zygote)
        if not base:  # it has been killed, which its socket will tell
            return ""
        taken = sum(max(0, processes.resident(pid) - base) for pid in family)
        return "memory" if taken > order.memory else ""

    def _wait_for_the_rest(self, run: Run) -> None:
        """Give what the worker started a moment to end by itself."""
        until = time.monotonic() + _GRACE
        while processes.strays(self._zygote) and time.monotonic() < until:
            run.drain()
            time.sleep(0.005)

    def _settled(self, run: Run) -> bool:
        """Whether the zygote says how a worker ended that was killed."""
        until = time.monotonic() + _PATIENCE
        while run.status is None and time.monotonic() < until:
            if self._socket.fileno() in self._wait([], _TICK) and not self._hear(run):
                return False
        return run.status is not None

    def _hear(self, run: Run) -> bool:
        """Take what the zygote says of a run; False where it is gone."""
        data = b""
        with suppress(OSError):
            data = self._socket.recv(_BLOCK)
        self._heard.feed(data)
        while taken := self._heard.take():
            run.worker = taken[0].get("worker", run.worker)
            run.status = taken[0].get("status", run.status)
        return bool(data)

    def _listen(self) -> dict[str, object] | None:
        """The first words of a zygote; None where it came to an end without."""
        while True:
            if self._socket.fileno() not in self._wait([], _TICK):
                continue
            data = self._socket.recv(_BLOCK)
            self._heard.feed(data)
            if taken := self._heard.take():
                return taken[0]
            if not data:
                return None

    def _wait(self, descriptors: list[int], seconds: float) -> list[int]:
        """Those of some file descriptors, and the zygote's socket, that have something to read.

        Raises:
            ConnectionError: the caller is gone.
        """
        mine = self._caller.fileno()
        ready, _, _ = select.select([*descriptors, self._socket.fileno(), mine], [], [], seconds)
        if mine in ready:
            raise ConnectionError
        return ready

    def _receive(self) -> bytes:
        data = self._caller.recv(_BLOCK)
        if not data:
            raise ConnectionError
        return data

    def _start_zygote(self) -> None:
        me = os.getpid()
        self._socket, theirs = socket.socketpair()
        self._heard = Messages()
        self._zygote = os.fork()
        if self._zygote == 0:
            processes.die_with_parent(me)
            self._caller.close()
            self._socket.close()
            try:
                zygote.serve(theirs, *self._prepared)
            finally:
                os._exit(0)
        theirs.close()

    def _restart_zygote(self) -> None:
        self._socket.close()
        self.end_all()
        self._start_zygote()
        self._listen()
