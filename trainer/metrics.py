"""Counts that add up over batches, without asking the device for a number at every step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """Loss (mean per image), accuracy (percent) and how many images they are of."""

    loss: float
    accuracy: float
    images: int


class Tally:
    """Sums of the loss and of the right answers; the sums stay on the device until they are asked for."""

    def __init__(self, device: torch.device) -> None:
        precise = torch.float32 if device.type == "mps" else torch.float64
        self._sums = torch.zeros(3, dtype=precise, device=device)

    def add(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Add a batch: its mean loss, its scores, (N, classes), and its labels, (N,)."""
        right = (scores.detach().argmax(1) == labels).sum()
        count = len(labels)
        self._sums += torch.stack([loss.detach() * count, right, torch.full_like(right, count)]).to(self._sums.dtype)

    def add_sums(self, sums: Tensor) -> None:
        """Add another tally's sums."""
        self._sums += sums.to(self._sums)

    @property
    def sums(self) -> Tensor:
        """(3,): loss times images, right answers, images."""
        return self._sums

    def scores(self) -> Scores:
        """What the sums come to; zeros where nothing was added."""
        loss, right, images = self._sums.tolist()
        count = max(images, 1)
        return Scores(loss / count, 100 * right / count, int(images))

    def load(self, sums: Tensor) -> None:
        """Back to these sums, (3,)."""
        self._sums.copy_(sums)
