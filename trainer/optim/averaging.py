"""An exponential moving average of the weights (Polyak averaging)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def averaged(model: nn.Module) -> nn.Module:
    """A copy of the network that is to hold the average; it is never trained itself."""
    copied = copy.deepcopy(model).eval()
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
    return copied


@torch.no_grad()
def average(target: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the weights after a step: ``a += (1 - d)·(w - a)``.

    The decay is warmed up, ``d = min(decay, (1 + step) / (10 + step))``, so that the first weights, which are random,
    are soon forgotten (TensorFlow's ExponentialMovingAverage). Running statistics are averaged alike; whole numbers are
    copied.

    Args:
        target: holds the average.
        model: was just updated.
        decay: 0..1.
        step: how many steps were made before this one.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    floats: tuple[list[Tensor], list[Tensor]] = ([], [])
    theirs = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, mine in [*target.named_parameters(), *target.named_buffers()]:
        if mine.is_floating_point():
            floats[0].append(mine)
            floats[1].append(theirs[name])
        else:
            mine.copy_(theirs[name])
    torch._foreach_lerp_(floats[0], floats[1], weight)
