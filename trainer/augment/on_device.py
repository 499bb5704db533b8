"""The same policies for whole batches of tensors, on whichever device they are.

The transforms are those of ``augmentation``; each has a form that treats a batch at once and draws for every image on its
own. It is built on PyTorch's operators (``grid_sample`` for every warp): the images are not bit for bit those of OpenCV,
the distributions are the same. kornia 0.9, the library made for this, was measured and not taken: docs/augmentation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.augment import batch_colour as colour
from trainer.augment import batch_geometry as geometry
from trainer.augment.batch_geometry import Batch
from trainer.augment.build import Policy, Size, augmentation
from trainer.augment.draws import Draws
from trainer.augment.library import albumentations as A
from trainer.augment.sharpness import Sharpness
from trainer.augment.whitening import Whitening
from trainer.errors import TrainerError


def batched(
    policy: Policy, *, mean: Sequence[float], std: Sequence[float], size: Size
) -> Callable[[Tensor, Draws], Tensor]:
    """Return the augmentation that is asked for, for batches.

    Args:
        policy: As for ``augmentation``.
        mean: Of each channel over the data set, in 0..1.
        std: Standard deviation of each channel over the data set, in 0..1.
        size: Of the images in pixels: the side of a square, or (height, width).

    Returns:
        A function from (N, C, H, W) and the draws of these images to the same shape, type and device: bytes, or floats
        in 0..1.

    Raises:
        TrainerError: As ``augmentation``, and for a transform that has no form for batches.
    """
    augment = augmentation(policy, mean=mean, std=std, size=size)
    steps = [_batch(transform) for transform in augment.transforms]

    def apply(images: Tensor, draws: Draws) -> Tensor:
        floating = images.is_floating_point()
        batch = images.float() * 255 if floating else images.float()
        for step in steps:
            batch = step(batch, draws)
        return (batch / 255 if floating else geometry.in_bytes(batch)).to(images.dtype)

    return apply


def _batch(transform: Any, *, always: bool = False) -> Batch:
    make = _FORMS.get(type(transform))
    if make is None:
        raise TrainerError(
            f"{type(transform).__name__} has no form for batches on the device; leave it out or augment on the CPU"
        )
    apply = make(transform)
    return apply if always or transform.p >= 1 else _by_chance(apply, transform.p)


def _by_chance(change: Batch, p: float) -> Batch:
    def apply(batch: Tensor, draws: Draws) -> Tensor:
        return _on_rows(change, batch, draws.uniform() < p, draws)

    return apply


def _on_rows(change: Batch, batch: Tensor, chosen: Tensor, draws: Draws) -> Tensor:
    """Change the images that are chosen, (N,) bool on the CPU."""
    rows = chosen.nonzero()[:, 0]
    if len(rows) == 0:
        return batch
    there = rows.to(batch.device, non_blocking=True)
    return batch.index_copy(0, there, change(batch.index_select(0, there), draws.of(rows)))


def _one_of(composition: Any) -> Batch:
    limits = torch.tensor(composition.transforms_ps, dtype=torch.float64).cumsum(0)
    changes = [_batch(transform, always=True) for transform in composition.transforms]

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        choice = torch.searchsorted(limits / limits[-1], draws.uniform(), right=True)
        for number, change in enumerate(changes):
            batch = _on_rows(change, batch, choice == number, draws)
        return batch

    return apply


_FORMS: dict[type, Callable[[Any], Batch]] = {
    A.NoOp: lambda _: lambda batch, _: batch,
    A.OneOf: _one_of,
    A.HorizontalFlip: geometry.horizontal_flip,
    A.VerticalFlip: geometry.vertical_flip,
    A.Affine: geometry.affine,
    A.CoarseDropout: geometry.hole,
    A.Pad: geometry.pad,
    A.RandomCrop: geometry.random_crop,
    A.ColorJitter: colour.colour_jitter,
    A.Sharpen: colour.sharpen,
    A.GaussianBlur: colour.gaussian_blur,
    A.Posterize: colour.posterize,
    A.Solarize: colour.solarize,
    A.Equalize: colour.equalize,
    A.AutoContrast: colour.auto_contrast,
    Sharpness: colour.sharpness,
    Whitening: colour.whitening,
}
