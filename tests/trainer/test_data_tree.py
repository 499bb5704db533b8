from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.trees import Said, load, picture, tree, zipped
from trainer.data.tree import arrange
from trainer.errors import TrainerError

TWO = ["train/cat/0.png", "train/dog/0.png", "test/cat/1.png", "test/dog/1.png"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def placed(names: list[str]) -> dict[str, tuple[str, str]]:
    """Split and class of each image."""
    found = arrange(names, (), "pets")
    return {names[image.index]: (image.part, found.classes[image.label]) for image in found.images}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train/cat/x.png", ("train", "cat")),
        ("train/cat/x.JPG", ("train", "cat")),
        ("train/cat/kittens/x.jpeg", ("train", "cat")),
        ("test/dog/x.tiff", ("test", "dog")),
        ("val/dog/x.png", ("validation", "dog")),
    ],
)
def test_split_and_class_are_read_off_the_path(name: str, expected: tuple[str, str]) -> None:
    assert placed([*TWO, name])[name] == expected


@pytest.mark.parametrize("folder", ["train", "Train", "TRAINING", "training"])
def test_the_training_split_has_several_names(folder: str) -> None:
    assert placed([name.replace("train", folder) for name in TWO])[f"{folder}/cat/0.png"] == ("train", "cat")


@pytest.mark.parametrize("folder", ["val", "valid", "Validation"])
def test_the_only_other_split_is_the_test_split(folder: str) -> None:
    assert placed([name.replace("test", folder) for name in TWO])[f"{folder}/cat/1.png"] == ("test", "cat")


def test_folders_around_the_tree_do_not_matter() -> None:
    assert placed([f"archive/v1/{name}" for name in TWO])["archive/v1/test/dog/1.png"] == ("test", "dog")
    assert placed(["pets/cat/0.png", "pets/dog/0.png"])["pets/dog/0.png"] == ("train", "dog")


def test_a_class_may_be_called_train() -> None:
    assert placed(["train/0.png", "tram/0.png"])["train/0.png"] == ("train", "train")


def test_classes_are_numbered_by_name_and_images_ordered_whatever_the_order_on_disk() -> None:
    found = arrange(TWO, (), "pets")
    assert found.classes == ("cat", "dog")
    assert [image.name for image in arrange(TWO[::-1], (), "pets").images] == [image.name for image in found.images]


def test_what_is_no_image_or_in_no_class_is_left_aside_and_said() -> None:
    notes = arrange([*TWO, "train/labels.csv", "train/loose.png", "extra/cat/9.png"], (), "pets").notes
    assert notes == (
        "1 file left aside: no image by the suffix",
        "2 images left aside, in no class folder: extra/cat/9.png, train/loose.png",
    )


def test_a_class_that_is_not_tested_is_said() -> None:
    assert arrange([*TWO, "train/eel/2.png"], (), "pets").notes == ("the test split has no image of eel",)


