"""Batches of bytes: which samples, in which order, augmented how, fetched ahead by worker processes.

The order of an epoch is a function of (seed, epoch), and an augmented image one of (seed, epoch, index). So a batch is
the same whether it is fetched here or by a worker, and an epoch can go on from any batch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from trainer.augment import Augment
from trainer.data import Split
from trainer.errors import TrainerError

Batch = tuple[Tensor, Tensor]
"""Images, (N, H, W, C) uint8, and labels, (N,) int64."""

AHEAD = 4
"""Batches that each worker prepares ahead."""

SMALL_SHARE = 0.1
"""Of a step's time, below which augmenting needs no process of its own."""

MOST_WORKERS = 8

MOST_TOGETHER = 500
"""Images in a batch that is only looked at."""

NICENESS = 10
"""Of the workers: the training step goes first, and they take what it leaves."""


def order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The samples of an epoch, (count,) a permutation that only the seed and the epoch decide."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


@dataclass(frozen=True)
class Share:
    """Which part of every batch this process trains: `rank` of `size`."""

    rank: int = 0
    size: int = 1


class TrainingBatches:
    """The training images, epoch by epoch, in batches.

    A last batch that is not full is left out; as the order changes, every image gets its turn.

    Args:
        split: the training images.
        augment: what is done to each.
        batch_size: images in a batch, for each process.
        seed: of the run.
        workers: processes that fetch ahead; 0: none.
        pin: whether batches lie in pinned memory, for copies to a GPU.
        share: this process's part.

    Raises:
        TrainerError: there are fewer images than one batch needs.
    """

    def __init__(
        self,
        split: Split,
        augment: Augment,
        batch_size: int,
        seed: int,
        *,
        workers: int = 0,
        pin: bool = False,
        share: Share | None = None,
    ) -> None:
        self.share = share or Share()
        self.together = batch_size * self.share.size
        """Images in a step, over all processes."""
        if len(split.labels) < self.together:
            raise TrainerError(
                f"--batch-size {batch_size}{self._times()}: there are only {len(split.labels)} training images; "
                "take a smaller one"
            )
        self.count = len(split.labels) // self.together
        self._keys = _Keys(len(split.labels), batch_size, seed, self.share, self.count)
        self._loader: DataLoader[Batch] = DataLoader(
            _Fetcher(split, augment, seed),
            sampler=self._keys,
            batch_size=None,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            persistent_workers=workers > 0,
            worker_init_fn=_begin_worker if workers else None,
            multiprocessing_context=_context() if workers else None,
            collate_fn=_as_it_is,
            pin_memory=pin,
            generator=torch.Generator(),  # or each epoch would draw a number from the training's own generator
        )

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.count

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from the one numbered `start` on.

        Raises:
            TrainerError: a worker process died.
        """
        self._keys.epoch, self._keys.start = epoch, start
        try:
            yield from self._loader
        except RuntimeError as error:
            if "DataLoader worker" in str(error):
                raise TrainerError(f"a worker process died: {error}; try --workers 0") from error
            raise

    def names(self, epoch: int, batch: int) -> list[str]:
        """Names of the images in this process's part of a batch."""
        _, indices = self._keys.key(epoch, batch)
        split = self._loader.dataset.split  # type: ignore[attr-defined]
        return [split.names[index] for index in indices]

    def _times(self) -> str:
        return f" for {self.share.size} processes" if self.share.size > 1 else ""


def evaluation_batches(split: Split, batch_size: int, share: Share | None = None) -> Iterator[Batch]:
    """All images once, unchanged and in order, in batches of four steps' images, as a step needs the more memory for each.

    Args:
        split: the images.
        batch_size: images in a step.
        share: this process's part: of several each has every n-th batch.
    """
    share, size = share or Share(), min(4 * batch_size, MOST_TOGETHER)
    for start in range(0, len(split.labels), size)[share.rank :: share.size]:
        part = slice(start, start + size)
        yield torch.from_numpy(np.asarray(split.images[part])), torch.from_numpy(split.labels[part].astype(np.int64))


def choose_workers(augment: Augment, split: Split, batch_size: int, step_seconds: float | None) -> int:
    """How many worker processes to augment in.

    Where the step runs on the CPU and augmenting takes less than a tenth of its time, none: a worker would take a core
    from the step, whose threads then wait for each other, which costs more than augmenting between the steps.

    Args:
        augment: what is done to each image.
        split: the training images.
        batch_size: images in a step.
        step_seconds: how long a step takes on the CPU; None: it runs elsewhere.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if step_seconds is None:
        return min(cores, MOST_WORKERS)
    some = np.arange(min(batch_size, len(split.labels), 64))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        augment.batch(split.images, some, 0, 0)  # type: ignore[arg-type]
        times.append(time.perf_counter() - began)
    share = min(times) / len(some) * batch_size / step_seconds
    return 0 if share < SMALL_SHARE else min(cores, MOST_WORKERS, ceil(share))


class _Keys(Sampler[tuple[int, NDArray[np.int64]]]):
    """What is to be fetched, in order: (epoch, samples) of every batch of the epoch."""

    def __init__(self, samples: int, batch_size: int, seed: int, share: Share, count: int) -> None:
        self.samples, self.batch_size, self.seed, self.share, self.count = samples, batch_size, seed, share, count
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        return self.count - self.start

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        shuffled = order(self.samples, self.seed, self.epoch)
        for batch in range(self.start, self.count):
            yield self.epoch, self._part(shuffled, batch)

    def key(self, epoch: int, batch: int) -> tuple[int, NDArray[np.int64]]:
        return epoch, self._part(order(self.samples, self.seed, epoch), batch)

    def _part(self, shuffled: NDArray[np.int64], batch: int) -> NDArray[np.int64]:
        begin = (batch * self.share.size + self.share.rank) * self.batch_size
        return shuffled[begin : begin + self.batch_size]


class _Fetcher(Dataset[Batch]):
    """Turns an epoch and samples into a batch, in a worker or here."""

    def __init__(self, split: Split, augment: Augment, seed: int) -> None:
        self.split, self.augment, self.seed = split, augment, seed

    def __getitem__(self, key: tuple[int, NDArray[np.int64]]) -> Batch:
        epoch, indices = key
        images = self.augment.batch(self.split.images, indices, self.seed, epoch)  # type: ignore[arg-type]
        return torch.from_numpy(images), torch.from_numpy(self.split.labels[indices].astype(np.int64))


def _as_it_is(batch: Any) -> Any:
    return batch


def _begin_worker(_: int) -> None:
    """Leave signals, which reach the whole group, to the main process, whose step goes first; without it a worker ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    torch.set_num_threads(1)


def _context() -> Any:
    return multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
