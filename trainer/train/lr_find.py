"""Which learning rate to try: let it rise with every step, and see where the loss falls and where it bursts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil, inf

from trainer.batches import Batch
from trainer.config import Config
from trainer.data_of_run import data_of
from trainer.errors import TrainerError
from trainer.loop import Position
from trainer.machine import deterministic
from trainer.optim import Sweep
from trainer.processes import Solo
from trainer.train.parts import Parts, Say, assemble

SMOOTHING = 0.9
BURST = 4.0
"""The sweep ends where the loss is so many times its lowest."""

FLAT = 0.01
"""A loss that changes by a smaller share than this says nothing about the rates."""


@dataclass(frozen=True)
class Sweeping:
    """What a sweep found.

    Attributes:
        rates: of the steps that were made.
        losses: after each, smoothed.
        burst: whether the loss burst at the next rate, so that the sweep ended early.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    burst: bool = False

    @property
    def lowest(self) -> float:
        """The rate at which the loss was lowest."""
        return self.rates[min(range(len(self.losses)), key=self.losses.__getitem__)]

    @property
    def flat(self) -> bool:
        """Whether no rate made a difference."""
        return not self.burst and max(self.losses) - min(self.losses) <= FLAT * max(self.losses)

    @property
    def suggestion(self) -> float | None:
        """A tenth of it, which leaves room (Smith, 2017, as fast.ai reads it); None where the loss is flat or still falls."""
        return None if self.flat or (self.lowest == self.rates[-1] and not self.burst) else self.lowest / 10


def find_lr(config: Config, say: Say, *, lowest: float = 1e-5, highest: float = 10.0, steps: int = 150) -> Sweeping:
    """Train a fresh network for so many steps at rates that rise from the lowest to the highest; nothing is stored.

    The loss is averaged exponentially over the steps, and the average corrected for its start, as Adam's moments are.

    Raises:
        TrainerError: the settings cannot be used, or the very first steps do not give a loss.
    """
    if not 0 < lowest < highest < inf:
        raise TrainerError(f"the lowest rate, {lowest:g}, must be above 0 and below the highest, {highest:g}")
    data = data_of(config, say)
    with deterministic(config.deterministic):
        parts = assemble(config, data, Solo(), say)
        parts.learner.schedule = Sweep(lowest, highest)
        return _sweep(parts, steps)


def _sweep(parts: Parts, steps: int) -> Sweeping:
    rates: list[float] = []
    losses: list[float] = []
    average, burst = 0.0, False
    parts.learner.model.train()
    for position, batch in _endless(parts, steps):
        loss, _, _ = parts.learner.step(batch, position, position.step / max(steps - 1, 1))
        average = SMOOTHING * average + (1 - SMOOTHING) * loss.item()
        smoothed = average / (1 - SMOOTHING ** (position.step + 1))
        burst = not smoothed < BURST * min([*losses, smoothed])
        if burst:
            break
        rates.append(parts.learner.lr)
        losses.append(smoothed)
    if len(losses) < 2:
        raise TrainerError("the loss is not a number from the start; is the network's output a score for each class?")
    return Sweeping(tuple(rates), tuple(losses), burst)


def _endless(parts: Parts, steps: int) -> Iterator[tuple[Position, Batch]]:
    """So many batches, each with its position, over as many epochs as they need."""
    count = len(parts.batches)
    for epoch in range(ceil(steps / count)):
        for number, batch in enumerate(islice(parts.batches.epoch(epoch), steps - epoch * count)):
            yield Position(epoch, number, epoch * count + number), batch
