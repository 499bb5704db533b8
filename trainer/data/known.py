"""Published image sets, through torchvision: CIFAR-10 and -100, MNIST and Fashion-MNIST."""

from __future__ import annotations

import errno
import io
import socket
import sys
import tarfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.contents import Contents, Source, array_batches
from trainer.data.decode import recoded
from trainer.data.splits import PARTS, TEST, TRAIN
from trainer.errors import TrainerError

KNOWN = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
_GREY = ("mnist", "fashion-mnist")
_SILENCE_S = 30.0


def known_source(name: str, root: Path, channels: int | None, size: int | None, say: Callable[[str], None]) -> Source:
    """A published set; downloaded with its checksum into ``root`` unless it is there or in the cache already."""
    channels = channels or (1 if name in _GREY else 3)
    return Source(
        name=name,
        place=name,
        identity=f"{name} {channels} {size}",
        fingerprint="published",
        contents=lambda: _contents(name, root.expanduser(), channels, size, say),
    )


@contextmanager
def _contents(name: str, root: Path, channels: int, size: int | None, say: Callable[[str], None]) -> Iterator[Contents]:
    halves = [_half(name, root, train, say) for train in (True, False)]
    pixels = [np.asarray(half.data).reshape(*half.data.shape[:3], -1) for half in halves]
    labels = [np.asarray(half.targets, np.int64) for half in halves]
    yield Contents(
        classes=tuple(halves[0].classes),
        names=[
            f"{part}/{row:05d}" for part, rows in zip((TRAIN, TEST), labels, strict=True) for row in range(len(rows))
        ],
        labels=np.concatenate(labels),
        parts=np.repeat([PARTS.index(TRAIN), PARTS.index(TEST)], [len(rows) for rows in labels]).astype(np.int8),
        batches=lambda: array_batches(pixels, lambda piece: recoded(piece, channels, size)),
    )


def _half(name: str, root: Path, train: bool, say: Callable[[str], None]) -> Any:
    """The training or the test images as torchvision has them, downloaded where they are not there."""
    from torchvision import datasets

    kind = getattr(datasets, KNOWN[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unpickling what NumPy 1 wrote warns of it
        try:
            return kind(root, train=train, download=False)
        except RuntimeError:
            say(f"downloading {name} into {root}")
        try:
            with _quiet(), _impatient():
                return kind(root, train=train, download=True)
        except (OSError, RuntimeError, tarfile.TarError, EOFError, zlib.error) as error:
            raise TrainerError(f"{name} is not in the folder {root} and {_failure(kind, root, error)}") from error
        except Exception as error:  # pickle raises anything on a damaged file
            raise TrainerError(f"{name} in {root} is damaged: {_line(error)}; remove it and run again") from error


def _failure(kind: Any, root: Path, error: Exception) -> str:
    """Why there was no download, and what to do instead."""
    if isinstance(error, PermissionError) or getattr(error, "errno", None) in (errno.EROFS, errno.ENOSPC):
        return f"that folder cannot be written: {_line(error)}; name another one with --data-root"
    if hasattr(kind, "resources"):
        files, place = [url for url, _ in kind.resources], root / kind.__name__ / "raw"
        where = f"{', '.join(files)} from {kind.mirrors[0]}"
    else:
        files, place = [kind.filename], root
        where = kind.url
    torn = [str(place / file) for file in files if (place / file).exists()]
    if torn and not hasattr(kind, "resources"):
        reason = f"{torn[0]} is not the published file, nor could that be downloaded ({_line(error)})"
    else:
        reason = f"could not be downloaded ({_line(error)})"
    return f"{reason}; put {where} into {place} by hand, or try --data shapes, which needs no download"


def _line(error: Exception) -> str:
    """What an error says, in one line of a bearable length."""
    text = " ".join(str(getattr(error, "reason", None) or error).split()) or type(error).__name__
    return text if len(text) <= 120 else f"{text[:119]}…"


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing printed by others, unless there is someone to watch a progress bar."""
    if sys.stderr.isatty():
        yield
        return
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


@contextmanager
def _impatient() -> Iterator[None]:
    """A server that says nothing for half a minute counts as absent."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
