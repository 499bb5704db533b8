"""How long augmenting one image takes: Albumentations' own Compose, the trainer's short way, batches of tensors.

    python -m tests.benchmarks.augmentation [POLICY ...] [--images N] [--size N] [--rounds N]

All take turns in one process, on one core, on the same random images. "Compose" is called as it comes, which repeats the
same augmentations in every worker and epoch; "reseeded" is Compose with ``set_random_seed`` before each image, which is
what it takes to make an image a function of (seed, epoch, index). The trainer's way always reseeds. "Batched" is
``trainer.augment.on_device`` on the CPU. For the assignment there are also kornia's transforms that come nearest to it,
where kornia is installed, and torchvision's, which draw once for a whole batch and so are called image by image.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from statistics import median

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from tests.benchmarks.printing import setting, table
from trainer.augment import POLICIES, augmentation
from trainer.augment.draws import draws
from trainer.augment.library import albumentations as A
from trainer.augment.on_device import batched

MEAN, STD = (0.49139968, 0.48215841, 0.44653091), (0.24703223, 0.24348513, 0.26158784)
IMAGES, SIZE, ROUNDS = 512, 32, 9
OTHERS = ("kornia", "torchvision")


def ways(policy: str, images: np.ndarray) -> Mapping[str, Callable[[], object]]:
    """What is timed for a policy, by its name; each augments all images once."""
    size, tensor = images.shape[1], torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    options = {"mean": MEAN, "std": STD, "size": size}
    ours = augmentation(policy, **options)
    compose = A.Compose(list(augmentation(policy, **options).transforms), seed=0)
    on_batch = batched(policy, **options)

    def reseeded() -> None:
        for index, image in enumerate(images):
            compose.set_random_seed(index)
            compose(image=image)

    found: dict[str, Callable[[], object]] = {
        "Compose": lambda: [compose(image=image) for image in images],
        "reseeded": reseeded,
        "trainer": lambda: ours.batch(images, range(len(images)), seed=0, epoch=0),
        "batched": lambda: [on_batch(part, draws(0, 0, range(len(part)))) for part in tensor.split(128)],
    }
    return found | (assignment_elsewhere(tensor) if policy == "assignment" else {})


def assignment_elsewhere(tensor: Tensor) -> dict[str, Callable[[], object]]:
    """The nearest to the assignment in torchvision, and in kornia where it is installed."""
    half = v2.RandomApply([v2.RandomAffine(15, (0.0625, 0.0625), (0.9, 1.1))])
    pipeline = v2.Compose([v2.RandomHorizontalFlip(), half, v2.RandomErasing(0.5, (0.25, 0.25), (1.0, 1.0))])
    found: dict[str, Callable[[], object]] = {"torchvision": lambda: [pipeline(image) for image in tensor]}
    if find_spec("kornia") is None:
        return found
    import kornia.augmentation as kornia

    warp = kornia.RandomAffine(15, (0.0625, 0.0625), (0.9, 1.1), padding_mode="reflection", align_corners=True, p=0.5)
    hole = kornia.RandomErasing(scale=(0.25, 0.25), ratio=(1.0, 1.0), p=0.5)
    sequence = kornia.AugmentationSequential(kornia.RandomHorizontalFlip(), warp, hole, data_keys=["input"])
    return found | {"kornia": lambda: [sequence(part / 255) for part in tensor.split(128)]}


def measure(policy: str, images: np.ndarray, rounds: int) -> dict[str, float]:
    """Median microseconds of CPU time for one image, by the name of the way. The order turns with every round."""
    timed = ways(policy, images)
    samples: dict[str, list[float]] = {name: [] for name in timed}
    for run in timed.values():
        run()
    for number in range(rounds):
        for name in list(timed)[:: 1 if number % 2 else -1]:
            begun = time.process_time()
            timed[name]()
            samples[name].append(1e6 * (time.process_time() - begun) / len(images))
    return {name: median(taken) for name, taken in samples.items()}


def row(policy: str, times: Mapping[str, float]) -> list[object]:
    """One row of the table: microseconds, then how many times faster the trainer's way is."""
    columns = [f"{times[name]:.0f}" for name in ("Compose", "reseeded", "trainer", "batched")]
    others = [f"{times[name]:.0f}" if name in times else "" for name in OTHERS]
    ratios = [f"{times[name] / times['trainer']:.1f}" for name in ("Compose", "reseeded")]
    return [policy, *columns, *ratios, *others]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.augmentation", description=__doc__.splitlines()[0]
    )
    parser.add_argument("policies", nargs="*", metavar="POLICY", help=f"default: {', '.join(POLICIES)}")
    parser.add_argument("--images", type=int, default=IMAGES, help=f"in a round; default {IMAGES}")
    parser.add_argument("--size", type=int, default=SIZE, help=f"side in pixels; default {SIZE}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"samples of each; default {ROUNDS}")
    options = parser.parse_args(arguments)
    heading = f"{setting()}; one thread, medians of {options.rounds} rounds of {options.images} images; µs of CPU time per image"
    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (options.images, options.size, options.size, 3), np.uint8)
    rows = [row(policy, measure(policy, images, options.rounds)) for policy in options.policies or POLICIES]
    header = ["policy", "Compose", "reseeded", "trainer", "batched", "Compose / trainer", "reseeded / trainer", *OTHERS]
    print(f"{heading}\n\n{table(header, rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
