"""The published sets, from small archives in their own formats and a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torchvision import datasets

from tests.trainer.trees import Said
from trainer.data import DataSet, load_data
from trainer.errors import TrainerError

ANIMALS = ("bee", "eel", "elk")
PER_CLASS = 6


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which its files can be downloaded."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def pixels(count: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def labels() -> list[int]:
    return [number % len(ANIMALS) for number in range(PER_CLASS * len(ANIMALS))]


def cifar(kind: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> bytes:
    """An archive in CIFAR's own format, which torchvision takes for the published one."""
    count = len(labels())
    field = "labels" if kind is datasets.CIFAR10 else "fine_labels"
    key = "label_names" if kind is datasets.CIFAR10 else "fine_label_names"
    files = {
        name: pickle.dumps({"data": pixels(count + shift, 3072)[:count], field: labels()})
        for shift, name in enumerate(("train_1", "test_1"))
    }
    files["names"] = pickle.dumps({key: list(ANIMALS)})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{kind.base_folder}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    monkeypatch.setattr(kind, "train_list", [["train_1", md5(files["train_1"])]])
    monkeypatch.setattr(kind, "test_list", [["test_1", md5(files["test_1"])]])
    monkeypatch.setattr(kind, "meta", {"filename": "names", "key": key, "md5": md5(files["names"])})
    monkeypatch.setattr(kind, "tgz_md5", md5(buffer.getvalue()))
    monkeypatch.setattr(kind, "url", url + kind.filename)
    return buffer.getvalue()


def load(name: str, root: Path, said: Said | None = None, **options: Any) -> DataSet:
    return load_data(name, root, say=Said() if said is None else said, **options)


@pytest.mark.parametrize(("name", "kind"), [("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)])
def test_cifar_is_downloaded_once(
    name: str, kind: Any, tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    (folder / kind.filename).write_bytes(cifar(kind, monkeypatch, url))
    said = Said()
    data = load(name, tmp_path / "root", said, validation=0.5)
    assert said[0] == f"downloading {name} into {tmp_path / 'root'}"
    assert data.name == name
    assert data.classes == ANIMALS
    assert (len(data.train), len(data.validation), len(data.test)) == (9, 9, 18)
    row = data.test.names.index("test/00004")
    expected = pixels(19, 3072)[4].reshape(3, 32, 32).transpose(1, 2, 0)
    np.testing.assert_array_equal(data.test.images[row], expected)
    assert data.test.labels[row] == 4 % len(ANIMALS)
    monkeypatch.setattr(kind, "url", "http://127.0.0.1:9/")
    again = Said()
    assert load(name, tmp_path / "elsewhere", again).digest == data.digest
    assert not again, "decoded already: neither the network nor the root is needed"


def test_an_archive_put_there_by_hand_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = cifar(datasets.CIFAR10, monkeypatch, "http://127.0.0.1:9/")
    (tmp_path / datasets.CIFAR10.filename).write_bytes(archive)
    assert len(load("cifar10", tmp_path).test) == 18


def test_without_a_network_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    cifar(datasets.CIFAR10, monkeypatch, "http://127.0.0.1:9/")
    with pytest.raises(TrainerError) as error:
        load("cifar10", tmp_path)
    assert str(error.value).startswith(f"cifar10 is not in the folder {tmp_path} and could not be downloaded (")
    assert str(error.value).endswith(
        f"; put http://127.0.0.1:9/cifar-10-python.tar.gz into {tmp_path} by hand, "
        "or try --data shapes, which needs no download"
    )
    assert capfd.readouterr() == ("", "")


def test_a_download_that_is_not_the_published_file_is_refused(
    tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    (folder / "cifar-10-python.tar.gz").write_bytes(cifar(datasets.CIFAR10, monkeypatch, url)[:-1])
    with pytest.raises(TrainerError, match=r"cifar-10-python.tar.gz is not the published file"):
        load("cifar10", tmp_path)


def test_a_root_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar(datasets.CIFAR10, monkeypatch, "http://127.0.0.1:9/")

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(datasets.CIFAR10, "download", denied)
    with pytest.raises(TrainerError, match=r"that folder cannot be written: .*; name another one with --data-root"):
        load("cifar10", tmp_path)


def digits(kind: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The four files of MNIST's own format."""
    count = len(labels())
    resources = []
    for shift, part in enumerate(("train", "t10k")):
        images = struct.pack(">IIII", 0x803, count, 28, 28) + pixels(count + shift, 28, 28)[:count].tobytes()
        numbers = struct.pack(">II", 0x801, count) + bytes(labels())
        for name, data in ((f"{part}-images-idx3-ubyte.gz", images), (f"{part}-labels-idx1-ubyte.gz", numbers)):
            (folder / name).write_bytes(gzip.compress(data))
            resources.append((name, md5((folder / name).read_bytes())))
    monkeypatch.setattr(kind, "resources", resources)
    monkeypatch.setattr(kind, "mirrors", [url])
    monkeypatch.setattr(kind, "classes", list(ANIMALS))


@pytest.mark.parametrize(("name", "kind"), [("mnist", datasets.MNIST), ("fashion-mnist", datasets.FashionMNIST)])
def test_digits_are_grey_unless_colour_is_asked_for(
    name: str, kind: Any, tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digits(kind, served[0], monkeypatch, served[1])
    grey = load(name, tmp_path / "root")
    assert grey.shape == (28, 28, 1)
    expected = pixels(len(labels()) + 1, 28, 28)[: len(labels())]
    np.testing.assert_array_equal(np.asarray(grey.test.images)[..., 0], expected)
    colour = load(name, tmp_path / "root", channels=3, size=32)
    assert colour.shape == (32, 32, 3)
    assert len(set(colour.mean)) == 1


def test_without_a_network_the_files_of_mnist_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits(datasets.MNIST, tmp_path, monkeypatch, "http://127.0.0.1:9/")
    with pytest.raises(TrainerError) as error:
        load("mnist", tmp_path / "root")
    assert "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz" in str(error.value)
    assert f"into {tmp_path / 'root' / 'MNIST' / 'raw'} by hand" in str(error.value)
    assert "\n" not in str(error.value)