@pytest.mark.parametrize(
    ("names", "folders", "complaint"),
    [
        ([], (), "pets has no images: expected train/CLASS/NAME.png and test/CLASS/NAME.png in it"),
        (
            ["train/cat/notes.txt"],
            (),
            "pets has no images: expected train/CLASS/NAME.png and test/CLASS/NAME.png in it",
        ),
        (["0.png", "1.png"], (), "pets: 0.png is in no class folder; expected train/CLASS/NAME.png or CLASS/NAME.png"),
        (["cat/0.png"], (), "pets has one class only, cat: two or more are needed to tell them apart"),
        (TWO[::2], (), "pets has one class only, cat: two or more are needed to tell them apart"),
        (TWO, ("train/eel",), "pets: class eel has no images to train on; add some or remove its folder"),
        (
            [*TWO, "train/eel/notes.txt"],
            ("train/eel",),
            "pets: class eel has no images to train on; add some or remove ",
        ),
        ([*TWO, "test/dogs/2.png"], (), "pets: class dogs is in the test split and not in train; did you mean dog?"),
        (
            [*TWO, "test/eel/2.png"],
            (),
            "pets: class eel is in the test split and not in train; the classes are cat, dog",
        ),
        (["test/cat/0.png", "test/dog/0.png"], (), "pets has test/ and no train/ with class folders in it"),
        ([*TWO, "Test/cat/2.png"], (), "pets has both Test/ and test/: rename or remove one of them"),
    ],
)
def test_a_tree_that_cannot_be_trained_on_is_refused_in_one_line(
    names: list[str], folders: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(TrainerError) as error:
        arrange(names, folders, "pets")
    assert str(error.value).startswith(complaint)
    assert "\n" not in str(error.value)


def test_files_of_the_system_are_no_data(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets")
    clean = load(root).digest
    for name in (".DS_Store", "Thumbs.db", "._0.png", "desktop.ini"):
        (root / "train" / "cat" / name).write_bytes(b"?")
    for folder in (root / "train" / ".cache", root / "__MACOSX" / "train" / "cat"):
        folder.mkdir(parents=True)
        picture(99).save(folder / "x.png")
    said = Said()
    assert load(root, said).digest == clean
    assert load(zipped(root, tmp_path / "pets.zip"), said).digest == clean
    assert not [text for text in said if "left" in text]


def test_an_empty_class_folder_is_seen_in_folders_and_in_zips(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets")
    (root / "train" / "eel").mkdir()
    for source in (root, zipped(root, tmp_path / "pets.zip")):
        with pytest.raises(TrainerError, match="class eel has no images to train on"):
            load(source)


def test_links_to_files_and_folders_are_followed_and_a_circle_ends(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets")
    linked = tmp_path / "linked"
    (linked / "train" / "cat").mkdir(parents=True)
    for image in (root / "train" / "cat").iterdir():
        (linked / "train" / "cat" / image.name).symlink_to(image)
    (linked / "train" / "dog").symlink_to(root / "train" / "dog")
    (linked / "test").symlink_to(root / "test")
    (linked / "train" / "cat" / "again").symlink_to(linked)
    assert load(linked).digest == load(root).digest


def test_a_link_to_nothing_is_a_broken_image(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "train" / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(TrainerError, match=r"train/cat/gone.png \(a link to nothing\)"):
        load(root)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is unreadable to this user")
def test_a_file_that_may_not_be_read_is_a_broken_image(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "train" / "cat" / "0.png").chmod(0)
    with pytest.raises(TrainerError, match=r"train/cat/0.png \(permission denied\)"):
        load(root)
    (root / "train" / "cat" / "0.png").chmod(0o644)
    assert len(load(root).test) == 10


def test_a_file_that_vanishes_between_listing_and_reading_is_a_broken_image(tmp_path: Path) -> None:
    from trainer.data.contents import Batch
    from trainer.data.files import file_source

    root = tree(tmp_path)
    source = file_source(root, 3, None)
    (root / "train" / "cat" / "0.png").unlink()
    with source.contents() as contents:
        batches: list[Batch] = list(contents.batches())
        broken = {contents.names[row]: reason for batch in batches for row, reason in batch.broken}
    assert broken == {"train/cat/0.png": "no such file or directory"}


def test_zips_next_to_folders_are_ambiguous(tmp_path: Path) -> None:
    root = tree(tmp_path)
    packed = zipped(root / "train", tmp_path / "more.zip")
    with pytest.raises(TrainerError) as error:
        load(root)
    assert str(error.value) == f"{root} holds both zips and folders: name the one to read, e.g. folder:{packed}"


def test_one_image_in_two_zips_is_refused(tmp_path: Path) -> None:
    root, zips = tree(tmp_path / "pets"), tmp_path / "zips"
    zips.mkdir()
    zipped(root, zips / "a.zip")
    zipped(root, zips / "b.zip")
    with pytest.raises(TrainerError, match=r"train/cat/0.png is there 2 times, in several zips; keep one of them"):
        load(zips)


def test_files_that_are_no_zip_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pets.zip").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pets.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(TrainerError, match=r"pets.zip is neither a folder nor a zip of images"):
        load(tmp_path / "pets.zip")
    with pytest.raises(TrainerError, match=r"cannot read .*sub/pets.zip: file is not a zip file"):
        load(tmp_path / "sub")


def test_a_damaged_image_in_a_zip_is_named(tmp_path: Path) -> None:
    path = zipped(tree(tmp_path / "pets"), tmp_path / "pets.zip")
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("train/dog/3.png")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(info.filename) + info.compress_size - 20] ^= 255
    path.write_bytes(data)
    with pytest.raises(TrainerError, match=r"1 image cannot be read: train/dog/3.png \(Bad CRC-32"):
        load(path)


def test_broken_images_are_all_named_or_left_out(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "train" / "cat" / "1.png").write_bytes(b"no image at all")
    whole = (root / "train" / "dog" / "4.png").read_bytes()
    (root / "train" / "dog" / "4.png").write_bytes(whole[: len(whole) // 2])
    (root / "test" / "dog" / "0.png").write_bytes(b"")
    with pytest.raises(TrainerError) as error:
        load(root)
    for part in ("3 images cannot be read", "train/cat/1.png (it is no image)", "test/dog/0.png (it is empty)"):
        assert part in str(error.value)
    assert str(error.value).endswith("--skip-bad-images leaves them out")
    for _ in range(2):
        said = Said()
        data = load(root, said, skip_bad_images=True)
        assert data.skipped == ("train/cat/1.png", "train/dog/4.png", "test/dog/0.png")
        assert len({*data.train.names, *data.validation.names}) == 8
        assert len(data.test) == 9
        assert any("3 images left out that cannot be read: train/cat/1.png" in text for text in said)
    (root / "train" / "dog" / "4.png").write_bytes(whole)
    assert data.skipped != load(root, skip_bad_images=True).skipped


def test_a_class_of_broken_images_only_is_refused(tmp_path: Path) -> None:
    root = tree(tmp_path)
    for image in (root / "train" / "cat").iterdir():
        image.write_bytes(b"?")
    with pytest.raises(TrainerError, match=r"class cat has no image to train on that can be read; train/cat/0.png"):
        load(root, skip_bad_images=True)


def test_a_split_of_broken_images_only_is_refused(tmp_path: Path) -> None:
    root = tree(tmp_path)
    for image in (root / "test").rglob("*.png"):
        image.write_bytes(b"?")
    with pytest.raises(TrainerError, match=r"no image of the test split can be read; test/cat/0.png cannot be read"):
        load(root, skip_bad_images=True)


def test_images_of_different_sizes_need_a_size(tmp_path: Path) -> None:
    root = tree(tmp_path, count=300)
    picture(1, (12, 10)).save(root / "test" / "dog" / "299.png")
    with pytest.raises(TrainerError) as error:
        load(root)
    assert str(error.value).endswith("--size 8 brings all of them to 8x8")
    assert "test/dog/299.png is 12x10" in str(error.value)
    data = load(root, size=6)
    assert data.shape == (6, 6, 3)
    assert data.kinds == (("8x8 RGB", 1199), ("12x10 RGB", 1))
    assert np.asarray(data.test.images).std() > 20
