"""The run folder: where each file lies, and how it is written. What stands in them: docs/run-folder.md."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from filelock import FileLock, Timeout

from trainer.config import Config, from_mapping, read_toml, to_toml
from trainer.errors import TrainerError
from trainer.files import write_whole


@dataclass(frozen=True)
class RunFolder:
    """The files of one training."""

    path: Path

    @property
    def config(self) -> Path:
        """What was asked for, and what the trainer chose."""
        return self.path / "config.toml"

    @property
    def environment(self) -> Path:
        """Versions, hardware, revision, digests."""
        return self.path / "environment.json"

    @property
    def gate(self) -> Path:
        """The gate's findings and the network's report."""
        return self.path / "gate.json"

    @property
    def source(self) -> Path:
        """A copy of the file that defines the network."""
        return self.path / "model_source.py"

    @property
    def metrics(self) -> Path:
        """One JSON object per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def steps(self) -> Path:
        """One JSON object per step, where that was asked for."""
        return self.path / "steps.jsonl"

    @property
    def result(self) -> Path:
        """How it ended, and the accuracies on the test images."""
        return self.path / "result.json"

    @property
    def last(self) -> Path:
        """The whole state to go on from."""
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights that did best on the validation images."""
        return self.path / "checkpoints" / "best.safetensors"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from training in this folder meanwhile.

        Raises:
            TrainerError: another one does.
        """
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise TrainerError(f"another process is training in {self.path}; wait for its end, or stop it") from error
        except OSError as error:
            raise TrainerError(f"cannot write in {self.path}: {(error.strerror or str(error)).lower()}") from error
        try:
            yield
        finally:
            lock.release()

    def read_config(self) -> Config:
        """The run's settings.

        Raises:
            TrainerError: this is no run folder, or its settings cannot be read.
        """
        if not self.config.is_file():
            raise TrainerError(f"{self.path} is not a run folder: it has no {self.config.name}")
        return from_mapping(read_toml(self.config))

    def write_config(self, config: Config) -> None:
        """Store the settings."""
        write_whole(self.config, to_toml(config))

    def write_json(self, path: Path, value: Mapping[str, Any]) -> None:
        """Store an object for people and programs."""
        write_whole(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")

    def read_json(self, path: Path) -> dict[str, Any] | None:
        """An object that was stored; None where there is no such file.

        Raises:
            TrainerError: it is damaged.
        """
        if not path.is_file():
            return None
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise TrainerError(f"{path} is damaged: {' '.join(str(error).split())}") from error
        if not isinstance(value, dict):
            raise TrainerError(f"{path} is damaged: it holds no object")
        return value

    def append(self, path: Path, record: Mapping[str, Any]) -> None:
        """Add a line to ``metrics.jsonl`` or ``steps.jsonl``.

        Raises:
            TrainerError: it cannot be written.
        """
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise TrainerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error

    def rewrite(self, path: Path, records: Iterable[Mapping[str, Any]]) -> None:
        """Have a file of lines hold these records and no others."""
        write_whole(path, "".join(json.dumps(record) + "\n" for record in records))

    def tidy(self) -> None:
        """Remove what a process that was killed had not finished writing."""
        for part in self.path.rglob(".*.part"):
            part.unlink(missing_ok=True)

    def read_lines(self, path: Path) -> list[dict[str, Any]]:
        """The records of a file of lines; a last line that is cut off is left out.

        Raises:
            TrainerError: another line is damaged.
        """
        if not path.is_file():
            return []
        records: list[dict[str, Any]] = []
        lines = path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            try:
                records.append(json.loads(line))
            except ValueError as error:
                if number == len(lines) and not line.endswith(b"\n"):
                    break
                raise TrainerError(f"{path} is damaged: line {number} is no JSON") from error
        return records


def check_free(path: Path) -> None:
    """Find out before the work is done whether a run folder can be made there.

    Raises:
        TrainerError: it exists and is not empty, is a file, or lies where nothing can be made.
    """
    above = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    if above != path.absolute() and not (above.is_dir() and os.access(above, os.W_OK)):
        raise TrainerError(f"--run {path} cannot be made: {above} is {'protected' if above.is_dir() else 'a file'}")
    if path.is_file():
        raise TrainerError(f"--run {path} is a file; name a folder")
    if path.is_dir() and any(path.iterdir()):
        raise TrainerError(
            f"--run {path} exists already; name another, or go on with it: trainer fit --resume {quote(str(path))}"
        )


def create(name: str, asked: str | None) -> RunFolder:
    """A new run folder: the one that was asked for, or ``runs/NAME-TIME``.

    Raises:
        TrainerError: it exists and is not empty, or cannot be made.
    """
    path = Path(asked) if asked is not None else Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while asked is None and path.exists():
        number += 1
        path = path.with_name(f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{number}")
    check_free(path)
    try:
        (path / "checkpoints").mkdir(parents=True)
    except OSError as error:
        raise TrainerError(f"cannot make the run folder {path}: {(error.strerror or str(error)).lower()}") from error
    return RunFolder(path)
