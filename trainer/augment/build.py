"""From what a user asks for, in a configuration or in a file, to an ``Augment``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.augment.files import read_file, split_file
from trainer.augment.items import transforms_of
from trainer.augment.library import albumentations as A
from trainer.augment.normalisation import walk, without_normalisation
from trainer.augment.pipeline import Augment
from trainer.augment.policies import CATALOGUE, Images
from trainer.errors import TrainerError

Policy = str | Path | Sequence[Any]
Size = int | tuple[int, int]
_TRIALS = 8


def augmentation(policy: Policy, *, mean: Sequence[float], std: Sequence[float], size: Size) -> Augment:
    """Return the augmentation that is asked for.

    Args:
        policy: One of these:

            * a name: ``none``, ``flip-crop``, ``assignment``, ``strong``, an entry of the catalogue (``scale``,
              ``translation``, ``rotation``, ``blurring``, ``mirroring``, ``colour-shifting``, ``whitening``,
              ``coarse-dropout``) or a transform of Albumentations; several in one string have commas between them;
            * a list of names and of mappings such as ``{"name": "rotation", "rotate": [-30, 30]}``;
            * a file: ``.yaml`` or ``.json`` with such a list or as Albumentations saves it; ``.py`` or ``.py:NAME``
              with a Compose, or a function that returns one.
        mean: Of each channel over the data set, in 0..1.
        std: Standard deviation of each channel over the data set, in 0..1.
        size: Of the images in pixels: the side of a square, or (height, width).

    Raises:
        TrainerError: If a name or an argument does not exist or does not fit, a file cannot be used, or the result
            does not keep the shape of the images.
    """
    images = Images(
        tuple(map(float, mean)), tuple(map(float, std)), *(size if isinstance(size, tuple) else (size, size))
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asked = _flat(_transforms(policy, images))
    transforms, notes = without_normalisation(asked)
    _check(transforms, images)
    notes += [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
    augment = Augment(transforms, (_again, (policy, images)), notes)
    _try_out(augment, images)
    return augment


def catalogue(*, mean: Sequence[float], std: Sequence[float], size: Size) -> Mapping[str, Augment]:
    """Return each entry of the catalogue, always applied, with settings that show on a picture what it does."""
    return {
        name: augmentation([{"name": name, **entry.shown, "p": 1.0}], mean=mean, std=std, size=size)
        for name, entry in CATALOGUE.items()
    }


def _again(policy: Policy, images: Images) -> Augment:
    return augmentation(policy, mean=images.mean, std=images.std, size=(images.height, images.width))


def _transforms(policy: Policy, images: Images) -> list[Any]:
    """Return the transforms of a name, of names with commas between them, of a list, or of a file."""
    if not isinstance(policy, str | Path):
        return transforms_of(policy, images)
    file = split_file(policy)
    if file is not None:
        return transforms_of(read_file(*file, images), images)
    return transforms_of([name.strip() for name in str(policy).split(",")], images)


def _flat(transforms: Sequence[Any]) -> list[Any]:
    """Replace the compositions that only apply one transform after the other, always, by their parts."""
    flat = []
    for transform in transforms:
        sequence = type(transform) in {A.Compose, A.Sequential} and transform.p >= 1
        flat += _flat(transform.transforms) if sequence else [transform]
    return flat


def _check(transforms: Sequence[Any], images: Images) -> None:
    """Refuse what Albumentations would silently replace by its defaults, and holes that do not fit."""
    for transform in walk(transforms):
        if invalid := getattr(transform, "invalid_args", ()):
            raise TrainerError(
                f"{type(transform).__name__} of Albumentations 2.0.8 ignores {', '.join(invalid)}; "
                "use its new arguments, or write the old ones in a configuration, where they are translated"
            )
        if isinstance(transform, A.CoarseDropout):
            height, width = transform.hole_height_range[0], transform.hole_width_range[0]
            if height > images.height or width > images.width:
                raise TrainerError(
                    f"a hole of {height:g}×{width:g} pixels does not fit into images of {images.height}×{images.width}; "
                    "take coarse-dropout, whose hole is half a side, or another policy"
                )


def _try_out(augment: Augment, images: Images) -> None:
    """Apply the augmentation to a grey image a few times, so that it fails here and not in the middle of an epoch."""
    grey = np.full((images.height, images.width, len(images.mean)), 128, np.uint8)
    for index in range(_TRIALS):
        augment.reseed(0, 0, index)
        try:
            augment(grey)
        except TrainerError:
            raise
        except Exception as error:
            shape = "×".join(str(side) for side in grey.shape)
            reason = str(error).partition("\n")[0]
            raise TrainerError(
                f"the augmentation fails on an image of {shape}: {type(error).__name__}: {reason}"
            ) from error
    augment.reseed(0)
