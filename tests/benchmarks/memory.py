"""How much memory it takes to trace a ResNet-152 at 3x4096x4096, next to importing torch. Every sample is a process of its own.

    python -m tests.benchmarks.memory [--rounds N]

Peak resident memory, as the process itself reads it (``ru_maxrss``). This process imports no torch: on Linux a child begins
with its parent's peak. The exit code is 1 when the bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from statistics import median

from tests.benchmarks.printing import setting, table, verdict
from tests.benchmarks.processes import run

ROUNDS = 5
BAR = 300
TORCH = "import torch"
TORCHVISION = "import torch, torchvision"
MODEL = f"{TORCHVISION}\nwith torch.device('meta'): model = torchvision.models.resnet152(weights=None)"
TRACE = f"{MODEL}\nimport rfkit\nassert rfkit.trace(model, (1, 3, 4096, 4096)).totals.receptive_field_features[0] > 1"
STEPS = {
    "`import torch`": TORCH,
    "`import torch, torchvision`": TORCHVISION,
    "and ResNet-152 built on `meta`": MODEL,
    "and traced at 3x4096x4096": TRACE,
}
READ_PEAK = "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


def peak(program: str) -> float:
    """Peak resident memory of a program, in MB (10^6 bytes)."""
    return int(run(("-c", program + READ_PEAK)).stdout.split()[-1]) * PEAK_UNIT / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether the bar is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"samples of each; default {ROUNDS}")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    heading = f"{setting()}; medians of {options.rounds} rounds"
    samples: dict[str, list[float]] = {step: [] for step in STEPS}
    for _ in range(options.rounds):
        for step, program in STEPS.items():
            samples[step].append(peak(program))
    peaks = {step: median(values) for step, values in samples.items()}
    torch, torchvision, *_ = peaks.values()
    rows = [
        [step, *(f"{mb:.0f}" for mb in (value, value - torch, value - torchvision))] for step, value in peaks.items()
    ]
    print(f"{heading}\n\n{table(['process', 'peak MB', 'over torch', 'over torchvision'], rows)}\n")
    more = [*peaks.values()][-1] - torch
    print(f"Tracing needs {more:.0f} MB more than importing torch (bar {BAR} MB, ok: {verdict(more < BAR)}).")
    return 0 if more < BAR else 1


if __name__ == "__main__":
    sys.exit(main())
