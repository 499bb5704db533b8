"""What a result depends on besides its settings: versions, hardware, revision, and the sources of network and data."""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer.data import DataSet
from trainer.machine import Machine
from trainer.model import RFKIT_VERSION

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "albumentations",
    "opencv-python-headless",
    "safetensors",
    "accelerate",
    "pytorch-optimizer",
)


def describe(
    model: nn.Module, target: str, augmentation: Path | None, data: DataSet, machine: Machine
) -> dict[str, Any]:
    """The content of ``environment.json``.

    Args:
        model: the network.
        target: what it was named as.
        augmentation: the user's file in which it stands; None: there is none.
        data: what it is trained on.
        machine: where.
    """
    source = source_file(model)
    return {
        "schema": "trainer.environment/1",
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": [_program(), *sys.argv[1:]],
        "versions": {"python": platform.python_version(), "rfkit": RFKIT_VERSION, **_versions()},
        "hardware": {
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "machine": machine.describe(),
            "device": str(machine.device),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "memory_bytes": _memory(),
            "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        },
        "git": _git(),
        "model": {
            "target": target,
            "class": type(model).__qualname__,
            **_file(source),
            "parameters": sum([parameter.numel() for parameter in model.parameters()]),
        },
        "augmentation": None if augmentation is None else _file(augmentation),
        "data": {
            "name": data.name,
            "digest": data.digest,
            "classes": list(data.classes),
            "images": {name: len(getattr(data, name).labels) for name in ("train", "validation", "test")},
            "shape": list(data.train.images.shape[1:]),
            "mean": list(data.mean),
            "std": list(data.std),
        },
    }


def source_file(model: nn.Module) -> Path | None:
    """The file in which the network's class stands; None where it has none."""
    try:
        return Path(inspect.getfile(type(model)))
    except (TypeError, OSError):
        return None


def _from_here(path: Path) -> str:
    """A path as it is written in the current folder, so that a run can be passed on; elsewhere whole."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def digest_of(file: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _file(file: Path | None) -> dict[str, str | None]:
    if file is None or not file.is_file():
        return {"source": None, "sha256": None}
    return {"source": _from_here(file), "sha256": digest_of(file)}


def _versions() -> dict[str, str | None]:
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    if name == "torch":
        return str(torch.__version__)
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _git() -> dict[str, Any] | None:
    """Revision of the current folder, and whether it has changes; None outside a repository."""
    try:
        revision = _output("git", "rev-parse", "HEAD")
        return {"revision": revision, "changed": bool(_output("git", "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()


def _program() -> str:
    """What was started, without its folder: ``trainer``, also where it was ``python -m trainer``."""
    started = Path(sys.argv[0])
    return started.parent.name if started.name == "__main__.py" else started.name
