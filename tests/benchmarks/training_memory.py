"""How much memory a training takes, workers, evaluation and figures included, next to importing torch. Linux only.

    python -m tests.benchmarks.training_memory [--data SOURCE] [--budget TIME] [TARGET ...]

Each sample is a whole ``trainer fit``, stopped by a time budget, of two worker processes and with its report. What counts is
the proportional set size (``Pss`` of ``/proc``) of the process and all that it starts, read every 20 ms: pages that
processes share count once, and pages of the images' cache that are mapped count, although the system may take them back.
The exit code is 1 when the bar is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.printing import setting, table, verdict
from tests.benchmarks.processes import ROOT

BAR = 1500
INTERVAL = 0.02
TARGETS = ("trainer/models/documents.py:TwoBranchNet", "trainer/models/documents.py:FourBlockNet")


def peak(arguments: Sequence[str]) -> float:
    """Peak proportional set size of ``python ARGUMENTS`` and its children, in MB (10^6 bytes).

    Raises:
        RuntimeError: it failed; with what it wrote to stderr.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    highest = 0
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        while process.poll() is None:
            highest = max(highest, sum(map(pss, family(process.pid))))
            time.sleep(INTERVAL)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"python {' '.join(arguments)} ended with {process.returncode}: {errors.read().strip()}")
    return highest / 1e6


def family(process: int) -> Iterator[int]:
    """A process and all that it has started, and these."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found = children.read_text()
        except OSError:  # it has just ended
            continue
        for child in found.split():
            yield from family(int(child))


def pss(process: int) -> int:
    """Proportional set size of a process in bytes; 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def training(target: str, data: str, budget: str, folder: Path) -> list[str]:
    """The words of a short training."""
    length = ["--time-budget", budget, "--workers", "2", "--run", str(folder / target.rpartition(":")[2])]
    return ["-m", "trainer", "fit", target, "--data", data, *length]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether the bar is met."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.training_memory", description=__doc__.splitlines()[0]
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: {', '.join(TARGETS)}")
    parser.add_argument("--data", default="cifar10", help="as trainer fit takes it; default cifar10")
    parser.add_argument("--budget", default="20s", help="of each training; default 20s")
    options = parser.parse_args(arguments)
    heading = setting()
    with tempfile.TemporaryDirectory() as folder:
        programs = {"`import torch`": ["-c", "import torch, time; time.sleep(0.5)"]}
        for target in options.targets or TARGETS:
            name = f"`trainer fit {target}`"
            programs[name] = training(target, options.data, options.budget, Path(folder))
        peaks = {name: peak(words) for name, words in programs.items()}
    torch, *others = peaks.values()
    rows = [[name, f"{mb:.0f}", f"{mb - torch:.0f}"] for name, mb in peaks.items()]
    print(f"{heading}\n\n{table(['process and its children', 'peak MB', 'over torch'], rows)}\n")
    more = max(others) - torch
    print(f"A training needs {more:.0f} MB more than importing torch (bar {BAR} MB, ok: {verdict(more < BAR)}).")
    return 0 if more < BAR else 1


if __name__ == "__main__":
    sys.exit(main())
