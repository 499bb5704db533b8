from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.trees import Said, load, picture, tree, zipped
from trainer.data import cache
from trainer.errors import TrainerError

LOAD = """
import json, sys
from pathlib import Path
from trainer.data import load_data
said = []
data = load_data(sys.argv[1], Path("unused"), say=said.append)
print(json.dumps([data.digest, len(said), int(data.train.images[:].sum())]))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def start(source: Path) -> subprocess.Popen[str]:
    """Load a folder in a process of its own."""
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, f"folder:{source}"], env=environment, stdout=subprocess.PIPE, text=True
    )


def wrote(said: Said) -> bool:
    return any(text.startswith("writing ") for text in said)


def loads(source: Path) -> bool:
    """Load; whether the images were decoded anew."""
    said = Said()
    load(source, said)
    return wrote(said)


def images(cache_folder: Path) -> Path:
    return next(cache_folder.rglob("images.u8"))


def test_images_are_decoded_once(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets")
    packed = zipped(root, tmp_path / "pets.zip")
    for source in (root, packed):
        assert loads(source)
        assert not loads(source)


def test_the_way_of_reading_is_part_of_what_is_cached(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets")
    sizes = [load(root, **options).shape for options in ({}, {"size": 4}, {"channels": 1}, {}, {"size": 4})]
    assert sizes == [(8, 8, 3), (4, 4, 3), (8, 8, 1), (8, 8, 3), (4, 4, 3)]


def test_progress_is_told_while_images_are_read(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    root = tree(tmp_path / "pets", count=200)
    load(root, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert len(told) > 2
    assert told[-1] == (800, 800)


@pytest.mark.parametrize("change", ["add", "remove", "replace", "touch", "rename"])
def test_a_changed_source_is_read_again(tmp_path: Path, folder: Path, change: str) -> None:
    root = tree(tmp_path / "pets")
    before = load(root).digest
    image = root / "train" / "cat" / "0.png"
    if change == "add":
        picture(99).save(root / "train" / "cat" / "9.png")
    elif change == "remove":
        image.unlink()
    elif change == "replace":
        picture(99).save(image)
    elif change == "touch":
        os.utime(image, (1, 1))
    else:
        image.rename(image.with_name("00.png"))
    said = Said()
    after = load(root, said).digest
    assert wrote(said)
    assert (after == before) == (change == "touch")
    assert len(list(folder.rglob("images.u8"))) == 1, "the former state is removed"


def test_a_changed_zip_is_read_again(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets")
    packed = zipped(root, tmp_path / "pets.zip")
    before = load(packed).digest
    picture(99).save(root / "train" / "cat" / "9.png")
    zipped(root, packed)
    assert load(packed).digest != before


@pytest.mark.parametrize("name", ["images.u8", "labels.npy", "keys.npy", "names.json", "about.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove", "empty"])
def test_a_damaged_cache_is_written_again(tmp_path: Path, folder: Path, name: str, damage: str) -> None:
    root = tree(tmp_path / "pets")
    whole = load(root)
    pixels = np.asarray(whole.train.images)
    file = next(folder.rglob(name))
    content = bytearray(file.read_bytes())
    if damage == "remove":
        file.unlink()
    elif damage == "flip":
        content[len(content) // 2] ^= 4
        file.write_bytes(content)
    else:
        file.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])
    said = Said()
    again = load(root, said)
    assert wrote(said)
    assert again.digest == whole.digest
    np.testing.assert_array_equal(np.asarray(again.train.images), pixels)


def test_a_cache_that_was_copied_is_as_good(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "pets")
    load(root)
    shutil.copytree(folder, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "elsewhere"))
    assert not loads(root)


def test_a_description_of_another_format_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "pets")
    load(root)
    monkeypatch.setattr(cache, "_FORMAT", -1)
    assert loads(root)


def test_two_that_start_together_decode_once_and_agree(tmp_path: Path) -> None:
    root = tree(tmp_path / "pets", count=400)
    running = [start(root) for _ in range(3)]
    found = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    assert len({(digest, total) for digest, _, total in found}) == 1
    assert not loads(root)


def test_the_second_says_that_it_waits(tmp_path: Path, folder: Path) -> None:
    from threading import Thread

    from filelock import FileLock

    root = tree(tmp_path / "pets")
    load(root)
    slot = images(folder).parents[1]
    shutil.rmtree(images(folder).parent)
    said = Said()
    with FileLock(slot / "lock"):
        thread = Thread(target=load, args=(root, said))
        thread.start()
        while not said:
            time.sleep(0.02)
        assert said == [f"waiting for another run that is reading {root}"]
    thread.join(60)
    assert wrote(said)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_run_leaves_nothing_that_is_taken_for_whole(tmp_path: Path, folder: Path) -> None:
    root = tree(tmp_path / "pets", count=700)
    expected = load(root).digest
    chance = random.Random(0)
    unfinished = 0
    for _ in range(5):
        shutil.rmtree(folder)
        process = start(root)
        while not list(folder.rglob("images.u8")) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.25)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        unfinished += bool(list(folder.rglob("*.partial")))
        assert load(root).digest == expected
        assert not list(folder.rglob("*.partial"))
    assert unfinished


def test_a_failure_leaves_no_unfinished_files(tmp_path: Path, folder: Path) -> None:
    root = tree(tmp_path / "pets")
    picture(0, (9, 9)).save(root / "test" / "dog" / "4.png")
    with pytest.raises(TrainerError, match="different sizes"):
        load(root)
    assert [path.name for path in folder.rglob("*") if path.is_file()] in ([], ["lock"])
    assert not list(folder.rglob("*.partial"))


def test_too_little_room_is_said_before_anything_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "pets")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(100))
    with pytest.raises(TrainerError) as error:
        load(root)
    assert "20 images of 8x8 need 3.8 kB in the cache and 100 bytes are free" in str(error.value)
    assert str(error.value).endswith("give a --size, or a folder with more room in RFKIT_CACHE")


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_disk_that_fills_up_is_one_line(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    root = tree(tmp_path / "pets")
    monkeypatch.setattr(Path if call == "rename" else os, call, full)
    with pytest.raises(TrainerError, match="no space left on device; name another folder in RFKIT_CACHE"):
        load(root)
    assert not list(folder.rglob("*.partial"))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        TrainerError, match=r"cannot write the cache of images at .*; name another folder in RFKIT_CACHE"
    ):
        load(tree(tmp_path / "pets"))


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/rfkit"),
        ("linux", {"HOME": "/h"}, "/h/.cache/rfkit"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/rfkit"),
        ("linux", {"RFKIT_CACHE": "/c", "HOME": "/h"}, "/c"),
    ],
)
def test_the_cache_is_where_the_platform_has_caches(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RFKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.cache_folder() == Path(expected)
