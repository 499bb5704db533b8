"""Have a run's network name what is on images from anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.decode import BrokenImageError, decode
from trainer.evaluation.evaluate import log_softmax
from trainer.tables import aligned
from trainer.trained import Trained

BATCH = 64


@dataclass(frozen=True)
class Guess:
    """A class and its probability, 0..1."""

    name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What the network says of an image: the likeliest classes first, or why the image cannot be used."""

    image: str
    guesses: tuple[Guess, ...]
    error: str | None = None


def predict(trained: Trained, images: Sequence[Path], top: int) -> list[Prediction]:
    """Classify image files; each is scaled and cut to the size the network was trained on.

    Args:
        trained: the network.
        images: any files that Pillow reads.
        top: how many classes to name for each, at most all.

    Returns:
        One for each image, in their order; a file that cannot be read has an error instead of guesses.
    """
    read = [_read(path, trained.shape) for path in images]
    good = [pixels for pixels in read if not isinstance(pixels, str)]
    guesses = iter(_guesses(trained, good, top))
    return [
        Prediction(str(path), (), pixels) if isinstance(pixels, str) else Prediction(str(path), next(guesses))
        for path, pixels in zip(images, read, strict=True)
    ]


def as_text(predictions: Sequence[Prediction]) -> str:
    """A line for each image that could be read."""
    rows = [
        [each.image, *(f"{guess.name} {100 * guess.probability:.1f}%" for guess in each.guesses)]
        for each in predictions
        if each.error is None
    ]
    if not rows:
        return ""
    return aligned(rows[0], rows[1:], left=len(rows[0])) + "\n"


def as_json(predictions: Sequence[Prediction]) -> str:
    """A list, for programs."""
    value = {"schema": "trainer.predictions/1", "predictions": [asdict(each) for each in predictions]}
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _read(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8] | str:
    height, width, channels = shape
    if path.is_dir():
        return f"{path}: it is a folder; name the images in it, e.g. {path / '*.png'}"
    try:
        return decode(path.read_bytes(), channels, (height, width)).pixels
    except OSError as error:
        return f"{path}: {(error.strerror or str(error)).lower()}"
    except BrokenImageError as error:
        return f"{path}: {error}"


def _guesses(trained: Trained, images: Sequence[NDArray[np.uint8]], top: int) -> list[tuple[Guess, ...]]:
    found = []
    for start in range(0, len(images), BATCH):
        scores = trained.scores(torch.from_numpy(np.stack(images[start : start + BATCH]))).numpy()
        for row in np.exp(log_softmax(scores.astype(np.float64))):
            best = np.argsort(-row, kind="stable")[:top]
            found.append(tuple(Guess(trained.classes[index], float(row[index])) for index in best.tolist()))
    return found
