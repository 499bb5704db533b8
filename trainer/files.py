"""Files that appear complete or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from trainer.errors import TrainerError


def write_whole(path: Path, data: bytes | str, durable: bool = False) -> None:
    """Write a file under another name and rename it; text becomes UTF-8, its lines ending in a line feed.

    Args:
        path: the file.
        data: all of it.
        durable: also wait until file and folder are on the disk, so that a machine that stops leaves it whole too.

    Raises:
        TrainerError: it cannot be written; what was there is untouched.
    """
    content = data.encode() if isinstance(data, str) else data
    target = path.resolve()
    part = target.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return
        with part.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, target)
        if durable:
            _sync_folder(target.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise TrainerError(f"cannot write {path}: {reason}; what was there is untouched") from error


def check_writable(path: Path) -> None:
    """Find out before the work is done whether its result can be written.

    Raises:
        TrainerError: it is a folder, its folder is missing, or one of them is protected.
    """
    folder = path.resolve().parent
    if path.is_dir():
        raise TrainerError(f"cannot write {path}: it is a folder")
    if not folder.is_dir():
        raise TrainerError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise TrainerError(f"cannot write {path}: permission denied")


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
