"""What a run folder of ``trainer`` says of its network, read as plain files."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rfkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Run:
    """A training: its network and what it was fed.

    Attributes:
        target: ``net.py:Net``, or the copy of the source in the folder where that has changed or gone.
        arguments: of the constructor.
        seed: of the initial weights.
        weights: file of those that did best on the validation images.
        input_shape: (channels, height, width) of its images; None where that is not known.
        mean, std: of each channel, as the images were normalised; likewise.
        note: what is used instead of what was asked for, empty where nothing is.
    """

    target: str
    arguments: tuple[str, ...]
    seed: int
    weights: Path
    input_shape: tuple[int, ...] | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    note: str = ""


def read_run(folder: Path) -> Run:
    """Read ``config.toml`` and ``environment.json`` of a run.

    Raises:
        UsageError: this is no run, or it has no trained weights yet.
    """
    if not folder.is_dir():
        raise UsageError(f"no run {folder}: there is no such folder")
    try:
        config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
        target, seed = str(config["target"]), int(config.get("seed", 0))
        arguments = tuple(map(str, config.get("arguments", ())))
    except OSError as error:
        raise UsageError(f"{folder} is no run of trainer: it has no config.toml that can be read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{folder / 'config.toml'} is not that of a run: {' '.join(str(error).split())}") from error
    weights = folder / "checkpoints" / "best.safetensors"
    if not weights.is_file():
        raise UsageError(f"the run {folder} has no trained weights yet: there is no {weights}")
    about = _environment(folder)
    used, note = _source(folder, target, about.get("model") or {})
    data = about.get("data") or {}
    sizes = data.get("shape")  # height, width, channels
    shape = (sizes[2], sizes[0], sizes[1]) if sizes else None
    return Run(used, arguments, seed, weights, shape, _numbers(data, "mean"), _numbers(data, "std"), note)


def _numbers(data: Mapping[str, Any], name: str) -> tuple[float, ...] | None:
    return tuple(map(float, data[name])) if data.get(name) else None


def _environment(folder: Path) -> Mapping[str, Any]:
    path = folder / "environment.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    return found if isinstance(found, dict) else {}


def _source(folder: Path, target: str, about: Mapping[str, Any]) -> tuple[str, str]:
    """The target as it was trained: where its file has changed or gone, in the copy that the run keeps."""
    copy, source, digest = folder / "model_source.py", about.get("source"), about.get("sha256")
    if not copy.is_file() or not source or not digest:
        return target, ""
    path = Path(source)
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
        return target, ""
    name = str(about.get("class") or target.rpartition(":")[2])
    state = "has changed since" if path.is_file() else "is not here"
    return f"{copy}:{name}", f"the network is that of {copy}, as {source} {state}"
