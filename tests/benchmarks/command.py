"""How long the command takes, next to importing what it needs. Every sample is a process of its own, in turns.

    python -m tests.benchmarks.command [--rounds N]

``rfkit`` is run as ``python -m rfkit``, ``trainer`` likewise. A bar is met when both the median wall time and the median CPU
time (all threads) are within it; the exit code is 1 when one is missed, or when a ``--help`` imports torch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.printing import setting, table, verdict
from tests.benchmarks.processes import Run, run

ROUNDS = 15
HELP_TIMES, REPORT_SECONDS = 1.5, 0.7
DOCUMENTS = "trainer/models/documents.py"


@dataclass(frozen=True)
class Command:
    """A command line of Python, and how it is written in the table."""

    shown: str
    arguments: tuple[str, ...]

    @classmethod
    def imports(cls, what: str) -> Command:
        return cls(f'python -c "import {what}"', ("-c", f"import {what}"))

    @classmethod
    def of(cls, program: str, *arguments: str) -> Command:
        return cls(f"{program} {' '.join(arguments)}", ("-m", program, *arguments))


HELP_BASE, REPORT_BASE = Command.imports("typer, rich"), Command.imports("torch")
HELPS = tuple(Command.of(program, "--help") for program in ("rfkit", "trainer"))
REPORTS = tuple(Command.of("rfkit", "report", f"{DOCUMENTS}:{name}") for name in ("TwoBranchNet", "FourBlockNet"))
COMMANDS = (HELP_BASE, *HELPS, REPORT_BASE, *REPORTS)
Samples = dict[Command, list[Run]]


def measure(rounds: int) -> Samples:
    """All commands in turns, in the other order every second round, after one run of each that is not counted."""
    for command in COMMANDS:
        run(command.arguments)
    samples: Samples = {command: [] for command in COMMANDS}
    for number in range(rounds):
        for command in COMMANDS if number % 2 else reversed(COMMANDS):
            samples[command].append(run(command.arguments))
    return samples


def imported(command: Command, package: str) -> list[str]:
    """Modules of a package that a command imports."""
    lines = run(("-X", "importtime", *command.arguments)).stderr.splitlines()
    names = [line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")]
    return [name for name in names if name == package or name.startswith(f"{package}.")]


def wall(command: Command, samples: Samples) -> float:
    return median(sample.wall for sample in samples[command])


def cpu(command: Command, samples: Samples) -> float:
    return median(sample.cpu for sample in samples[command])


def row(command: Command, samples: Samples) -> tuple[list[object], bool]:
    """One row of the table, and whether its bar is met; the commands that others are measured against have none."""
    times: list[object] = [f"`{command.shown}`", f"{wall(command, samples):.3f}", f"{cpu(command, samples):.3f}"]
    if command in (HELP_BASE, REPORT_BASE):
        return [*times, "", "", "", ""], True
    clocks: tuple[Callable[[Command, Samples], float], ...] = (wall, cpu)
    if command in HELPS:
        values = [clock(command, samples) / clock(HELP_BASE, samples) for clock in clocks]
        texts, bar = [f"{value:.2f} times" for value in values], HELP_TIMES
    else:
        values = [clock(command, samples) - clock(REPORT_BASE, samples) for clock in clocks]
        texts, bar = [f"{value:+.2f} s" for value in values], REPORT_SECONDS
    limit = f"{bar:g} times" if command in HELPS else f"{bar:+g} s"
    return [*times, *texts, limit, verdict(max(values) <= bar)], max(values) <= bar


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether every bar is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.command", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"samples of each; default {ROUNDS}")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    heading = f"{setting()}; medians of {options.rounds} rounds"
    samples = measure(options.rounds)
    rows = [row(command, samples) for command in COMMANDS]
    header = ["command", "wall s", "CPU s", "more, wall", "more, CPU", "bar", "ok"]
    print(f"{heading}\n\n{table(header, [cells for cells, _ in rows])}\n")
    found = {command: imported(command, "torch") for command in HELPS}
    for command, modules in found.items():
        print(f"`{command.shown}` imports {f'{len(modules)} modules of torch' if modules else 'no module of torch'}.")
    return 0 if all(ok for _, ok in rows) and not any(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
