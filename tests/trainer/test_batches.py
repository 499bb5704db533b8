from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.trainer.trainings import images
from trainer.augment import Augment, augmentation
from trainer.batches import Share, TrainingBatches, choose_workers, evaluation_batches, order
from trainer.data import DataSet, load_data
from trainer.errors import TrainerError
from trainer.mixing import Mixing


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RFKIT_CACHE", str(folder / "cache"))
        yield load_data(f"folder:{images(folder / 'images')}", folder, say=lambda _: None)


def augment(data: DataSet) -> Augment:
    return augmentation("flip-crop", mean=data.mean, std=data.std, size=8)


def collected(batches: TrainingBatches, epoch: int, start: int = 0) -> list[tuple[bytes, list[int]]]:
    return [(pixels.numpy().tobytes(), labels.tolist()) for pixels, labels in batches.epoch(epoch, start)]


def test_an_order_is_a_permutation_that_seed_and_epoch_decide() -> None:
    orders = {(seed, epoch): order(100, seed, epoch).tolist() for seed in (0, 1) for epoch in (0, 1)}
    assert all(sorted(each) == list(range(100)) for each in orders.values())
    assert len({tuple(each) for each in orders.values()}) == 4
    assert order(100, 1, 0).tolist() == orders[1, 0]


def test_batches_are_bytes_of_full_size_and_no_image_comes_twice(data: DataSet) -> None:
    batches = TrainingBatches(data.train, augmentation("none", mean=data.mean, std=data.std, size=8), 10, seed=3)
    seen = list(batches.epoch(0))
    assert len(seen) == len(batches) == len(data.train.labels) // 10
    assert all(pixels.shape == (10, 8, 8, 3) and pixels.dtype == torch.uint8 for pixels, _ in seen)
    indices = order(len(data.train.labels), 3, 0)[: 10 * len(batches)]
    np.testing.assert_array_equal(torch.cat([pixels for pixels, _ in seen]).numpy(), data.train.images[indices])
    assert torch.cat([labels for _, labels in seen]).tolist() == data.train.labels[indices].tolist()


def test_workers_change_nothing_and_an_epoch_goes_on_from_any_batch(data: DataSet) -> None:
    here = TrainingBatches(data.train, augment(data), 10, seed=1)
    there = TrainingBatches(data.train, augment(data), 10, seed=1, workers=2)
    for epoch in (0, 1):
        assert collected(there, epoch) == collected(here, epoch)
    assert collected(here, 0) != collected(here, 1)
    assert collected(there, 1, start=4) == collected(here, 1)[4:]


def test_an_epoch_that_was_left_half_way_does_not_leak_into_the_next(data: DataSet) -> None:
    batches = TrainingBatches(data.train, augment(data), 10, seed=1, workers=1)
    whole = collected(batches, 1)
    left = batches.epoch(0)
    next(left)
    left.close()
    assert collected(batches, 1) == whole


def test_fetching_draws_no_number_from_the_trainings_generator(data: DataSet) -> None:
    batches = TrainingBatches(data.train, augment(data), 10, seed=1)
    before = torch.get_rng_state()
    collected(batches, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_processes_share_the_batches_of_one_process_with_larger_ones(data: DataSet) -> None:
    whole = TrainingBatches(data.train, augment(data), 10, seed=1)
    halves = [TrainingBatches(data.train, augment(data), 5, seed=1, share=Share(rank, 2)) for rank in (0, 1)]
    assert len(halves[0]) == len(whole)
    for (pixels, labels), *parts in zip(whole.epoch(0), *(half.epoch(0) for half in halves), strict=True):
        assert torch.equal(torch.cat([part[0] for part in parts]), pixels)
        assert torch.equal(torch.cat([part[1] for part in parts]), labels)


def test_evaluation_sees_each_image_once_whichever_process(data: DataSet) -> None:
    whole = torch.cat([labels for _, labels in evaluation_batches(data.test, 7)])
    assert whole.tolist() == data.test.labels.tolist()
    shared = [labels for rank in (0, 1) for _, labels in evaluation_batches(data.test, 7, Share(rank, 2))]
    assert sorted(torch.cat(shared).tolist()) == sorted(whole.tolist())


def test_no_more_images_are_looked_at_together_than_four_steps_have(data: DataSet) -> None:
    sizes = [len(labels) for _, labels in evaluation_batches(data.test, 2)]
    assert max(sizes) == 8
    assert sum(sizes) == len(data.test.labels)


def test_a_batch_knows_the_names_of_its_images(data: DataSet) -> None:
    batches = TrainingBatches(data.train, augment(data), 10, seed=1)
    labels = list(batches.epoch(2))[3][1].tolist()
    assert [data.classes[label] in name for label, name in zip(labels, batches.names(2, 3), strict=True)] == [True] * 10


def test_a_batch_beyond_the_data_is_refused(data: DataSet) -> None:
    count = len(data.train.labels)
    with pytest.raises(TrainerError, match=f"--batch-size {count + 1}: there are only {count} training images"):
        TrainingBatches(data.train, augment(data), count + 1, seed=0)
    with pytest.raises(TrainerError, match=f"--batch-size {count} for 2 processes: there are only {count}"):
        TrainingBatches(data.train, augment(data), count, seed=0, share=Share(0, 2))


def test_mixing_is_decided_by_seed_epoch_and_batch() -> None:
    images, labels = torch.rand(16, 3, 8, 8), torch.arange(16)
    mixing = Mixing(0.5, 1.0, seed=4)
    first, again = mixing(images, labels, 1, 2), mixing(images, labels, 1, 2)
    assert first is not None
    assert again is not None
    assert torch.equal(first.images, again.images)
    others = [mixing(images, labels, epoch, batch) for epoch in range(3) for batch in range(3)]
    assert len({tuple(each.others.tolist()) for each in others if each is not None}) == 9
    assert Mixing(0, 0, 4)(images, labels, 1, 2) is None


def test_mixup_averages_in_the_share_of_the_labels() -> None:
    images, labels = torch.rand(16, 3, 8, 8), torch.arange(16)
    mixed = Mixing(0.5, 0, seed=4)(images, labels, 0, 0)
    assert mixed is not None
    torch.testing.assert_close(mixed.images, mixed.share * images + (1 - mixed.share) * images[mixed.others])


def test_cutmix_keeps_as_many_pixels_as_the_label_says() -> None:
    images = torch.arange(16.0).reshape(16, 1, 1, 1).expand(16, 3, 8, 8)
    for batch in range(20):
        mixed = Mixing(0, 1.0, seed=4)(images, torch.arange(16), 0, batch)
        assert mixed is not None
        for row in range(16):
            assert set(mixed.images[row].unique().tolist()) <= {float(row), float(mixed.others[row])}
            if mixed.others[row] != row:
                assert (mixed.images[row, 0] == row).float().mean().item() == pytest.approx(mixed.share)


def test_workers_are_taken_where_augmenting_holds_up_the_step(data: DataSet) -> None:
    assert choose_workers(augment(data), data.train, 16, step_seconds=100.0) == 0
    assert choose_workers(augment(data), data.train, 16, step_seconds=1e-9) >= 1
    assert choose_workers(augment(data), data.train, 16, step_seconds=None) >= 1
