"""Small trainings for tests: a folder of coloured images, a network that learns them in moments, and runs in processes."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer.config import Config

NETWORK = """
import torch
from torch import nn


class Tiny(nn.Module):
    def __init__(self, num_classes: int = 3, norm: bool = True) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8) if norm else nn.Identity(), nn.ReLU(), nn.Dropout(0.1)
        )
        self.head = nn.Linear(8, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).mean((2, 3)))
"""
CLASSES = ("red", "green", "blue")


def images(folder: Path, per_class: int = 24, side: int = 8) -> Path:
    """A tree of images, of three classes that differ in colour under much noise; returns the folder."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for channel, name in enumerate(CLASSES):
            (folder / split / name).mkdir(parents=True)
            for index in range(per_class):
                pixels = random.integers(0, 200, (side, side, 3))
                pixels[..., channel] += 55
                Image.fromarray(pixels.astype(np.uint8)).save(folder / split / name / f"{index:03}.png")
    return folder


def network(folder: Path, source: str = NETWORK, name: str = "Tiny") -> str:
    """Write the network; returns its target."""
    path = folder / "tiny.py"
    path.write_text(source, encoding="utf-8")
    return f"{path}:{name}"


def settings(folder: Path, **changed: Any) -> Config:
    """A training of the tiny network on the images of a folder, which are made if they are missing, in its `run`."""
    if not (folder / "images").exists():
        images(folder / "images")
    given: dict[str, Any] = {
        "target": changed.get("target") or network(folder),
        "data": f"folder:{folder / 'images'}",
        "run": str(folder / "run"),
        "validation": 0.25,
        "augment": "none",
        "epochs": 3,
        "batch_size": 8,
        "workers": 0,
        "threads": 1,
        "deterministic": True,
        "device": "cpu",
        "precision": "float32",
        "report": False,
    }
    return Config(**{**given, **changed})


def begin(config: Config, slow: float = 0.0) -> Any:
    """Start a training in a process of its own, which may be killed; `slow` seconds are spent after every step."""
    process = _context().Process(target=_fit, args=(config, slow))
    process.start()
    return process


def go_on(folder: Path, slow: float = 0.0) -> Any:
    """Resume a training in a process of its own."""
    process = _context().Process(target=_resume, args=(folder, slow))
    process.start()
    return process


def in_two(config: Config | None = None, folder: Path | None = None) -> list[int | None]:
    """Train, or go on with a run, in two processes as launchers start them; when one fails the other is ended too.

    Returns:
        Their exit codes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [_context().Process(target=_ranked, args=(rank, port, config, folder)) for rank in (0, 1)]
    for process in started:
        process.start()
    wait([process.sentinel for process in started], 120)
    failed = any(process.exitcode for process in started)
    for process in started:
        process.join(0 if failed else 60)
        process.kill()
        process.join()
    return [process.exitcode for process in started]


def _ranked(rank: int, port: int, config: Config | None, folder: Path | None) -> None:
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    if config is not None:
        _fit(config, 0.0)
    if folder is not None:
        _resume(folder, 0.0)


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")  # imports torch once, then every process begins in moments
    context.set_forkserver_preload(["trainer.train", "trainer.augment"])
    return context


def _fit(config: Config, slow: float) -> None:
    from trainer.progress import Progress
    from trainer.train import fit

    raise SystemExit(fit(config, _Slow(slow) if slow else Progress()).exit_code)


def _resume(folder: Path, slow: float) -> None:
    from trainer.progress import Progress
    from trainer.train import resume

    raise SystemExit(resume(folder, {}, _Slow(slow) if slow else Progress()).exit_code)


def _Slow(seconds: float) -> Any:  # noqa: N802
    import time

    from trainer.progress import Progress

    class Slow(Progress):
        def step(self, tally: object, done: float) -> None:
            time.sleep(seconds)

    return Slow()


TIMES = ("seconds", "train_seconds", "images_per_second")


def timeless(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of epochs without what the clock says."""
    return [{key: value for key, value in record.items() if key not in TIMES} for record in records]
