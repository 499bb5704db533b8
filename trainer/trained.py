"""The network of a run with its trained weights, ready to answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.batches import Batch
from trainer.checkpoint import read_checkpoint
from trainer.errors import TrainerError
from trainer.machine import Machine, Normalize, choose_device
from trainer.model import build
from trainer.record import Record
from trainer.stored_evaluation import checkpoint_sum

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A trained network and what belongs to it.

    Attributes:
        model: in eval mode, on the device.
        machine: where it runs, and in which precision: as it was trained.
        normalize: bytes to what it takes.
        classes: their names.
        shape: (H, W, C) of the images it was trained on.
        mean: of each channel, in 0..1, as `normalize` has it.
        std: likewise.
        checkpoint: checksum of the weights.
    """

    model: nn.Module
    machine: Machine
    normalize: Normalize
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checkpoint: str

    @torch.no_grad()
    def scores(self, images: Tensor) -> Tensor:
        """(N, classes) float32 scores on the CPU for (N, H, W, C) uint8 images, as the training's validation has them."""
        self.model.eval()
        with self.machine.autocast():
            scores: Tensor = self.model(self.normalize(images.to(self.machine.device)))
        return scores.float().cpu()

    def all_scores(self, batches: Iterable[Batch]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores, (N, classes), and labels, (N,), of batches one after the other."""
        pairs = [(self.scores(images).numpy(), labels.numpy()) for images, labels in batches]
        return np.concatenate([scores for scores, _ in pairs]), np.concatenate([labels for _, labels in pairs])


def load_trained(
    record: Record, weights: str, say: Say, *, target: str | None = None, device: str | None = None
) -> Trained:
    """Build a run's network and give it its weights.

    The network comes from the target it was trained as, where that is still what it was; where its source has changed
    or gone, from the copy of the source in the run folder.

    Args:
        record: of the run.
        weights: best, by validation (of the average where there is one), last, or ema, the average at the end.
        say: takes a sentence for the user.
        target: take the network from here instead.
        device: run it here instead of where it was trained.

    Raises:
        TrainerError: the run has no such weights, or no network that they fit.
    """
    path = record.run.best if weights == "best" else record.run.last
    if not path.is_file():
        raise TrainerError(
            f"{record.run.path} has no {weights} weights yet: there is no {path.name} in {path.parent.name}"
        )
    tensors, state = read_checkpoint(path)
    if weights == "ema":
        tensors = state["learner"]["ema"]
        if tensors is None:
            raise TrainerError(f"{record.run.path} has no averaged weights: it was trained without --ema")
    data = record.environment.get("data")
    if not data:
        raise TrainerError(
            f"{record.run.path} has no {record.run.environment.name}, which tells classes and normalisation"
        )
    model = _network(record, target, tensors, say)
    machine = _machine(record, device, say)
    mean, std = tuple(data["mean"]), tuple(data["std"])
    return Trained(
        model=machine.place(model).eval(),
        machine=machine,
        normalize=Normalize(mean, std, machine.channels_last).to(machine.device),
        classes=tuple(data["classes"]),
        shape=(data["shape"][0], data["shape"][1], data["shape"][2]),
        mean=mean,
        std=std,
        checkpoint=checkpoint_sum(path) or "",
    )


def _network(record: Record, target: str | None, tensors: dict[str, Tensor], say: Say) -> nn.Module:
    """The first network that the weights fit: of the target, then of the copy of its source."""
    config = record.config
    if target is not None:
        return _fitted(target, record, tensors)
    copy = record.run.source
    targets = [config.target]
    if copy.is_file():
        targets.insert(0 if _changed(record) else 1, f"{copy}:{record.network}")
    failures = []
    for each in targets:
        try:
            model = _fitted(each, record, tensors)
        except TrainerError as error:
            failures.append(str(error))
            continue
        if each != config.target:
            say(f"the network is that of {copy}, as {config.target} has changed or is not here")
        return model
    raise TrainerError(f"{failures[targets.index(config.target)]}; --target names the network as it was trained")


def _fitted(target: str, record: Record, tensors: dict[str, Tensor]) -> nn.Module:
    model = build(target, record.config.arguments, 0)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise TrainerError(
            f"the weights of {record.run.path} do not fit {target}: {lines[min(1, len(lines) - 1)]}"
        ) from error
    return model


def _changed(record: Record) -> bool:
    """Whether the file in which the network stood is another one now, or gone."""
    about = record.environment.get("model", {})
    source, digest = about.get("source"), about.get("sha256")
    if not source or not digest:
        return False
    try:
        return hashlib.sha256(Path(source).read_bytes()).hexdigest() != str(digest)
    except OSError:
        return True


def _machine(record: Record, device: str | None, say: Say) -> Machine:
    config = record.config
    channels_last = config.layout == "channels-last"
    precision = "float32" if config.precision == "auto" else config.precision
    try:
        return Machine(choose_device(device or config.device), precision, channels_last)
    except TrainerError:
        if device is not None:
            raise
    here = choose_device("auto")
    say(f"{config.device}, where it was trained, is not here: on {here.type} in float32")
    return Machine(here, "float32", channels_last)
