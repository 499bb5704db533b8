"""How long a hundred small targets take, each in a process of its own, next to one: importing torch is in both.

    python -m tests.benchmarks.isolation [--rounds N]

The runs take turns. The bar is met when a hundred targets by two jobs take less than four times the wall time of one
target by one job; the exit code is 1 when it is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rfkit.isolation import Job, trace_all
from tests.benchmarks.printing import setting, table, verdict

ROUNDS, BAR = 5, 4.0
MODELS = 100
CASES = ((1, 1), (MODELS, 2), (MODELS, 1))
"""Targets, and how many at a time."""

NET = """
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, {width}, 3, padding=1), nn.BatchNorm2d({width}), nn.ReLU())
        self.conv2 = nn.Sequential(nn.Conv2d({width}, {width}, 3, dilation=2), nn.BatchNorm2d({width}), nn.ReLU())
        self.conv3 = nn.Conv2d({width}, 10, 1)

    def forward(self, x):
        x = F.max_pool2d(self.conv2(self.conv1(x)), 2)
        return F.log_softmax(self.conv3(x).mean((2, 3)), -1)
"""


def seconds(targets: int, workers: int, folder: Path) -> float:
    """Wall time of tracing so many targets, so many at a time.

    Raises:
        RuntimeError: one of them could not be traced.
    """
    jobs = [Job(f"net{number}.py:Net", directory=folder) for number in range(targets)]
    began = time.perf_counter()
    traced = trace_all(jobs, workers=workers)
    taken = time.perf_counter() - began
    for result in traced:
        if result.report is None:
            raise RuntimeError(result.error)
    return taken


def measure(rounds: int) -> dict[tuple[int, int], float]:
    """The median wall time of each case, in seconds, after one run of the first that is not counted."""
    samples: dict[tuple[int, int], list[float]] = {case: [] for case in CASES}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(MODELS):
            Path(scratch, f"net{number}.py").write_text(NET.format(width=4 + number), encoding="utf-8")
        seconds(1, 1, Path(scratch))
        for _ in range(rounds):
            for case in CASES:
                samples[case].append(seconds(*case, Path(scratch)))
    return {case: median(times) for case, times in samples.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether the bar is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.isolation", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"samples of each; default {ROUNDS}")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    heading = f"{setting()}; medians of {options.rounds} rounds"
    times = measure(options.rounds)
    rows, met = [], True
    for case, taken in times.items():
        ratio = taken / times[CASES[0]]
        bar = case == CASES[1]
        met = met and (not bar or ratio < BAR)
        limit = [f"{BAR:g}", verdict(ratio < BAR)] if bar else ["", ""]
        rows.append([*case, f"{taken:.2f}", f"{ratio:.2f}", f"{1000 * taken / case[0]:.0f}", *limit])
    header = ["targets", "jobs", "wall s", "times one", "ms each", "bar", "ok"]
    print(f"{heading}\n\n{table(header, rows, 0)}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
