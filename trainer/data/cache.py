"""The cache of decoded images: one folder per state of a source, whole or absent, never changed once it is there.

    CACHE/data/SLOT/FINGERPRINT/{images.u8, labels.npy, keys.npy, names.json, about.json}

SLOT is a source and the way it is read, FINGERPRINT its files as they are. A folder is written under another name,
under the slot's lock, and renamed when it is complete; folders of former states are removed then.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from trainer.data.build import IMAGES, KEYS, LABELS, NAMES, write_contents
from trainer.data.contents import Progress, Source
from trainer.errors import TrainerError

_ABOUT = "about.json"
_FORMAT = 1


@dataclass(frozen=True)
class Stored:
    """A source as the cache has it.

    Attributes:
        images: the file of all images, ``shape`` bytes: training, validation and test images one after the other.
        ends: where each of the three splits ends.
        labels: (N,).
        keys: (N,) hashes of the names.
        sums: over the training images, of the values of each channel.
        squares: likewise of their squares.
        broken: names of images that are left out, each with the reason.
        kinds: what the files held, e.g. ``32x32 RGB``, and how many; the most frequent first.
    """

    images: Path
    shape: tuple[int, int, int, int]
    ends: tuple[int, int, int]
    labels: NDArray[np.int64]
    keys: NDArray[np.uint64]
    names: list[str]
    classes: tuple[str, ...]
    sums: tuple[int, ...]
    squares: tuple[int, ...]
    digest: str
    broken: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]


def cache_folder() -> Path:
    """RFKIT_CACHE where it is set, else this platform's place for a user's caches.

    Raises:
        TrainerError: there is no home folder to put it in.
    """
    given = os.environ.get("RFKIT_CACHE")
    if given:
        return Path(given).expanduser()
    try:
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "rfkit" / "Cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "rfkit"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rfkit"
    except RuntimeError as error:
        raise TrainerError("no home folder for the cache of images; name a folder in RFKIT_CACHE") from error


def stored(source: Source, say: Callable[[str], None], progress: Progress | None) -> Stored:
    """The images of a source, from the cache; written there first where they are missing, outdated or damaged.

    Raises:
        TrainerError: the source cannot be used, or the cache cannot be written.
    """
    slot = (
        cache_folder() / "data" / blake2b(source.identity.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    )
    folder = slot / source.fingerprint
    found = _opened(folder)
    if found is not None:
        return found
    try:
        slot.mkdir(parents=True, exist_ok=True)
        with _locked(slot, source, say):
            found = _opened(folder)
            return found or _built(source, slot, folder, say, progress)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TrainerError(
            f"cannot write the cache of images at {slot}: {reason}; name another folder in RFKIT_CACHE"
        ) from error


@contextmanager
def _locked(slot: Path, source: Source, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the slot's lock, which the system takes back from a process that dies."""
    lock = FileLock(slot / "lock")
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        say(f"waiting for another run that is reading {source.place}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _built(source: Source, slot: Path, folder: Path, say: Callable[[str], None], progress: Progress | None) -> Stored:
    partial = slot / f"{source.fingerprint}.{os.getpid()}.partial"
    _clear(slot)
    try:
        partial.mkdir()
        with source.contents() as contents:
            say(f"writing {len(contents.names):,} images of {source.place} to the cache, {slot}")
            about = write_contents(contents, partial, source.place, progress)
        _describe(partial, about, source.fingerprint)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    found = _opened(folder)
    if found is None:
        raise TrainerError(
            f"the cache at {slot} does not give back what was written; name another folder in RFKIT_CACHE"
        )
    return found


def _clear(slot: Path) -> None:
    """Remove what a killed run has left, former states of the source, and the damaged one."""
    for entry in slot.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)


def _describe(folder: Path, about: dict[str, Any], fingerprint: str) -> None:
    about |= {
        "format": _FORMAT,
        "fingerprint": fingerprint,
        "written": (folder / IMAGES).stat().st_mtime_ns,
        "checks": {name: zlib.crc32((folder / name).read_bytes()) for name in (LABELS, KEYS, NAMES)},
    }
    text = json.dumps(about)
    (folder / _ABOUT).write_text(f"{zlib.crc32(text.encode('ascii'))} {text}", encoding="ascii")


def _opened(folder: Path) -> Stored | None:
    """What a folder of the cache holds; None unless it is there, whole and undamaged."""
    try:
        check, _, text = (folder / _ABOUT).read_text(encoding="ascii").partition(" ")
        if int(check) != zlib.crc32(text.encode("ascii")):
            return None
        about = json.loads(text)
        if about["format"] != _FORMAT or not _sound(folder, about):
            return None
        return Stored(
            images=folder / IMAGES,
            shape=tuple(about["shape"]),
            ends=tuple(about["ends"]),
            labels=np.load(folder / LABELS),
            keys=np.load(folder / KEYS),
            names=json.loads((folder / NAMES).read_text(encoding="ascii")),
            classes=tuple(about["classes"]),
            sums=tuple(about["sums"]),
            squares=tuple(about["squares"]),
            digest=about["digest"],
            broken=tuple((name, reason) for name, reason in about["broken"]),
            kinds=tuple((kind, count) for kind, count in about["kinds"]),
            notes=tuple(about["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sound(folder: Path, about: dict[str, Any]) -> bool:
    """Whether the files are those that were written; the pixels are read again only if their file was touched."""
    images = (folder / IMAGES).stat()
    if images.st_size != int(np.prod(about["shape"])):
        return False
    if any(zlib.crc32((folder / name).read_bytes()) != check for name, check in about["checks"].items()):
        return False
    return bool(images.st_mtime_ns == about["written"] or _pixel_digest(folder / IMAGES) == about["pixels"])


def _pixel_digest(path: Path) -> str:
    found = blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            found.update(piece)
    return found.hexdigest()
