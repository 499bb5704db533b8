"""The training loop: tensors in, numbers out, no files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.batches import Batch
from trainer.machine import Machine, Normalize
from trainer.metrics import Tally
from trainer.mixing import Mixing
from trainer.optim import Rates, average


@dataclass
class Position:
    """Where a training is: epochs and batches are counted from 0, and are those that come next.

    Attributes:
        epoch: the epoch.
        batch: the batch in it.
        step: steps made so far, over all epochs.
        seconds: time spent training and validating so far, in all sessions.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0


class StepError(Exception):
    """A step went wrong: its loss is not finite, or the network failed.

    Attributes:
        what: happened.
        position: of the step.
        remedy: what to do about it.
    """

    def __init__(self, what: str, position: Position, remedy: str) -> None:
        super().__init__(what)
        self.what, self.position, self.remedy = what, position, remedy


LOWER_RATE = "start again with a lower --lr or with --clip 1"


@dataclass
class Learner:
    """A network and all that changes while it learns.

    Attributes:
        model: the network, whose weights are stored.
        forward: what a training step calls: the network, compiled or wrapped for several processes.
        optimizer: updates its weights.
        schedule: the learning rate over the training.
        machine: where it runs, and in which precision.
        normalize: bytes to numbers, on the device.
        mixing: mixup and cutmix.
        augment: changes batches of bytes on the device, told epoch and batch; None: they come augmented.
        label_smoothing: share of the target that is spread over all classes.
        clip: largest norm of the gradient; None: any.
        ema: holds the average of the weights; None: there is none.
        decay: of that average.
        scaler: of the loss, for float16.
    """

    model: nn.Module
    forward: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Rates
    machine: Machine
    normalize: Normalize
    mixing: Mixing
    augment: Callable[[Tensor, int, int], Tensor] | None = None
    label_smoothing: float = 0.0
    clip: float | None = None
    ema: nn.Module | None = None
    decay: float = 0.0
    scaler: torch.amp.GradScaler = field(init=False)
    lr: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        scaled = self.machine.precision == "float16" and self.machine.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.machine.device.type, enabled=scaled)

    def step(self, batch: Batch, position: Position, progress: float) -> tuple[Tensor, Tensor, Tensor]:
        """Learn from one batch.

        Args:
            batch: images, (N, H, W, C) uint8, and labels, (N,).
            position: of the step.
            progress: share of the training that is done, 0..1, which decides the learning rate.

        Returns:
            The loss, the scores, (N, classes), and the labels; on the device.
        """
        self.set_lr(self.schedule.at(progress))
        images, labels = (part.to(self.machine.device, non_blocking=True) for part in batch)
        if self.augment is not None:
            images = self.augment(images, position.epoch, position.batch)
        loss, scores = self._loss(self.normalize(images), labels, position)
        scaled: Any = self.scaler.scale(loss)
        scaled.backward()
        if self.clip is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema is not None:
            average(self.ema, self.model, self.decay, position.step)
        return loss.detach(), scores.detach(), labels

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of every group of parameters, times its ``lr_scale`` where it has one."""
        self.lr = lr
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)

    def _loss(self, images: Tensor, labels: Tensor, position: Position) -> tuple[Tensor, Tensor]:
        mixed = self.mixing(images, labels, position.epoch, position.batch)
        with self.machine.autocast():
            scores = self.forward(images if mixed is None else mixed.images)
        scores = scores.float()
        loss = F.cross_entropy(scores, labels, label_smoothing=self.label_smoothing)
        if mixed is not None:
            other = F.cross_entropy(scores, mixed.others, label_smoothing=self.label_smoothing)
            loss = mixed.share * loss + (1 - mixed.share) * other
        return loss, scores

    def state(self) -> dict[str, Any]:
        """All that changes, but for the network's own weights."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
        }

    def load(self, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Back to a stored state.

        Raises:
            RuntimeError, ValueError, KeyError: it belongs to another network or optimiser.
        """
        self.model.load_state_dict(weights)
        self.optimizer.load_state_dict(_laid_out(state["optimizer"], self.optimizer))
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])


def train_epoch(
    learner: Learner,
    batches: Iterable[Batch],
    position: Position,
    tally: Tally,
    progress: Callable[[], float],
    after_step: Callable[[float], bool],
) -> None:
    """Learn from the batches of an epoch, or from what is left of it, and move `position` and `tally` along.

    Args:
        learner: learns.
        batches: from `position` on.
        position: is moved on after every step.
        tally: adds up loss and accuracy.
        progress: share of the training that is done.
        after_step: is called with the learning rate of the step; True ends the epoch here.

    Raises:
        StepError: the network fails, or the loss is not finite; where asking for it would hold up a GPU this is found up to
            50 steps later.
    """
    learner.model.train()
    watch = _Watch(1 if learner.machine.device.type == "cpu" else 50)
    for batch in batches:
        try:
            loss, scores, labels = learner.step(batch, position, progress())
        except (Exception, SystemExit) as error:
            raise _failed(error, position) from error
        watch.add(loss, position)
        tally.add(loss, scores, labels)
        position.batch += 1
        position.step += 1
        if after_step(learner.lr):
            break
    watch.look()


def _failed(error: BaseException, position: Position) -> StepError:
    said = " ".join(str(error).split())[:200]
    short = isinstance(error, MemoryError) or "out of memory" in said.lower() or "can't allocate memory" in said
    remedy = "a smaller --batch-size needs less memory" if short else "--debug shows where"
    return StepError(f"the network fails with {type(error).__name__}{f': {said}' if said else ''}", position, remedy)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    machine: Machine,
    normalize: Normalize,
    each: Callable[[], None] = lambda: None,
) -> Tally:
    """Loss and accuracy of a network on images as they are; it is left in eval mode.

    Args:
        model: is on the device.
        batches: images, (N, H, W, C) uint8, and labels.
        machine: as in training.
        normalize: likewise.
        each: is called after every batch; it may raise to stop.
    """
    model.eval()
    tally = Tally(machine.device)
    for images, labels in batches:
        labels = labels.to(machine.device, non_blocking=True)
        with machine.autocast():
            scores = model(normalize(images.to(machine.device, non_blocking=True)))
        scores = scores.float()
        tally.add(F.cross_entropy(scores, labels), scores, labels)
        each()
    return tally


class _Watch:
    """Finds the first loss that is not finite, looking only every so many steps."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._seen: list[tuple[Tensor, Position]] = []

    def add(self, loss: Tensor, position: Position) -> None:
        self._seen.append((loss, Position(position.epoch, position.batch, position.step)))
        if len(self._seen) >= self._every:
            self.look()

    def look(self) -> None:
        losses = torch.stack([loss for loss, _ in self._seen]).tolist() if self._seen else []
        for loss, (_, position) in zip(losses, self._seen, strict=True):
            if not abs(loss) < float("inf"):
                raise StepError(f"the loss is {loss}", position, LOWER_RATE)
        self._seen.clear()


def _laid_out(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """An optimiser's state whose tensors lie in memory as its parameters do, which fused steps rely on."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, entries in state["state"].items():
        like = parameters[index]
        for name, value in entries.items():
            if isinstance(value, Tensor) and value.shape == like.shape:
                entries[name] = torch.empty_like(like, dtype=value.dtype).copy_(value)
    return state
