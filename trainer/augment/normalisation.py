"""Normalising is the training loop's: it happens on the device, after the images travelled as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trainer.augment.library import albumentations as A
from trainer.errors import TrainerError

_NORMALISING = ("Normalize", "ToFloat", "ToTensorV2", "ToTensor3D")


def without_normalisation(transforms: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """Return the transforms without those that end a pipeline by making numbers or tensors of bytes, and notes on them.

    Raises:
        TrainerError: If there is one before the end: what comes after it would not mean the same on bytes.
    """
    kept = list(transforms)
    dropped: list[str] = []
    while kept and type(kept[-1]).__name__ in _NORMALISING:
        dropped.insert(0, type(kept.pop()).__name__)
    for transform in walk(kept):
        if (name := type(transform).__name__) in _NORMALISING:
            raise TrainerError(
                f"{name} comes before other transforms; images stay in bytes and are normalised on the device: "
                "put it last or leave it out"
            )
    return kept, [
        f"{name} is left out: images are normalised on the device, by the data set's figures" for name in dropped
    ]


def walk(transforms: Sequence[Any]) -> Iterator[Any]:
    """Yield all transforms, those in compositions too."""
    for transform in transforms:
        yield transform
        if isinstance(transform, A.BaseCompose):
            yield from walk(transform.transforms)
