"""The user's files that a training is made of, network and augmentation: copied into the run, compared, found again."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from trainer.augment.files import split_file
from trainer.config import Config
from trainer.environment import digest_of, source_file
from trainer.files import write_whole
from trainer.run import RunFolder


@dataclass(frozen=True)
class Source:
    """A file that a training is made of.

    Attributes:
        kind: its key in ``environment.json``.
        file: where it is.
        copy: where the run folder has it.
    """

    kind: str
    file: Path
    copy: Path


def sources(run: RunFolder, model: nn.Module, config: Config) -> list[Source]:
    """The file of the network's class, and that of the augmentation where it is one of the user's."""
    files = {"model": source_file(model), "augmentation": augmentation_file(config)}
    copies = {"model": run.source, "augmentation": _copy_of_augmentation(run, config)}
    return [Source(kind, file, copies[kind]) for kind, file in files.items() if file is not None and file.is_file()]


def augmentation_file(config: Config) -> Path | None:
    """The user's file in which the augmentation stands; None where it is one that is named."""
    split = split_file(config.augment) if isinstance(config.augment, str) else None
    return None if split is None else split[0]


def keep(kept: list[Source]) -> None:
    """Copy them into the run folder.

    Raises:
        TrainerError: it cannot be written.
    """
    for source in kept:
        write_whole(source.copy, source.file.read_bytes())


def changed_since(run: RunFolder, now: list[Source]) -> Iterator[str]:
    """Which of them are not as they were when the run began: a sentence each."""
    about = run.read_json(run.environment) or {}
    for source in now:
        before = about.get(source.kind) or {}
        if before.get("sha256") not in (None, digest_of(source.file)):
            yield (
                f"{source.file.name} has changed since this run began, which goes on with it; {source.copy} is as it was"
            )


def found_again(run: RunFolder, config: Config, changes: Container[str], say: Callable[[str], None]) -> Config:
    """The settings, the run's own copies in the place of files that are gone, but for those that were named anew."""
    file, copy = config.target.rpartition(":")[0], run.source
    if "target" not in changes and file.endswith(".py") and not Path(file).exists() and copy.is_file():
        say(f"there is no {file} any more; going on with the run's copy, {copy}")
        name = (run.read_json(run.environment) or {}).get("model", {}).get("class", config.target.rpartition(":")[2])
        config = replace(config, target=f"{copy}:{name}")
    augmentation, copy = augmentation_file(config), _copy_of_augmentation(run, config)
    if augmentation is not None and not augmentation.exists() and copy.is_file():
        say(f"there is no {augmentation} any more; going on with the run's copy, {copy}")
        config = replace(config, augment=f"{copy}{str(config.augment).removeprefix(str(augmentation))}")
    return config


def _copy_of_augmentation(run: RunFolder, config: Config) -> Path:
    file = augmentation_file(config)
    return run.path / f"augmentation_source{'' if file is None else file.suffix.lower()}"
