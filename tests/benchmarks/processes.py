"""Running Python in fresh processes, as a user's machine would: from the repository's root, with bytecode caches in use."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_A_USERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPROFILEIMPORTTIME")


@dataclass(frozen=True)
class Run:
    """What came of one process: what it wrote, and its times in seconds (wall, and CPU of all its threads)."""

    stdout: str
    stderr: str
    wall: float
    cpu: float


def run(arguments: Sequence[str]) -> Run:
    """Run ``python ARGUMENTS`` to its end.

    Raises:
        RuntimeError: it failed; with what it wrote to stderr.
    """
    environment = {key: value for key, value in os.environ.items() if key not in NOT_A_USERS}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    cpu, wall = _children(), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    wall, cpu = time.perf_counter() - wall, _children() - cpu
    if done.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    return Run(done.stdout, done.stderr, wall, cpu)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
