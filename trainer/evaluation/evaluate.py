"""Have a run's network answer the images of a split, and keep what it said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.batches import evaluation_batches
from trainer.data import DataSet, Split
from trainer.data_of_run import data_of
from trainer.errors import TrainerError
from trainer.grad_cam import Place, grad_cam, last_feature_map, named_layer
from trainer.record import Record
from trainer.stored_evaluation import Errors, Evaluation, write_evaluation
from trainer.trained import Trained, load_trained

Say = Callable[[str], None]

SPLITS = ("test", "validation", "train")
SHOWN = 20
"""How many mistakes are kept as images."""


def evaluate(
    record: Record,
    say: Say,
    *,
    split: str = "test",
    weights: str = "best",
    layer: str | None = None,
    target: str | None = None,
    device: str | None = None,
    source: str | None = None,
    data_root: str | None = None,
    show: Callable[[Evaluation], None] = lambda _: None,
) -> Evaluation:
    """Evaluate a run on a split of its data, and store that in the run folder; on other data it is not stored.

    Args:
        record: of the run.
        say: takes a sentence for the user.
        split: test, validation or train; the training images as they are, not augmented.
        weights: best, last or ema.
        layer: the module whose feature map Grad-CAM weighs; None: the last feature map.
        target: take the network from here instead of where it was.
        device: run it here instead of where it was trained.
        source: the data, where it is not the run's or lies elsewhere now; as ``--data`` of ``trainer fit``.
        data_root: where downloaded data lies, if no longer where it was.
        show: takes the evaluation before it is stored, so that a full disk does not withhold it.

    Raises:
        TrainerError: weights, network or data are no longer there, or do not go together.
    """
    trained = load_trained(record, weights, say, target=target, device=device)
    data = _data(record, trained, source, data_root, say)
    same = data.digest == record.environment["data"].get("digest")
    if not same and source is None:
        say(f"{data.name} is not what it was when the run was trained: its images or their labels have changed")
    images: Split = getattr(data, split)
    if not len(images.labels):
        raise TrainerError(f"the run has no {split} images")
    scores, labels = trained.all_scores(evaluation_batches(images, record.config.batch_size))
    log_probabilities = log_softmax(scores.astype(np.float64))
    evaluation = Evaluation(
        split=split,
        weights=weights,
        checkpoint=trained.checkpoint,
        classes=trained.classes,
        loss=float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        labels=labels,
        probabilities=np.exp(log_probabilities).astype(np.float32),
    )
    whole = Evaluation(**{**vars(evaluation), "errors": _errors(evaluation, images, trained, record, layer)})
    show(whole)
    if same or source is None:
        write_evaluation(record.run, whole)
    else:
        say(f"{source} is not the data of the run, so this is not stored in it")
    return whole


def log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of the probabilities, (N, classes), of scores of the same shape."""
    shifted = scores - scores.max(1, keepdims=True)
    lower: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return lower


def _data(record: Record, trained: Trained, source: str | None, data_root: str | None, say: Say) -> DataSet:
    place = record.config.data.removeprefix("folder:")
    if source is None and place != record.config.data and not Path(place).expanduser().exists():
        raise TrainerError(
            f"{place}, on which the run was trained, is not here; name it where it is now: --data folder:PATH"
        )
    data = data_of(record.config if source is None else replace(record.config, data=source), say, data_root)
    if data.classes != trained.classes:
        raise TrainerError(
            f"{data.name} has other classes than the run was trained on: {_listed(data.classes)}, not "
            f"{_listed(trained.classes)}"
        )
    if data.shape != trained.shape:
        found, wanted = ("x".join(map(str, shape)) for shape in (data.shape, trained.shape))
        raise TrainerError(
            f"{data.name} has images of {found} (height, width, channels), the run was trained on {wanted}"
        )
    return data


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:5], *(["..."] if len(names) > 5 else [])])


def _errors(evaluation: Evaluation, images: Split, trained: Trained, record: Record, layer: str | None) -> Errors:
    """The mistakes to show, with their maps; without a `layer` asked for, a network that has none is no error."""
    rows = evaluation.mistakes()[:SHOWN]
    pixels, names = images.images[rows], tuple(images.names[row] for row in rows.tolist())
    if layer is not None:
        return _mapped(evaluation, rows, names, pixels, trained, named_layer(layer, trained.model))
    try:
        place = last_feature_map(record.report or {}, trained.model)
        return _mapped(evaluation, rows, names, pixels, trained, place)
    except (TrainerError, RuntimeError, KeyError) as error:
        return Errors(rows, names, pixels, note=" ".join(str(error).split())[:200])


def _mapped(
    evaluation: Evaluation,
    rows: NDArray[np.int64],
    names: tuple[str, ...],
    pixels: NDArray[np.uint8],
    trained: Trained,
    place: Place,
) -> Errors:
    if not len(rows):
        return Errors(rows, names, pixels, note="there are no mistakes")
    batch = trained.normalize(torch.from_numpy(pixels).to(trained.machine.device))
    classes = [
        torch.from_numpy(each).to(batch.device) for each in (evaluation.predicted[rows], evaluation.labels[rows])
    ]
    maps = [grad_cam(trained.model, batch, each, place) for each in classes]
    return Errors(rows, names, pixels, np.stack(maps, 1), place.label)
