"""Lists and reads the files of a tree of images: a folder, a zip, or a folder of zips, read where it lies."""

from __future__ import annotations

import difflib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from trainer.data.decode import BrokenImageError
from trainer.data.tree import is_hidden
from trainer.errors import TrainerError

Stamp = tuple[str, int, int, int]


@dataclass(frozen=True)
class Listing:
    """The files of a tree.

    Attributes:
        names: their paths below it, ``/`` between components, none hidden.
        folders: likewise the folders.
        read: the bytes of the file of that index; raises BrokenImageError.
    """

    names: Sequence[str]
    folders: Sequence[str]
    read: Callable[[int], bytes]


@dataclass(frozen=True)
class Place:
    """A tree of images on disk.

    Attributes:
        path: the folder or the zip.
        zips: the zips to read, none for a folder of images.
        stamps: name, size, time of change and mode of each file (of each zip): what tells that it has changed.
        folders: the folders below it, for a folder of images.
    """

    path: Path
    zips: tuple[Path, ...]
    stamps: tuple[Stamp, ...]
    folders: tuple[str, ...] = ()

    @contextmanager
    def listing(self) -> Iterator[Listing]:
        """List the files and keep them open for reading; a zip's directory is read only here.

        Raises:
            TrainerError: a zip cannot be read.
        """
        if self.zips:
            with _zip_listing(self.zips) as listing:
                yield listing
        else:
            names = [stamp[0] for stamp in self.stamps]
            yield Listing(names, self.folders, lambda index: _read(self.path / names[index]))


def find(path: Path) -> Place:
    """Look at a folder or a zip.

    Raises:
        TrainerError: there is none, or it cannot be read.
    """
    path = path.expanduser()
    try:
        if path.is_dir():
            zips = tuple(sorted(entry for entry in path.iterdir() if _is_zip(entry)))
            stamps, folders = ((), ()) if zips else _walk(path)
            if zips and any(entry.is_dir() and not is_hidden(entry.name) for entry in path.iterdir()):
                one = quote(f"folder:{zips[0]}")
                raise TrainerError(f"{path} holds both zips and folders: name the one to read, e.g. {one}")
            return Place(path, zips, stamps or tuple(_stamp(entry, entry.name) for entry in zips), folders)
        if path.exists():
            if not zipfile.is_zipfile(path):
                raise TrainerError(f"{path} is neither a folder nor a zip of images")
            return Place(path, (path,), (_stamp(path, path.name),))
    except OSError as error:
        raise TrainerError(f"cannot read {error.filename or path}: {(error.strerror or str(error)).lower()}") from error
    raise TrainerError(f"no folder or zip {path}{_nearest(path)}")


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and not is_hidden(path.name) and path.is_file()


def _nearest(path: Path) -> str:
    """``, did you mean X?`` for the name nearest to it in the deepest folder of the path that exists."""
    missing = path
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    try:
        present = [entry.name for entry in missing.parent.iterdir() if not is_hidden(entry.name)]
    except OSError:
        return ""
    near = difflib.get_close_matches(missing.name, present, 1, 0.6)
    return f", did you mean {missing.parent / near[0]}?" if near else ""


def _stamp(path: Path, name: str) -> Stamp:
    found = path.stat()
    return (name, found.st_size, found.st_mtime_ns, found.st_mode)


def _walk(root: Path) -> tuple[tuple[Stamp, ...], tuple[str, ...]]:
    """All files and folders below a folder, links followed, hidden ones left out, sorted by name."""
    stamps: list[Stamp] = []
    folders: list[str] = []

    def visit(folder: str, below: str, above: frozenset[tuple[int, int]]) -> None:
        found = os.stat(folder)
        here = above | {(found.st_dev, found.st_ino)}
        with os.scandir(folder) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if is_hidden(entry.name):
                    continue
                if not entry.is_dir():
                    stamps.append(_entry_stamp(entry, name))
                elif not _leads_back(entry, here):
                    folders.append(name)
                    visit(entry.path, f"{name}/", here)

    visit(str(root), "", frozenset())
    return tuple(sorted(stamps)), tuple(sorted(folders))


def _leads_back(entry: os.DirEntry[str], above: frozenset[tuple[int, int]]) -> bool:
    if not entry.is_symlink():
        return False
    found = entry.stat()
    return (found.st_dev, found.st_ino) in above


def _entry_stamp(entry: os.DirEntry[str], name: str) -> Stamp:
    try:
        found = entry.stat()
    except OSError:  # a link to nothing: listed, so that it is named as broken when it is read
        found = entry.stat(follow_symlinks=False)
    return (name, found.st_size, found.st_mtime_ns, found.st_mode)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = "a link to nothing" if path.is_symlink() and not path.exists() else error.strerror or str(error)
        raise BrokenImageError(reason.lower()) from error


@contextmanager
def _zip_listing(paths: Sequence[Path]) -> Iterator[Listing]:
    with ExitStack() as opened:
        archives = [opened.enter_context(_open(path)) for path in paths]
        entries = [(archive, info) for archive in archives for info in archive.NameToInfo.values()]
        shown = [(archive, info) for archive, info in entries if not is_hidden(info.filename.strip("/"))]
        files = [(archive, info) for archive, info in shown if not info.is_dir()]
        folders = [info.filename.strip("/") for _, info in shown if info.is_dir()]
        yield Listing([info.filename for _, info in files], folders, lambda index: _unzip(*files[index]))


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise TrainerError(f"cannot read {path}: {' '.join(str(error).split()).lower()}") from error


def _unzip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise BrokenImageError(" ".join(str(error).split()) or type(error).__name__) from error
