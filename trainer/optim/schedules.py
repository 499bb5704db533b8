"""The learning rate as a pure function of how much of the training is done."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi
from typing import Protocol

START = 1 / 25
"""First rate over the highest, where it rises: that of ``torch.optim.lr_scheduler.OneCycleLR``."""

END = START / 1e4
"""Last rate over the highest, of onecycle: likewise."""


class Rates(Protocol):
    """A learning rate for each share of the training."""

    def at(self, progress: float) -> float:
        """The rate when this share of the training, 0..1, is done."""
        ...


@dataclass(frozen=True)
class Sweep:
    """From the lowest rate to the highest, each step by the same factor.

    Attributes:
        lowest: the first.
        highest: the last.
    """

    lowest: float
    highest: float

    def at(self, progress: float) -> float:
        """The rate when this share of the sweep, 0..1, is done."""
        rate: float = self.lowest * (self.highest / self.lowest) ** progress
        return rate


@dataclass(frozen=True)
class Schedule:
    """The learning rate of every step.

    Attributes:
        name: onecycle, cosine, linear, step or constant.
        peak: the highest rate.
        warmup: share of the training in which it rises to the peak.
    """

    name: str
    peak: float
    warmup: float = 0.0

    def at(self, progress: float) -> float:
        """The rate when this share of the training, 0..1, is done.

        While it warms up it rises from 1/25 of the peak: along half a cosine for onecycle (Smith and Topin, 2018; the
        form of PyTorch's OneCycleLR), in a straight line otherwise. After that, with s the share of the rest:
        onecycle and cosine fall along half a cosine, to 1/250,000 of the peak and to 0; linear falls to 0 in a straight
        line; step falls to a tenth at s = 1/2 and to a hundredth at s = 3/4; constant stays.
        """
        progress = min(max(progress, 0.0), 1.0)
        if progress < self.warmup:
            share = progress / self.warmup
            risen = (1 - cos(pi * share)) / 2 if self.name == "onecycle" else share
            return self.peak * (START + (1 - START) * risen)
        share = (progress - self.warmup) / (1 - self.warmup)
        return self.peak * _fallen(self.name, share)


def _fallen(name: str, share: float) -> float:
    match name:
        case "onecycle":
            return END + (1 - END) * (1 + cos(pi * share)) / 2
        case "cosine":
            return (1 + cos(pi * share)) / 2
        case "linear":
            return 1 - share
        case "step":
            return 1.0 if share < 0.5 else 0.1 if share < 0.75 else 0.01
        case _:
            return 1.0
