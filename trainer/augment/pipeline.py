"""A sequence of transforms applied to one image at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from trainer.augment.quick import quick
from trainer.augment.stream import Stream
from trainer.errors import TrainerError


class Augment:
    """Turns an image into another of the same shape: (H, W, C), 8 bits per channel.

    After ``reseed(seed, epoch, index)`` the next call is a function of these three numbers and the image, whatever was
    called before, and in whichever process. Not safe to share between threads: give each its own copy.

    Args:
        transforms: What is applied, in this order; transforms or compositions of Albumentations.
        recipe: The function and its arguments that make this object, for copies and for other processes.
        notes: What the user should know about how their settings were read, a sentence each.
    """

    def __init__(
        self,
        transforms: Sequence[Any],
        recipe: tuple[Callable[..., Augment], tuple[Any, ...]],
        notes: Iterable[str] = (),
    ) -> None:
        self.transforms = tuple(transforms)
        self.notes = tuple(notes)
        self._recipe = recipe
        self._stream = Stream()
        for transform in self.transforms:
            transform.set_random_state(self._stream.numpy, self._stream.python)
        self._steps = [quick(transform) for transform in self.transforms]

    def reseed(self, seed: int, epoch: int = 0, index: int = 0) -> None:
        """Begin the random numbers of sample ``index`` in ``epoch`` of the run with this seed."""
        self._stream.move_to(seed, epoch, index)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the augmented image.

        Args:
            image: (H, W, C), 8 bits per channel; it is not written to.

        Raises:
            TrainerError: If a transform changes the shape or the type of the image.
        """
        changed = image
        for step in self._steps:
            changed = step(changed)
        if changed.shape != image.shape or changed.dtype != image.dtype:
            raise TrainerError(
                f"the augmentation turns an image of {_looks(image)} into one of {_looks(changed)}; "
                "it must keep both: end it with a crop, a padding or a resize to the size of the data"
            )
        return changed

    def batch(
        self,
        images: np.ndarray,
        indices: Sequence[int] | np.ndarray,
        seed: int,
        epoch: int,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the augmented images of some samples, in their order.

        Args:
            images: All images, (N, H, W, C), 8 bits per channel.
            indices: The samples wanted, as positions in ``images``.
            seed: Of the run.
            epoch: The epoch they are for.
            out: Where to write them, (len(indices), H, W, C); a new array by default.

        Returns:
            ``out``. Row k is a function of ``(seed, epoch, indices[k])`` and of that image.
        """
        if out is None:
            out = np.empty((len(indices), *images.shape[1:]), images.dtype)
        if not self._steps:
            out[...] = images[np.asarray(indices)]
            return out
        move_to = self._stream.move_to
        for row, index in enumerate(np.asarray(indices).tolist()):
            move_to(seed, epoch, index)
            out[row] = self(images[index])
        return out

    def __reduce__(self) -> tuple[Callable[..., Augment], tuple[Any, ...]]:
        return self._recipe


def _looks(image: np.ndarray) -> str:
    return f"{'×'.join(str(side) for side in image.shape)} {image.dtype}"
