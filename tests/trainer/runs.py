"""Run folders made by hand, so that every figure in them is known; and one of a real training, made once."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.config import Config, to_toml
from trainer.run import RunFolder
from trainer.stored_evaluation import Errors, Evaluation, write_evaluation

CLASSES = ("cat", "dog", "owl")
LABELS = (0, 0, 0, 1, 1, 2)
PREDICTED = (0, 1, 1, 1, 0, 2)


def checkpoint(path: Path, checksum: str = "00c0ffee") -> None:
    """A safetensors file without tensors, with a checksum in its header."""
    header = json.dumps({"__metadata__": {"crc32": checksum}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def epoch(number: int, accuracy: float, **changed: Any) -> dict[str, Any]:
    """A record of ``metrics.jsonl``."""
    return {
        "epoch": number,
        "step": 10 * number,
        "train_loss": 2.0 / number,
        "train_accuracy": accuracy - 5,
        "validation_loss": 1.8 / number,
        "validation_accuracy": accuracy,
        "best_accuracy": accuracy,
        "best_epoch": number,
        "lr": 0.1 / number,
        "seconds": 60.0 * number,
        "images_per_second": 1000.0 + number,
        **changed,
    }


def epochs(accuracies: Sequence[float]) -> list[dict[str, Any]]:
    """The records of a training with these accuracies, of which the highest is the best."""
    records = []
    for number, accuracy in enumerate(accuracies, 1):
        best = max(accuracies[:number])
        records.append(epoch(number, accuracy, best_accuracy=best, best_epoch=accuracies.index(best) + 1))
    return records


def evaluation(classes: tuple[str, ...] = CLASSES, side: int = 8, channels: int = 3, **changed: Any) -> Evaluation:
    """Six answers, three of them wrong; the surest mistake is image 1, a cat taken for a dog with 90%."""
    count = len(classes)
    sure = (0.8, 0.9, 0.6, 0.7, 0.75, 0.99)
    probabilities = np.empty((len(LABELS), count), np.float32)
    for row, (predicted, chance) in enumerate(zip(PREDICTED, sure, strict=True)):
        probabilities[row] = (1 - chance) / (count - 1)
        probabilities[row, predicted] = chance
    random = np.random.default_rng(0)
    rows = np.array([1, 4, 2])
    shown = Errors(
        rows=rows,
        names=tuple(f"test/{row}.png" for row in rows.tolist()),
        images=random.integers(0, 256, (3, side, side, channels), dtype=np.uint8),
        maps=random.random((3, 2, 2, 2), dtype=np.float32),
        layer="features",
    )
    given: dict[str, Any] = {"split": "test", "weights": "best", "checkpoint": "00c0ffee", "loss": 0.5, "errors": shown}
    labels = np.array(LABELS, np.int64)
    return Evaluation(**{**given, "classes": classes, "labels": labels, "probabilities": probabilities, **changed})


LAYERS = (
    {
        "name": "conv",
        "type": "Conv2d",
        "inputs": ["input"],
        "output_shape": [1, 8, 4, 4],
        "kernel_size": [3, 3],
        "stride": [2, 2],
    },
    {"name": "norm", "type": "BatchNorm2d", "inputs": ["conv"], "output_shape": [1, 8, 4, 4], "params": 16, "macs": 0},
    {
        "name": "mean",
        "type": "mean",
        "inputs": ["norm"],
        "output_shape": [1, 8],
        "receptive_field": [9, 9],
        "global": [True, True],
    },
)


def network_report(layers: tuple[dict[str, Any], ...] = LAYERS) -> dict[str, Any]:
    """The report of a small network, as the gate stores it."""
    usual = {
        "call": 0,
        "kernel_size": None,
        "stride": None,
        "dilation": None,
        "groups": 1,
        "transposed": False,
        "receptive_field": [3, 3],
        "receptive_field_min": [3, 3],
        "jump": [2, 2],
        "coverage": 0.14,
        "global": [False, False],
        "channels": None,
        "params": 0,
        "macs": 0,
    }
    rows = [{**usual, **layer} for layer in layers]
    totals = {"params": 240, "macs": 3456, "receptive_field": [9, 9], "features": "norm"}
    return {"schema": "rfkit.report/1", "layers": rows, "totals": totals}


def run_folder(
    path: Path,
    *,
    ended: bool = True,
    evaluated: bool = True,
    accuracies: tuple[float, ...] = (50, 70, 65),
    **changed: Any,
) -> Path:
    """A whole run folder."""
    run = RunFolder(path)
    path.mkdir(parents=True)
    config = Config(
        **{"target": "net.py:Net", "data": "shapes", "epochs": max(len(accuracies), 1), "run": str(path), **changed}
    )
    run.config.write_text(to_toml(config), encoding="utf-8")
    about = {
        "started": "2026-01-02T03:04:05+0000",
        "command": ["trainer", "fit", "net.py:Net"],
        "versions": {"python": "3.11.7", "torch": None},
        "hardware": {"machine": "cpu, float32", "system": "Linux", "cores": 2, "memory_bytes": 2**34},
        "git": {"revision": "abc", "changed": True},
        "model": {"class": "Net", "parameters": 240, "source": "net.py", "sha256": "f" * 64},
        "data": {
            "name": "shapes",
            "classes": list(CLASSES),
            "images": {"train": 90, "validation": 10, "test": 6},
            "shape": [8, 8, 3],
            "mean": [0.5, 0.5, 0.5],
            "std": [0.2, 0.2, 0.2],
        },
    }
    run.write_json(run.environment, about)
    verdict = {"target": "net.py:Net", "findings": [], "error": None, "report": network_report()}
    run.write_json(run.gate, {"passed": None, "spec": None, "forced": False, "networks": [verdict]})
    run.rewrite(run.metrics, epochs(accuracies))
    checkpoint(run.best)
    best = max(accuracies, default=0)
    if ended:
        scores = {
            "best": {"loss": 0.5, "accuracy": best - 1},
            "last": {"loss": 0.6, "accuracy": accuracies[-1] - 1},
            "last_ema": None,
        }
        record = {"epochs": len(accuracies), "best_epoch": accuracies.index(best) + 1, "test": scores}
        run.write_json(run.result, record)
    if evaluated:
        write_evaluation(run, evaluation())
    return path
