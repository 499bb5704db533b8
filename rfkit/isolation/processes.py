"""What the operating system knows of processes: descendants, memory, and how to end them. Linux knows most of it.

Where there is no ``/proc`` (macOS) the questions have no answer and a process group is all that can be ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_DIE_WITH_PARENT, _ADOPT_ORPHANS = 1, 36
_FORKED = 0x40  # PF_FORKNOEXEC
_PROC = Path("/proc")
_PATIENCE = 5.0
_LONGEST = 60


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends (Linux: a child subreaper)."""
    _prctl(_ADOPT_ORPHANS, 1)


def die_with_parent(parent: int) -> None:
    """Let the system kill this process when its parent ends; at once if it has ended already (Linux)."""
    _prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Process:
    """A process: its number and its parent's, whether it runs, and whether it was forked and runs no program of its own."""

    pid: int
    parent: int
    runs: bool
    forked: bool


def descendants(root: int) -> list[int]:
    """Processes that run below ``root``, those that ended and were not waited for left out."""
    return [process.pid for process in _below(root) if process.runs]


def forked() -> bool:
    """Whether a child of this process, running or ended, was forked from it without starting a program."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return any(process.forked for process in _below(os.getpid()))


def _below(root: int) -> Iterator[Process]:
    children = defaultdict(list)
    for process in _all():
        children[process.parent].append(process)
    waiting = [root]
    while waiting:
        for process in children[waiting.pop()]:
            waiting.append(process.pid)
            yield process


def _all() -> Iterator[Process]:
    try:
        names = os.listdir(_PROC)
    except OSError:
        return
    for name in names:
        if name.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                words = (_PROC / name / "stat").read_bytes().rpartition(b")")[2].split()
                yield Process(int(name), int(words[1]), words[0] not in b"ZX", bool(int(words[6]) & _FORKED))


def resident(pid: int) -> int:
    """Bytes of a process that are in memory, 0 where that is not known."""
    return _statm(pid, 1)


def mapped(pid: int) -> int:
    """Bytes of address space of a process, 0 where that is not known."""
    return _statm(pid, 0)


def _statm(pid: int, column: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_bytes().split()[column]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def called(pid: int) -> str:
    """The command line of a process, shortened; empty where it is not known."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    text = " ".join(b" ".join(words).decode("utf-8", "replace").split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def reap() -> None:
    """Take leave of every child that has ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def strays(keep: int) -> list[int]:
    """Descendants of this process other than ``keep``, if any, and what is below that; ended ones are taken leave of."""
    reap()
    me = os.getpid()
    with suppress(OSError):
        children = (_PROC / str(me) / "task" / str(me) / "children").read_bytes().split()
        if children == [str(keep).encode()]:
            return []
    kept = {keep, *descendants(keep)} if keep else set()
    return [pid for pid in descendants(me) if pid not in kept]


def end_strays(keep: int, group: int = 0) -> None:
    """Kill the descendants of this process other than ``keep``, and a process group, until none is left."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if group:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        found = strays(keep)
        if not found:
            return
        kill(found)
        time.sleep(0.002)


def kill(pids: Iterable[int]) -> None:
    """Kill processes; those that are gone are none."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """Processes that were started with this text in their environment; this one is not among them."""
    wanted = mark.encode()
    return [p.pid for p in _all() if p.runs and p.pid != os.getpid() and wanted in _environment(p.pid)]


def end_marked(mark: str) -> None:
    """Kill every process that was started with this text in its environment, wherever it has gone."""
    until = time.monotonic() + _PATIENCE
    while found := marked(mark):
        kill(found)
        if time.monotonic() > until:
            return
        time.sleep(0.002)


def _environment(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""
