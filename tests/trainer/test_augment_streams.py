"""An augmented image is a function of the seed, the epoch and the index of its sample, and of nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from tests.trainer.augmented import made, noise
from trainer.augment import CATALOGUE, POLICIES, Augment
from trainer.augment.stream import Stream

IMAGES = noise(64)
RANDOM = [name for name in [*POLICIES, *CATALOGUE] if name != "none"]


class Shared(IterableDataset[tuple[int, np.ndarray]]):
    """All images once, shared among the workers, in the order of their indices within each."""

    def __init__(self, augment: Augment, epoch: int) -> None:
        self.augment, self.epoch = augment, epoch

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for index in range(first, len(IMAGES), step):
            yield index, self.augment.batch(IMAGES, [index], seed=5, epoch=self.epoch)[0]


@pytest.mark.parametrize("policy", RANDOM)
def test_order_and_history_do_not_matter(policy: str) -> None:
    forwards = made(policy).batch(IMAGES, range(64), seed=1, epoch=2)
    used = made(policy)
    used.batch(IMAGES, range(10), seed=9, epoch=9)
    order = np.random.default_rng(0).permutation(64)
    np.testing.assert_array_equal(used.batch(IMAGES, order, seed=1, epoch=2), forwards[order])


@pytest.mark.parametrize("policy", RANDOM)
def test_seed_epoch_and_index_each_make_a_difference(policy: str) -> None:
    same = np.stack([IMAGES[0]] * 64)
    augment = made(policy)
    runs = [augment.batch(same, range(64), seed, epoch) for seed, epoch in [(0, 0), (1, 0), (0, 1)]]
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert (runs[one] != runs[other]).any(axis=(1, 2, 3)).sum() > 5
    assert len({image.tobytes() for image in runs[0]}) > 1


def test_the_number_of_workers_does_not_matter_and_epochs_differ() -> None:
    augment = made("assignment")
    loader = DataLoader(Shared(augment, epoch=0), batch_size=None, num_workers=2, multiprocessing_context="spawn")
    images = dict(loader)
    loaded = np.stack([images[index] for index in range(len(IMAGES))])
    np.testing.assert_array_equal(loaded, augment.batch(IMAGES, range(64), seed=5, epoch=0))
    next_epoch = augment.batch(IMAGES, range(64), seed=5, epoch=1)
    assert (loaded != next_epoch).any(axis=(1, 2, 3)).mean() > 0.6


def test_two_workers_do_not_repeat_each_others_augmentations() -> None:
    same = np.stack([IMAGES[0]] * 64)
    changed = made("assignment").batch(same, range(64), seed=0, epoch=0)
    even, odd = changed[0::2], changed[1::2]  # what two workers would make
    assert (even != odd).any(axis=(1, 2, 3)).mean() > 0.6


def _augmented(augment: Augment) -> np.ndarray:
    return augment.batch(IMAGES, range(16), seed=2, epoch=1)


def test_a_copy_in_a_fresh_process_gives_the_same_images() -> None:
    augment = made(["strong", "whitening"])
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(_augmented, augment).result(), _augmented(augment))


def test_a_pickled_copy_is_independent() -> None:
    augment = made("assignment")
    copy = pickle.loads(pickle.dumps(augment))
    augment.reseed(0, 0, 1)
    copy.reseed(0, 0, 2)
    augment(IMAGES[0])
    alone = made("assignment")
    alone.reseed(0, 0, 2)
    np.testing.assert_array_equal(copy(IMAGES[1]), alone(IMAGES[1]))


def test_images_are_not_written_to_and_a_given_array_is_filled() -> None:
    before = IMAGES.copy()
    out = np.empty((8, 32, 32, 3), np.uint8)
    returned = made("strong").batch(IMAGES, range(8), seed=0, epoch=0, out=out)
    assert returned is out
    np.testing.assert_array_equal(IMAGES, before)


def test_both_generators_begin_anew() -> None:
    stream = Stream()
    draws = []
    for seed, epoch, index in [(1, 2, 3), (4, 5, 6), (1, 2, 3)]:
        stream.move_to(seed, epoch, index)
        drawn = (
            stream.numpy.random(),
            stream.python.random(),
            stream.python.gauss(0, 1),
            stream.python.randint(0, 10**9),
        )
        draws.append((*drawn, stream.numpy.integers(0, 2**32), stream.numpy.normal()))
    assert draws[0] == draws[2]
    assert not set(draws[0]) & set(draws[1])


def test_negative_and_large_seeds_are_seeds_too() -> None:
    stream = Stream()
    numbers = set()
    for seed in (-1, 0, 2**63, 2**64 - 2):
        stream.move_to(seed, 0, 0)
        numbers.add(stream.python.random())
    assert len(numbers) == 4


def test_streams_of_neighbouring_samples_do_not_overlap() -> None:
    stream = Stream()
    numbers = []
    for index in range(50):
        stream.move_to(0, 0, index)
        numbers.extend(stream.numpy.integers(0, 2**63, 200).tolist())
    assert len(set(numbers)) == 50 * 200
