"""What happened over the epochs: loss, accuracy, learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.figures.style import Theme, new_figure, whole_epochs

Epochs = Sequence[Mapping[str, Any]]


def loss_and_accuracy(
    history: Epochs, theme: Theme, *, on: str = "validation", best_is: str = "best", test: float | None = None
) -> Figure:
    """Loss and accuracy of training and validation, side by side; the best epoch is marked.

    Args:
        history: the records of ``metrics.jsonl``; at least one.
        theme: of the figure.
        on: what was validated on: validation or test.
        best_is: what the best epoch is called.
        test: accuracy of the best weights on the test images in percent, drawn as a line.
    """
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in history]
    for axes, quantity in ((left, "loss"), (right, "accuracy")):
        for colour, kind, label in zip(theme.series, ("train", "validation"), ("training", on), strict=False):
            _curve(axes, epochs, [record[f"{kind}_{quantity}"] for record in history], colour, label)
        whole_epochs(axes, epochs[-1])
    left.set_title("Loss")
    left.set_ylim(bottom=0)
    left.legend(loc="lower right", bbox_to_anchor=(1.01, 0.985), ncols=2, columnspacing=1.2, handlelength=1.4)
    right.set_title("Accuracy, %")
    best = history[history[-1]["best_epoch"] - 1]
    right.plot(
        best["epoch"], best["validation_accuracy"], "o", color=theme.series[1], markersize=5.5, clip_on=False, zorder=5
    )
    label = f"{best_is} {best['validation_accuracy']:.2f} in epoch {best['epoch']}"
    if test is not None and on != "test":
        right.axhline(test, color=theme.series[2], linewidth=1.1, linestyle=(0, (4, 3)))
        label += f", test {test:.2f} (dashed)"
    right.set_title(label, loc="right", fontweight="normal", fontsize=8.5)
    return figure


def learning_rate(history: Epochs, steps: Epochs, theme: Theme) -> Figure:
    """The learning rate at every step where steps were logged, else at the end of every epoch.

    Args:
        history: the records of ``metrics.jsonl``; at least one.
        steps: of ``steps.jsonl``; may be empty.
        theme: of the figure.
    """
    figure = new_figure(2.2)
    axes = figure.subplots()
    if steps:
        per_epoch = max(history[0]["step"] / history[0]["epoch"], 1)
        _curve(axes, [each["step"] / per_epoch for each in steps], [each["lr"] for each in steps], theme.series[0], "")
    else:
        _curve(axes, [each["epoch"] for each in history], [each["lr"] for each in history], theme.series[0], "")
    axes.set_title("Learning rate" + ("" if steps else " at the end of each epoch"))
    axes.set_ylim(bottom=0)
    whole_epochs(axes, history[-1]["epoch"])
    if steps:
        axes.set_xlim(left=0)
    return figure


def _curve(axes: Axes, x: Sequence[float], y: Sequence[float], colour: str, label: str) -> None:
    """A line; a single point is a dot, since a line through one is nothing."""
    axes.plot(x, y, "-" if len(x) > 1 else "o", color=colour, label=label, markersize=5, clip_on=len(x) > 1)
