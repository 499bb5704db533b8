from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.shared import shared_path
from tests.trainer.trees import Said, load, tree, zipped
from trainer.data import load_data
from trainer.data.load import moments
from trainer.errors import TrainerError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_a_folder_is_read_with_its_labels_and_names(tmp_path: Path) -> None:
    from PIL import Image

    data = load(tree(tmp_path / "pets"), validation=0.4)
    assert data.name == "pets"
    assert data.classes == ("cat", "dog")
    assert data.shape == (8, 8, 3)
    assert (len(data.train), len(data.validation), len(data.test)) == (6, 4, 10)
    for split in (data.train, data.validation, data.test):
        assert split.labels.dtype == np.int64
        for row, name in enumerate(split.names):
            assert data.classes[split.labels[row]] == Path(name).parent.name
            np.testing.assert_array_equal(split.images[row], np.asarray(Image.open(tmp_path / "pets" / name)))


def test_a_zip_zips_in_a_folder_and_the_unpacked_tree_are_the_same_data(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets")
    zips = tmp_path / "zips"
    zips.mkdir()
    for split in ("train", "test"):
        zipped(root / split, zips / f"{split}.zip", below=split)
    sources = [root, zipped(root, tmp_path / "one.zip"), zipped(root, tmp_path / "deep.zip", below="a/b"), zips]
    found = [load(source) for source in sources]
    assert len({data.digest for data in found}) == 1
    assert len({tuple(data.validation.names) for data in found}) == 1
    assert [data.name for data in found] == ["pets", "one", "deep", "zips"]


def test_what_is_held_out_is_a_share_of_every_class_and_never_trained_on(tmp_path: Path) -> None:
    data = load(tree(tmp_path, count=20), validation=0.25)
    assert np.bincount(data.validation.labels).tolist() == [5, 5]
    assert not set(data.train.names) & set(data.validation.names)
    assert len({*data.train.names, *data.validation.names}) == 40


def test_the_seed_decides_what_is_held_out(tmp_path: Path) -> None:
    root = tree(tmp_path, count=20)
    first, again, other = (load(root, seed=seed).validation.names for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)


def test_an_image_more_does_not_reshuffle_what_is_held_out(tmp_path: Path) -> None:
    root = tree(tmp_path, count=40)
    before = set(load(root).validation.names)
    (root / "train" / "cat" / "new.png").write_bytes((root / "test" / "cat" / "0.png").read_bytes())
    after = set(load(root).validation.names)
    assert len(before - after) <= 1


def test_validating_on_the_test_split_holds_nothing_out(tmp_path: Path) -> None:
    data = load(tree(tmp_path), validate_on="test")
    assert data.validation is data.test
    assert len(data.train) == 10


def test_a_validation_split_of_its_own_is_used_as_it_is(tmp_path: Path) -> None:
    said = Said()
    data = load(tree(tmp_path, splits=("train", "val", "test")), said)
    assert any("validating on its own validation split" in text for text in said)
    assert (len(data.train), len(data.validation), len(data.test)) == (10, 10, 10)
    assert all(name.startswith("val/") for name in data.validation.names)


def test_without_a_test_split_a_fifth_of_every_class_is_one_and_that_is_said(tmp_path: Path) -> None:
    said = Said()
    root = tree(tmp_path, splits=("",), count=10)
    data, other = load(root, said), load(root, seed=5)
    assert np.bincount(data.test.labels).tolist() == [2, 2]
    assert set(data.test.names) == set(other.test.names), "the test split is no matter of the run's seed"
    assert not {*data.test.names} & {*data.train.names, *data.validation.names}
    assert any("no test split: 20% of every class" in text for text in said)


def test_mean_and_deviation_are_those_of_all_training_images(tmp_path: Path) -> None:
    data = load(tree(tmp_path))
    pixels = np.concatenate([np.asarray(data.train.images), np.asarray(data.validation.images)]) / 255
    np.testing.assert_allclose(data.mean, pixels.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(data.std, pixels.std((0, 1, 2)), rtol=1e-12)
    assert load(tmp_path, seed=3).mean == data.mean


def test_mean_and_deviation_are_exact_where_floats_cancel() -> None:
    count = 10**12
    mean, std = moments([254 * count + 1], [254**2 * count + 509], count)
    assert mean == (254 / 255 + 1 / (255 * count),)
    assert std[0] == pytest.approx((count - 1) ** 0.5 / count / 255, rel=1e-15)


def test_cifar10_has_the_documents_mean_and_deviation() -> None:
    data = load(shared_path("cifar10"))
    assert [f"{value:.8f}" for value in data.mean] == ["0.49139968", "0.48215841", "0.44653091"]
    assert [f"{value:.8f}" for value in data.std] == ["0.24703223", "0.24348513", "0.26158784"]
    assert np.bincount(data.train.labels).tolist() == [4500] * 10
    assert np.bincount(data.validation.labels).tolist() == [500] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10


def test_images_stay_in_their_file_until_they_are_indexed(tmp_path: Path) -> None:
    images = load(tree(tmp_path)).train.images
    assert isinstance(images._pixels.base, np.memmap)
    assert not images[0].flags.writeable
    assert len(pickle.dumps(images)) < 2000
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(images))), np.asarray(images))


