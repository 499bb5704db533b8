"""An evaluation, and how a run folder keeps it: JSON and plain ``.npy`` arrays, nothing to unpickle, no torch."""

from __future__ import annotations

import io
import json
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import TrainerError
from trainer.files import write_whole
from trainer.run import RunFolder

SCHEMA = "trainer.evaluation/1"


@dataclass(frozen=True, eq=False)
class Errors:
    """Some misclassified images, to be shown: the first of ``Evaluation.mistakes``.

    Attributes:
        rows: (K,) their rows in the split.
        names: of the images inside their source.
        images: (K, H, W, C) uint8.
        maps: (K, 2, h, w) float32, Grad-CAM for the predicted and for the expected class, as they come out of the
            definition (0 and above, not scaled); None where there are none.
        layer: whose feature map they weigh.
        note: why there are no maps.
    """

    rows: NDArray[np.int64]
    names: tuple[str, ...]
    images: NDArray[np.uint8]
    maps: NDArray[np.float32] | None = None
    layer: str | None = None
    note: str | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network answers to the images of a split.

    Attributes:
        split: train, validation or test.
        weights: best, last or ema.
        checkpoint: checksum of those weights, which tells a stale evaluation.
        classes: their names.
        loss: mean cross-entropy.
        labels: (N,) int64, what is expected.
        probabilities: (N, classes) float32, the softmax of the scores.
        errors: some of the mistakes, as images.
    """

    split: str
    weights: str
    checkpoint: str
    classes: tuple[str, ...]
    loss: float
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    errors: Errors | None = None

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) the class with the highest probability."""
        likeliest: NDArray[np.int64] = self.probabilities.argmax(1).astype(np.int64)
        return likeliest

    @property
    def accuracy(self) -> float:
        """Percent of right answers."""
        return 100 * float((self.predicted == self.labels).mean()) if len(self.labels) else 0.0

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes) counts: rows are what is expected, columns what was predicted."""
        return confusion(self.labels, self.predicted, len(self.classes))

    def mistakes(self) -> NDArray[np.int64]:
        """Rows of the wrong answers, so that the first show many kinds of mistakes.

        A kind is a pair of expected and predicted class. First comes the surest mistake of every kind, the surest of
        these first; then the second of every kind; and so on.
        """
        wrong = np.flatnonzero(self.predicted != self.labels)
        surest = wrong[np.argsort(-self.probabilities[wrong].max(1), kind="stable")]
        seen: Counter[int] = Counter()
        turns = []
        for kind in (self.labels[surest] * len(self.classes) + self.predicted[surest]).tolist():
            turns.append(seen[kind])
            seen[kind] += 1
        return surest[np.argsort(np.array(turns, np.int64), kind="stable")]


@dataclass(frozen=True)
class ClassScore:
    """How one class fares.

    Attributes:
        name: of the class.
        images: that are of it.
        right: of these, how many were told.
        predicted: how many images were taken for it.
    """

    name: str
    images: int
    right: int
    predicted: int

    @property
    def recall(self) -> float | None:
        """Percent of its images that were told: the accuracy of the class; None where it has no images."""
        return 100 * self.right / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """Percent of the images taken for it that are of it; None where none was."""
        return 100 * self.right / self.predicted if self.predicted else None


def confusion(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts of expected (rows) against predicted (columns)."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def class_scores(evaluation: Evaluation) -> list[ClassScore]:
    """One for each class, in their order."""
    counts = evaluation.confusion
    return [
        ClassScore(name, int(counts[row].sum()), int(counts[row, row]), int(counts[:, row].sum()))
        for row, name in enumerate(evaluation.classes)
    ]


def confused(evaluation: Evaluation, most: int = 10) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: (expected, predicted, how many), the most frequent first."""
    counts = evaluation.confusion.copy()
    np.fill_diagonal(counts, 0)
    cells = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = [np.unravel_index(cell, counts.shape) for cell in cells.tolist()]
    names = evaluation.classes
    return [(names[row], names[column], int(counts[row, column])) for row, column in pairs if counts[row, column]]


def write_evaluation(run: RunFolder, evaluation: Evaluation) -> None:
    """Keep an evaluation in the run folder; the JSON comes last, and nothing counts without it.

    Raises:
        TrainerError: it cannot be written.
    """
    base = _base(run, evaluation.split, evaluation.weights)
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainerError(f"cannot make {base.parent}: {(error.strerror or str(error)).lower()}") from error
    _file(base, "json").unlink(missing_ok=True)
    errors = evaluation.errors
    arrays: dict[str, NDArray[Any] | None] = {
        "labels": evaluation.labels.astype(np.int64),
        "probabilities": evaluation.probabilities.astype(np.float32),
        "errors": None if errors is None else errors.images,
        "grad-cam": None if errors is None or errors.maps is None else errors.maps.astype(np.float32),
    }
    for name, array in arrays.items():
        path = _file(base, f"{name}.npy")
        if array is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, _npy(array))
    run.write_json(_file(base, "json"), _summary(evaluation))


def read_evaluation(run: RunFolder, split: str, weights: str) -> Evaluation | None:
    """The stored evaluation of these weights; None where there is none, or it is of other weights or damaged."""
    base = _base(run, split, weights)
    path = run.best if weights == "best" else run.last
    try:
        about = json.loads(_file(base, "json").read_text(encoding="utf-8"))
        if about["schema"] != SCHEMA or about["checkpoint"] != checkpoint_sum(path):
            return None
        evaluation = Evaluation(
            split=split,
            weights=weights,
            checkpoint=about["checkpoint"],
            classes=tuple(about["classes"]),
            loss=about["loss"],
            labels=_load(base, "labels"),
            probabilities=_load(base, "probabilities"),
            errors=_errors(base, about["errors"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return evaluation if evaluation.probabilities.shape == (len(evaluation.labels), len(evaluation.classes)) else None


def checkpoint_sum(path: Path) -> str | None:
    """The checksum in a checkpoint's header, read without torch; None where there is no such file."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 100_000_000)))
        return str(header["__metadata__"]["crc32"])
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None


def _summary(evaluation: Evaluation) -> dict[str, Any]:
    errors = evaluation.errors
    return {
        "schema": SCHEMA,
        "split": evaluation.split,
        "weights": evaluation.weights,
        "checkpoint": evaluation.checkpoint,
        "classes": list(evaluation.classes),
        "images": len(evaluation.labels),
        "loss": evaluation.loss,
        "accuracy": evaluation.accuracy,
        "per_class": [
            {"class": each.name, "images": each.images, "accuracy": each.recall, "precision": each.precision}
            for each in class_scores(evaluation)
        ],
        "confusion": evaluation.confusion.tolist(),
        "errors": None
        if errors is None
        else {
            "rows": errors.rows.tolist(),
            "names": list(errors.names),
            "layer": errors.layer,
            "note": errors.note,
            "maps": errors.maps is not None,
        },
    }


def _errors(base: Path, about: dict[str, Any] | None) -> Errors | None:
    if about is None:
        return None
    maps = _load(base, "grad-cam") if about["maps"] else None
    rows = np.array(about["rows"], np.int64)
    return Errors(rows, tuple(about["names"]), _load(base, "errors"), maps, about["layer"], about["note"])


def _base(run: RunFolder, split: str, weights: str) -> Path:
    return run.path / "evaluation" / f"{weights}-{split}"


def _file(base: Path, ending: str) -> Path:
    return base.with_name(f"{base.name}.{ending}")


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _load(base: Path, name: str) -> Any:
    return np.load(_file(base, f"{name}.npy"), allow_pickle=False)
