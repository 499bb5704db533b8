"""Where images are augmented: one by one in the processes that fetch them, or as whole batches where the step runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.augment import Augment, augmentation
from trainer.augment.draws import Draws, draws
from trainer.augment.on_device import batched
from trainer.batches import Share
from trainer.config import Config
from trainer.data import DataSet
from trainer.errors import TrainerError

Say = Callable[[str], None]


class BatchAugment:
    """Augments this process's part of a batch; what becomes of an image is a function of (seed, epoch, image).

    Args:
        apply: as `batched` makes it.
        seed: of the run.
        batch_size: images in this process's part.
        share: which part that is.
    """

    def __init__(self, apply: Callable[[Tensor, Draws], Tensor], seed: int, batch_size: int, share: Share) -> None:
        self._apply, self._seed, self._batch_size, self._share = apply, seed, batch_size, share

    @torch.no_grad()
    def __call__(self, images: Tensor, epoch: int, batch: int) -> Tensor:
        """Augment a batch.

        Args:
            images: (N, H, W, C) uint8, on the device.
            epoch: counted from 0.
            batch: likewise, in the epoch.

        Returns:
            The same shape, type and device.
        """
        first = (batch * self._share.size + self._share.rank) * self._batch_size
        numbers = draws(self._seed, epoch, np.arange(first, first + len(images)))
        return self._apply(images.permute(0, 3, 1, 2), numbers).permute(0, 2, 3, 1)


def place_augmentation(
    config: Config, augment: Augment, data: DataSet, device: torch.device, share: Share, say: Say
) -> tuple[Augment, BatchAugment | None]:
    """What is done to each image as it is fetched, and what to batches on the device: the policy is one of the two.

    Left to the trainer, a GPU augments whatever has a form for batches, and a CPU nothing: there the images one by one
    are the faster (docs/augmentation.md).

    Args:
        config: the settings.
        augment: the policy, image by image.
        data: what is augmented.
        device: of the step.
        share: this process's part of every batch.
        say: takes a sentence for the user.

    Raises:
        TrainerError: the device was asked for, and a transform of the policy has no form for batches.
    """
    fits = device.type != "cpu" and bool(augment.transforms)
    if config.augment_on == "workers" or (config.augment_on == "auto" and not fits):
        return augment, None
    figures: Any = {"mean": data.mean, "std": data.std, "size": data.shape[:2]}
    try:
        apply = batched(config.augment, **figures)
    except TrainerError as error:
        if config.augment_on == "device":
            raise TrainerError(f"--augment-on device: {error}") from error
        say(f"augmenting in worker processes: {error}")
        return augment, None
    say(f"augmenting whole batches on the device, {device.type}")
    nothing = augmentation("none", **figures)
    return nothing, BatchAugment(apply, config.seed, config.batch_size, share)