def test_images_are_indexed_as_an_array_is(tmp_path: Path) -> None:
    images = load(tree(tmp_path)).train.images
    plain = np.asarray(images)
    assert (images.shape, images.dtype, images.ndim, len(images)) == (plain.shape, plain.dtype, 4, len(plain))
    for index in (slice(1, 5, 2), [3, 1], np.array([0, 0]), plain[:, 0, 0, 0] > 100, -1):
        np.testing.assert_array_equal(images[index], plain[index])
    np.testing.assert_array_equal(np.stack(list(images)), plain)
    with pytest.raises(IndexError):
        images[len(images)]


def test_grey_is_one_channel_where_it_is_asked_for(tmp_path: Path) -> None:
    data = load(tree(tmp_path), channels=1)
    assert data.shape == (8, 8, 1)
    assert len(data.mean) == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"validation": 0.0}, "validation share 0: expected more than 0 and less than 1, e.g. 0.1"),
        ({"validation": 1.0}, "validation share 1: expected more than 0 and less than 1, e.g. 0.1"),
        ({"validate_on": "train"}, "validate on 'train': expected validation or test"),
        ({"size": 0}, "size 0: expected 1 to 4096 pixels"),
        ({"channels": 2}, "2 channels: images have 3, or 1 for grey"),
    ],
)
def test_an_option_that_cannot_be_is_refused(tmp_path: Path, options: dict[str, object], complaint: str) -> None:
    with pytest.raises(TrainerError) as error:
        load(tree(tmp_path), **options)
    assert str(error.value) == complaint


@pytest.mark.parametrize(
    ("source", "hint"),
    [("cifar-10", "did you mean cifar10?"), ("Shapes", "did you mean shapes?"), ("", "expected one of cifar10")],
)
def test_a_source_that_is_not_known_gets_the_nearest_one(source: str, hint: str) -> None:
    with pytest.raises(TrainerError, match="no data set") as error:
        load_data(source, Path("unused"), say=Said())
    assert hint in str(error.value)


def test_a_path_without_its_prefix_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(TrainerError) as error:
        load_data(str(tmp_path), Path("unused"), say=Said())
    assert f"did you mean folder:{tmp_path}?" in str(error.value)


def test_a_path_that_is_not_there_gets_the_nearest_one(tmp_path: Path) -> None:
    tree(tmp_path / "pets")
    with pytest.raises(TrainerError) as error:
        load(tmp_path / "pest" / "small")
    assert str(error.value) == f"no folder or zip {tmp_path}/pest/small, did you mean {tmp_path}/pets?"


def test_one_image_cannot_be_both_trained_on_and_held_out(tmp_path: Path) -> None:
    tree(tmp_path, splits=("test",))
    tree(tmp_path, splits=("train",), count=1)
    with pytest.raises(TrainerError, match="class cat has 1 image to train on"):
        load(tmp_path)
