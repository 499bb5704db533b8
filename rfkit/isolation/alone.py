"""Where processes cannot fork (Windows): a fresh process for every target, with the limits on time and output alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rfkit.isolation.jobs import Ending, Job, Messages, Order, Traced
from rfkit.isolation.limits import PRINTED
from rfkit.isolation.printed import Printed
from rfkit.isolation.verdicts import judge

Ordered = Callable[[int, Job], Order]

_TICK = 0.05
_START = 120.0
_BEGAN, _ANSWER, _PRINTED, _ORDER, _TRACE = "began", "answer", "printed", "order", "trace"
_WORK = "import sys; sys.path[:] = sys.argv[2:]; from rfkit.isolation.alone import main; main(sys.argv[1])"


def trace_alone(jobs: Sequence[Job], path: Sequence[str], workers: int, order: Ordered) -> Iterator[tuple[int, Traced]]:
    """Trace targets, and give the number of each and what came of it as it is done.

    Args:
        jobs: what to trace.
        path: what ``sys.path`` is in the processes.
        workers: how many at a time.
        order: makes the order for a job of this number.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        runs = {pool.submit(_run, order(number, job), path, stop): number for number, job in enumerate(jobs)}
        try:
            for run in as_completed(runs):
                yield runs[run], run.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def main(folder: str) -> None:
    """Be the process of one target: its order and its answer are files in a folder."""
    from rfkit.isolation.worker import prepare, work

    messages = Messages()
    messages.feed(Path(folder, _ORDER).read_bytes())
    taken = messages.take()
    assert taken is not None
    prepare()
    answer, trace = (os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT, 0o600) for name in (_ANSWER, _TRACE))
    Path(folder, _BEGAN).touch()
    work(Order.from_header(taken[0]), answer, trace)


def _run(order: Order, path: Sequence[str], stop: threading.Event) -> Traced:
    """Run an order in a process, and judge how that ended."""
    folder = Path(order.scratch)
    (folder / _ORDER).write_bytes(order.to_message())
    with (folder / _PRINTED).open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _WORK, str(folder), *path],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    began = time.monotonic()
    try:
        cut = _follow(process, folder, order, stop)
    finally:
        process.kill()
        process.wait()
    return judge(order, _ending(process, folder, cut, time.monotonic() - began))


def _follow(process: subprocess.Popen[bytes], folder: Path, order: Order, stop: threading.Event) -> str:
    """Wait for the process to end; the limit that it broke, if any. Its time is counted from the end of its start."""
    until = time.monotonic() + _START
    started = False
    while process.poll() is None and not stop.is_set():
        if not started and (folder / _BEGAN).exists():
            started, until = True, time.monotonic() + order.timeout
        if time.monotonic() > until:
            return "time"
        if (folder / _PRINTED).stat().st_size > PRINTED:
            return "printing"
        time.sleep(_TICK)
    return "printing" if (folder / _PRINTED).stat().st_size > PRINTED else ""


def _ending(process: subprocess.Popen[bytes], folder: Path, cut: str, seconds: float) -> Ending:
    printed = Printed()
    with (folder / _PRINTED).open("rb") as file:
        printed.add(file.read(PRINTED))
    answer = folder / _ANSWER
    return Ending(
        cut=cut,
        status=process.returncode,
        printed=printed.last_line(),
        binary=printed.binary,
        seconds=seconds,
        answer=answer.read_bytes() if answer.is_file() and not cut else b"",
    )
