"""How long a whole ``rfkit.trace()`` takes, next to one bare forward of the same model on ``meta`` (the floor).

    python -m tests.benchmarks.speed [NETWORK ...] [--rounds N]

Both run in one process, in turns, on the same model, whose weights are on ``meta``: eval mode, no gradients. Each sample
begins with the garbage of the one before collected. A bar is met when the ratio of the median wall times and the ratio of
the median CPU times of the thread both are within it; the exit code is 1 when one is missed.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.models import get_model

import rfkit
from tests.benchmarks.printing import setting, table, verdict

CONVOLUTIONAL, TRANSFORMER = 2.0, 3.0
ROUNDS, WARM_UP = 21, 3


@dataclass(frozen=True)
class Network:
    """A network of torchvision, the side of its image in pixels, and the largest ratio allowed."""

    name: str
    side: int
    bar: float


NETWORKS = {
    network.name: network
    for network in (
        Network("resnet18", 224, CONVOLUTIONAL),
        Network("resnet50", 224, CONVOLUTIONAL),
        Network("resnet152", 224, CONVOLUTIONAL),
        Network("densenet201", 224, CONVOLUTIONAL),
        Network("inception_v3", 299, CONVOLUTIONAL),
        Network("efficientnet_b7", 600, CONVOLUTIONAL),
        Network("convnext_tiny", 224, CONVOLUTIONAL),
        Network("swin_t", 224, TRANSFORMER),
        Network("vit_b_16", 224, TRANSFORMER),
        Network("maxvit_t", 224, TRANSFORMER),
    )
}


@dataclass
class Samples:
    """Times of one thing in milliseconds: on the wall, and of the thread on the CPU."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, run: Callable[[], object]) -> None:
        """Run once and keep both times."""
        gc.collect()
        wall, cpu = time.perf_counter(), time.thread_time()
        run()
        self.cpu.append(1e3 * (time.thread_time() - cpu))
        self.wall.append(1e3 * (time.perf_counter() - wall))


@dataclass(frozen=True)
class Result:
    """What was measured of one network."""

    network: Network
    operators: int
    floor: Samples
    trace: Samples

    @property
    def wall_ratio(self) -> float:
        return median(self.trace.wall) / median(self.floor.wall)

    @property
    def cpu_ratio(self) -> float:
        return median(self.trace.cpu) / median(self.floor.cpu)

    @property
    def minimum_ratio(self) -> float:
        return min(self.trace.wall) / min(self.floor.wall)

    @property
    def ok(self) -> bool:
        return max(self.wall_ratio, self.cpu_ratio) <= self.network.bar


class Counter(TorchDispatchMode):
    """Counts the operators that a forward runs."""

    def __init__(self) -> None:
        super().__init__()
        self.operators = 0

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operators += 1
        return op(*args, **(kwargs or {}))


def build(name: str) -> nn.Module:
    """The network on ``meta``, in eval mode."""
    options = {"init_weights": False} if name == "inception_v3" else {}
    with torch.device("meta"):
        network: nn.Module = get_model(name, weights=None, **options)
        return network.eval()


def measure(network: Network, rounds: int) -> Result:
    """Floor and trace in turns; which of them begins changes with every round."""
    model = build(network.name)
    shape = (1, 3, network.side, network.side)
    image = torch.empty(shape, device="meta")

    def floor() -> None:
        with torch.no_grad():
            model(image)

    def trace() -> None:
        rfkit.trace(model, shape)

    with Counter() as counter:
        floor()
    for _ in range(WARM_UP):
        floor()
        trace()
    result = Result(network, counter.operators, Samples(), Samples())
    pairs = [(result.floor, floor), (result.trace, trace)]
    for number in range(rounds):
        for samples, run in pairs if number % 2 else reversed(pairs):
            samples.add(run)
    return result


def row(result: Result) -> list[object]:
    """One row of the table."""
    times = [f"{median(samples.wall):.1f}" for samples in (result.floor, result.trace)]
    ratios = [f"{ratio:.2f}" for ratio in (result.wall_ratio, result.cpu_ratio, result.minimum_ratio)]
    name = f"{result.network.name} ({result.network.side})"
    return [name, result.operators, *times, *ratios, f"{result.network.bar:g}", verdict(result.ok)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether every bar is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}; default: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"samples of each; default {ROUNDS}")
    options = parser.parse_args(arguments)
    strange = sorted(set(options.networks) - set(NETWORKS))
    if strange or options.rounds < 1:
        parser.error(f"no network {strange[0]!r}" if strange else "--rounds must be at least 1")
    heading = f"{setting()}; medians of {options.rounds} rounds"
    results = [measure(NETWORKS[name], options.rounds) for name in options.networks or NETWORKS]
    header = ["network (side)", "operators", "floor ms", "trace ms", "ratio", "CPU ratio", "minimum ratio", "bar", "ok"]
    print(f"{heading}\n\n{table(header, [row(result) for result in results])}")
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
