"""Mixup and cutmix: two images in one, their labels in the same shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixed:
    """A mixed batch: `share` of `labels` and the rest of `others`."""

    images: Tensor
    labels: Tensor
    others: Tensor
    share: float


@dataclass(frozen=True)
class Mixing:
    """How batches are mixed.

    Attributes:
        mixup: alpha of mixup (Zhang et al., 2018): images are averaged in the shares Beta(alpha, alpha); 0 is off.
        cutmix: alpha of cutmix (Yun et al., 2019): a box of such a share is cut from another image; 0 is off.
            Where both are on, each batch tosses a coin.
        seed: of the run.
    """

    mixup: float
    cutmix: float
    seed: int

    def __call__(self, images: Tensor, labels: Tensor, epoch: int, batch: int) -> Mixed | None:
        """Mix a batch with itself in another order, a function of (seed, epoch, batch); None where both are off.

        Args:
            images: (N, C, H, W), normalised.
            labels: (N,).
            epoch: counted from 0.
            batch: likewise, in the epoch.
        """
        if not self.mixup and not self.cutmix:
            return None
        random = np.random.Generator(np.random.Philox(key=[self.seed, epoch], counter=[0, 0, 0, batch + 1]))
        other = torch.from_numpy(random.permutation(len(labels))).to(images.device)
        cut = bool(self.cutmix) and (not self.mixup or random.random() < 0.5)
        alpha = self.cutmix if cut else self.mixup
        share = float(random.beta(alpha, alpha))
        if not cut:
            return Mixed(torch.lerp(images[other], images, share), labels, labels[other], share)
        top, bottom, left, right = box(share, images.shape[2], images.shape[3], random)
        mixed = images.clone()
        mixed[:, :, top:bottom, left:right] = images[other, :, top:bottom, left:right]
        kept = 1 - (bottom - top) * (right - left) / (images.shape[2] * images.shape[3])
        return Mixed(mixed, labels, labels[other], kept)


def box(share: float, height: int, width: int, random: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a box with sides sqrt(1 - share) of the image's, clipped to it."""
    side = (1 - share) ** 0.5
    middle = int(random.integers(height)), int(random.integers(width))
    halves = int(side * height) // 2, int(side * width) // 2
    top, bottom = max(middle[0] - halves[0], 0), min(middle[0] + halves[0], height)
    left, right = max(middle[1] - halves[1], 0), min(middle[1] + halves[1], width)
    return top, bottom, left, right
