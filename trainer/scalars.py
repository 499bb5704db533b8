"""Scalars for TensorBoard, where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainer.errors import TrainerError

NAMES = {
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "validation_accuracy",
    "lr": "lr",
    "images_per_second": "images_per_second",
}


def demand_tensorboard() -> None:
    """See to it that TensorBoard is there before anything is trained.

    Raises:
        TrainerError: it is not installed.
    """
    if find_spec("tensorboard") is None:
        raise TrainerError("--tensorboard needs TensorBoard, which is not installed: pip install 'rfkit[tensorboard]'")


def scalars(folder: Path) -> Callable[[Mapping[str, Any]], None]:
    """What writes the record of an epoch, as in ``metrics.jsonl``, to TensorBoard's files in a folder."""
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder))

    def write(record: Mapping[str, Any]) -> None:
        for name, key in NAMES.items():
            writer.add_scalar(name, record[key], record["step"])
        writer.flush()

    return write
