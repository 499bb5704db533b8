"""An evaluation for people on a terminal, and for programs."""

from __future__ import annotations

import json

from trainer.stored_evaluation import Evaluation, class_scores, confused
from trainer.tables import aligned, percent


def as_text(evaluation: Evaluation) -> str:
    """Accuracy, the classes, and the most frequent mistakes."""
    count = len(evaluation.labels)
    wrong = len(evaluation.mistakes())
    head = (
        f"{evaluation.weights} weights on {count:,} {evaluation.split} images: accuracy {evaluation.accuracy:.2f}%, "
        f"loss {evaluation.loss:.4f}, {wrong:,} wrong"
    )
    scores = class_scores(evaluation)
    rows = [[each.name, f"{each.images:,}", percent(each.recall), percent(each.precision)] for each in scores]
    parts = [head, aligned(["class", "images", "accuracy", "precision"], rows)]
    pairs = [[expected, predicted, f"{number:,}"] for expected, predicted, number in confused(evaluation, 8)]
    if pairs:
        parts.append(aligned(["expected", "predicted", "images"], pairs, left=2))
    return "\n\n".join(parts) + "\n"


def as_json(evaluation: Evaluation) -> str:
    """All figures, without the images."""
    value = {
        "schema": "trainer.evaluation/1",
        "split": evaluation.split,
        "weights": evaluation.weights,
        "checkpoint": evaluation.checkpoint,
        "images": len(evaluation.labels),
        "loss": evaluation.loss,
        "accuracy": evaluation.accuracy,
        "classes": list(evaluation.classes),
        "per_class": [
            {"class": each.name, "images": each.images, "accuracy": each.recall, "precision": each.precision}
            for each in class_scores(evaluation)
        ],
        "confusion": evaluation.confusion.tolist(),
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
