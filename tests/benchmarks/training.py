"""Images a second: the bare step, the whole loop of ``trainer fit``, and the documents' way, side by side.

    python -m tests.benchmarks.training [--seconds N] [--rounds N] [--network NAME ...]

Each measurement has a process of its own, and they take turns. The bare step trains on batches that already are tensors
on the device, normalised, in the precision and the layout that the trainer chooses. The loop is the trainer's own, with
the policy ``assignment``, workers and all; validation and checkpoints are not in it. The documents' way is rebuilt from
their description: Albumentations on one sample at a time (normalise, flip, shift-scale-rotate, coarse dropout, to a
tensor) in a DataLoader, float32, channels first, SGD; with no workers, one, and two, of which the best counts. A figure
is the median over the rounds. The exit code is 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.printing import setting, table, verdict

NETWORKS = ("TwoBranchNet", "FourBlockNet")
BATCH = 128
OF_BARE, OF_DOCUMENTS = 0.85, 1.8
WARM_UP = 6
CIFAR = Path(__file__).resolve().parents[3] / "shared" / "cifar10"
MEAN, STD = (0.49139968, 0.48215841, 0.44653091), (0.24703223, 0.24348513, 0.26158784)


def measure(step: Callable[[], object], seconds: float) -> float:
    """Images a second of steps, each of one batch, after some to warm up."""
    for _ in range(WARM_UP):
        step()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        steps += 1
    return steps * BATCH / (time.perf_counter() - began)


def parts(network: str, threads: int | None) -> Any:
    """What ``trainer fit`` would train with."""
    from trainer.config import Config
    from trainer.data_of_run import data_of
    from trainer.processes import Solo
    from trainer.train.parts import assemble

    source = f"folder:{CIFAR}" if CIFAR.is_dir() else "cifar10"
    root = Path(tempfile.gettempdir()) / "rfkit-benchmark-data"
    config = Config(
        f"trainer/models/documents.py:{network}", data=source, data_root=str(root), epochs=40, threads=threads
    )
    return assemble(config, data_of(config, _quiet), Solo(), _quiet)


def bare(network: str, threads: int | None, seconds: float) -> float:
    """The step on resident tensors."""
    import torch
    from torch.nn import functional as F

    learner = parts(network, threads).learner
    images = learner.normalize(torch.randint(0, 256, (BATCH, 32, 32, 3), dtype=torch.uint8))
    labels = torch.randint(0, 10, (BATCH,))
    learner.model.train()

    def step() -> None:
        with learner.machine.autocast():
            scores = learner.model(images)
        F.cross_entropy(scores.float(), labels).backward()
        learner.optimizer.step()
        learner.optimizer.zero_grad()

    return measure(step, seconds)


def loop(network: str, threads: int | None, seconds: float) -> float:
    """The trainer's loop, data included."""
    from trainer.loop import Position, train_epoch
    from trainer.metrics import Tally

    made = parts(network, threads)
    times: list[float] = []

    def after(_: float) -> bool:
        times.append(time.perf_counter())
        return times[-1] - times[min(WARM_UP, len(times) - 1)] > seconds

    tally = Tally(made.machine.device)
    train_epoch(made.learner, made.batches.epoch(0), Position(), tally, lambda: 0.3, after)
    return (len(times) - 1 - WARM_UP) * BATCH / (times[-1] - times[WARM_UP])


def documents(network: str, workers: int, seconds: float) -> float:
    """The documents' training loop."""
    import torch
    from torch.nn import functional as F

    import trainer.models.documents as models

    torch.manual_seed(0)
    model = getattr(models, network)().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    batches = _documents_batches(workers)

    def step() -> None:
        images, labels = next(batches)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return measure(step, seconds)


def _documents_batches(workers: int) -> Iterator[Any]:
    import numpy as np
    import torch
    from torch.utils.data import DataLoader, Dataset

    from trainer.augment.library import albumentations as A

    pipeline = A.Compose(
        [
            A.Normalize(mean=MEAN, std=STD),
            A.HorizontalFlip(p=0.5),
            A.Affine(translate_percent=(-0.0625, 0.0625), scale=(0.9, 1.1), rotate=(-15, 15), keep_ratio=True, p=0.5),
            A.CoarseDropout(
                num_holes_range=(1, 1), hole_height_range=(16, 16), hole_width_range=(16, 16), fill=0, p=0.5
            ),
            A.ToTensorV2(),
        ]
    )
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (50_000, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, 50_000).tolist()

    class Samples(Dataset[Any]):
        def __len__(self) -> int:
            return len(stored)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return pipeline(image=stored[index])["image"], labels[index]

    return cycle_of(DataLoader(Samples(), batch_size=BATCH, shuffle=True, num_workers=workers))


def cycle_of(loader: Any) -> Iterator[Any]:
    """Its batches, over and over, without keeping them."""
    for _ in cycle([0]):
        yield from loader


WAYS: dict[str, Callable[[str, int | None, float], float]] = {
    "bare": bare,
    "loop": loop,
    "documents, 0 workers": lambda network, _, seconds: documents(network, 0, seconds),
    "documents, 1 worker": lambda network, _, seconds: documents(network, 1, seconds),
    "documents, 2 workers": lambda network, _, seconds: documents(network, 2, seconds),
}


def in_process(network: str, way: str, threads: int | None, seconds: float) -> float:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.training", "--way", way, "--network", network]
    command += ["--seconds", str(seconds), *(["--threads", str(threads)] if threads else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure, print the tables, and say by the exit code whether the bars are met."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seconds", type=float, default=20)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--network", action="append", choices=NETWORKS)
    asked.add_argument(
        "--threads", type=int, help="of the bare step and of the loop; by default as the trainer chooses"
    )
    asked.add_argument("--way", choices=list(WAYS), help="measure this one here, and print its figure")
    options = asked.parse_args()
    networks = options.network or list(NETWORKS)
    if options.way:
        print(json.dumps(WAYS[options.way](networks[0], options.threads, options.seconds)))
        return 0
    print(setting())
    rows, met = [], True
    for network in networks:
        figures: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way, found in figures.items():
                found.append(in_process(network, way, options.threads, options.seconds))
        speed = {way: median(found) for way, found in figures.items()}
        theirs = max(value for way, value in speed.items() if way.startswith("documents"))
        shares = speed["loop"] / speed["bare"], speed["loop"] / theirs
        ok = shares[0] >= OF_BARE and shares[1] >= OF_DOCUMENTS
        met &= ok
        rows.append(
            [network, *(f"{value:,.0f}" for value in speed.values()), *(f"{s:.2f}" for s in shares), verdict(ok)]
        )
    print(table(["network", *WAYS, "loop/bare", "loop/documents", "bars met"], rows))
    return 0 if met else 1


def _quiet(_: str) -> None:
    pass


if __name__ == "__main__":
    raise SystemExit(main())
