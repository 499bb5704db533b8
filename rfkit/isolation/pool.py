"""Tracing many targets, a few at a time, each in a process of its own."""

from __future__ import annotations

import os
import secrets
import selectors
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rfkit.isolation import processes
from rfkit.isolation.alone import trace_alone
from rfkit.isolation.jobs import Job, Order, Traced
from rfkit.isolation.remote import Guarded, path

Done = Callable[[int, Traced], None]

_TICK = 1.0
_SLOW = ("torchvision",)
_LOOKED_INTO = 2**20


def trace_all(
    jobs: Sequence[Job],
    *,
    workers: int = 1,
    timeout: float = 60.0,
    memory: int = 4 * 2**30,
    done: Done | None = None,
) -> list[Traced]:
    """Trace targets, each in a process that ends with it, whatever its file does (see ``rfkit.isolation``).

    Nothing that a target's file starts is left when this returns or raises, also on Ctrl-C.

    Args:
        jobs: what to trace.
        workers: how many at a time; torch is imported once for each of them.
        timeout: wall time that one target may take, in seconds.
        memory: bytes that one target may take beside what torch takes.
        done: called for each job as it is finished, with its index and what came of it.

    Returns:
        What came of each job, in the order of ``jobs``.

    Raises:
        RfkitError: if the processes that run the targets cannot be started, e.g. for want of torch.
    """
    found: dict[int, Traced] = {}
    trace = _trace_guarded if hasattr(os, "fork") else _trace_alone
    with closing(trace(jobs, min(max(1, workers), len(jobs)), timeout, memory)) as results:
        for number, traced in results:
            found[number] = traced
            if done is not None:
                done(number, traced)
    return [found[number] for number in range(len(jobs))]


def _trace_guarded(
    jobs: Sequence[Job], workers: int, timeout: float, memory: int
) -> Generator[tuple[int, Traced], None, None]:
    """Each job's number and what came of it, as they are done; by processes that fork from one that knows torch."""
    waiting = list(enumerate(jobs))[::-1]
    with _guards(workers, _early(jobs)) as guards:
        while waiting or not all(guard.idle for guard in guards):
            for guard in guards:
                if guard.idle and waiting:
                    guard.take(*waiting.pop(), timeout, memory)
            yield from _heard(guards)


def _trace_alone(
    jobs: Sequence[Job], workers: int, timeout: float, memory: int
) -> Generator[tuple[int, Traced], None, None]:
    """The same by a fresh process for each job."""
    with tempfile.TemporaryDirectory(prefix="rfkit-", ignore_cleanup_errors=True) as scratch:

        def order(number: int, job: Job) -> Order:
            folder = Path(scratch, f"job{number}")
            folder.mkdir()
            return Order(job, secrets.token_hex(), timeout, memory, str(folder))

        yield from trace_alone(jobs, path(), workers, order)


@contextmanager
def _guards(count: int, early: Sequence[str]) -> Iterator[list[Guarded]]:
    """Servers with a folder for temporary files, all of it gone afterwards."""
    mark = secrets.token_hex()
    guards: list[Guarded] = []
    with tempfile.TemporaryDirectory(prefix="rfkit-", ignore_cleanup_errors=True) as scratch:
        try:
            for number in range(count):
                folder = Path(scratch, f"guard{number}")
                folder.mkdir()
                guards.append(Guarded(folder, f"{mark}-{number};", early))
            yield guards
        finally:
            for guard in guards:
                guard.hang_up()
            for guard in guards:
                guard.close()
            processes.end_marked(mark)


def _early(jobs: Sequence[Job]) -> list[str]:
    """Packages that take long to import and are named in the files of two targets or more."""
    files = {job.file for job in jobs}
    texts = [file.read_bytes()[:_LOOKED_INTO] for file in files if file.is_file()] if len(files) > 1 else []
    return [name for name in _SLOW if sum(name.encode() in text for text in texts) > 1]


def _heard(guards: Sequence[Guarded]) -> Iterator[tuple[int, Traced]]:
    """Wait for something to come from a guard, or for one to be late; the jobs that are finished."""
    with selectors.DefaultSelector() as selector:
        for guard in guards:
            if guard.socket is not None:
                selector.register(guard.socket, selectors.EVENT_READ, guard)
        ready = {id(key.data) for key, _ in selector.select(_TICK)}
    for guard in guards:
        if id(guard) in ready or guard.late:
            heard = guard.hear()
            if heard is not None:
                yield heard
