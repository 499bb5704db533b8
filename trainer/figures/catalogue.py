"""Every figure of a run: its name, what it says, when it can be drawn, and by which function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from trainer.errors import TrainerError
from trainer.figures.classes import accuracy_per_class, confusion_matrix
from trainer.figures.curves import learning_rate, loss_and_accuracy
from trainer.figures.mistakes import grad_cam_of_mistakes, misclassified
from trainer.figures.style import LIGHT, Theme, saved, styled
from trainer.files import write_whole
from trainer.record import Record
from trainer.stored_evaluation import Evaluation, class_scores, confused


class NothingToDrawError(Exception):
    """The run has not what the figure shows; the message says what."""


@dataclass(frozen=True)
class Drawn:
    """A figure of a run.

    Attributes:
        key: its name, and that of its file.
        draw: draws it in a theme; raises NothingToDrawError.
        says: what it shows, in words, for those who cannot see it.
        pixels: whether it is made of images, so that a vector file makes no sense.
    """

    key: str
    draw: Callable[[Record, Theme], Figure]
    says: Callable[[Record], str]
    pixels: bool = False


def draw_png(figure: Drawn, record: Record, theme: Theme = LIGHT, dpi: int = 200) -> bytes:
    """A figure as a PNG.

    Raises:
        NothingToDrawError: the run has not what it shows.
    """
    with styled(theme):
        return saved(figure.draw(record, theme), "png", dpi)


def draw_svg(figure: Drawn, record: Record, theme: Theme = LIGHT) -> bytes:
    """A figure as an SVG.

    Raises:
        NothingToDrawError: the run has not what it shows.
    """
    with styled(theme):
        return saved(figure.draw(record, theme), "svg")


def draw_all(record: Record, say: Callable[[str], None]) -> list[Path]:
    """Write every figure that the run has the numbers for to its folder ``figures/``; one that fails is said and left out.

    Raises:
        TrainerError: the folder cannot be written.
    """
    folder = record.run.path / "figures"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise TrainerError(f"cannot make {folder}: {(error.strerror or str(error)).lower()}") from error
    written = []
    for figure in FIGURES:
        path = folder / f"{figure.key}.png"
        try:
            write_whole(path, draw_png(figure, record))
            written.append(path)
        except NothingToDrawError:
            path.unlink(missing_ok=True)
        except TrainerError:
            raise
        except Exception as error:  # a figure is never worth the rest of the report
            say(f"{path} was not drawn: {type(error).__name__}: {' '.join(str(error).split())}")
    return written


def _curves(record: Record, theme: Theme) -> Figure:
    test = None if record.result is None else record.result["test"]["best"]["accuracy"]
    config = record.config
    return loss_and_accuracy(_epochs(record), theme, on=config.validate_on, best_is=config.best_is, test=test)


def _curves_in_words(record: Record) -> str:
    best, last = record.best_epoch, record.history[-1]
    assert best is not None
    return (
        f"Two charts of loss and accuracy over {last['epoch']} epochs: training ends at loss {last['train_loss']:.3f} and "
        f"{last['train_accuracy']:.2f}%, {record.config.validate_on} at {last['validation_loss']:.3f} and "
        f"{last['validation_accuracy']:.2f}%, {record.config.best_is} {best['validation_accuracy']:.2f}% in epoch {best['epoch']}"
    )


def _rate(record: Record, theme: Theme) -> Figure:
    return learning_rate(_epochs(record), record.run.read_lines(record.run.steps), theme)


def _rate_in_words(record: Record) -> str:
    top = max(record.history, key=lambda epoch: epoch["lr"])
    return f"Chart of the learning rate, at most {top['lr']:.4g} (epoch {top['epoch']}), at last {record.history[-1]['lr']:.2g}"


def _matrix(record: Record, theme: Theme) -> Figure:
    evaluation = _evaluation(record)
    return confusion_matrix(evaluation.confusion, evaluation.classes, theme)


def _matrix_in_words(record: Record) -> str:
    pairs = [
        f"{count} {expected} taken for {predicted}" for expected, predicted, count in confused(_evaluation(record), 3)
    ]
    return f"Confusion matrix of {len(_evaluation(record).classes)} classes; most frequent: {', '.join(pairs) or 'no mistake'}"


def _bars(record: Record, theme: Theme) -> Figure:
    return accuracy_per_class(class_scores(_evaluation(record)), theme)


def _bars_in_words(record: Record) -> str:
    known = [(each.recall, each.name) for each in class_scores(_evaluation(record)) if each.recall is not None]
    low, high = min(known), max(known)
    return f"Bars of the accuracy per class, from {low[1]} with {low[0]:.1f}% to {high[1]} with {high[0]:.1f}%"


def _wrong(record: Record, theme: Theme) -> Figure:
    return misclassified(_with_errors(record), theme)


def _wrong_in_words(record: Record) -> str:
    evaluation = _with_errors(record)
    names, errors = evaluation.classes, evaluation.errors
    assert errors is not None
    pairs = [
        f"{names[evaluation.labels[row]]} taken for {names[evaluation.predicted[row]]}" for row in errors.rows.tolist()
    ]
    return f"{len(pairs)} misclassified images: {', '.join(pairs)}"


def _maps(record: Record, theme: Theme) -> Figure:
    evaluation = _with_errors(record)
    assert evaluation.errors is not None
    if evaluation.errors.maps is None:
        raise NothingToDrawError(evaluation.errors.note or "no maps are stored")
    return grad_cam_of_mistakes(evaluation, theme)


def _maps_in_words(record: Record) -> str:
    evaluation = _with_errors(record)
    assert evaluation.errors is not None
    return (
        f"Grad-CAM at {evaluation.errors.layer} on misclassified images: a row of images, one of what speaks for the "
        "predicted class, one of what speaks for the expected class"
    )


def _epochs(record: Record) -> list[dict[str, float]]:
    if not record.history:
        raise NothingToDrawError("no epoch is finished yet")
    return [dict(each) for each in record.history]


def _evaluation(record: Record) -> Evaluation:
    if record.evaluation is None:
        raise NothingToDrawError("the best weights have not been evaluated on the test images")
    return record.evaluation


def _with_errors(record: Record) -> Evaluation:
    evaluation = _evaluation(record)
    if evaluation.errors is None or not len(evaluation.errors.rows):
        raise NothingToDrawError("there are no mistakes")
    return evaluation


FIGURES = (
    Drawn("curves", _curves, _curves_in_words),
    Drawn("learning-rate", _rate, _rate_in_words),
    Drawn("confusion-matrix", _matrix, _matrix_in_words),
    Drawn("accuracy-per-class", _bars, _bars_in_words),
    Drawn("misclassified", _wrong, _wrong_in_words, pixels=True),
    Drawn("grad-cam", _maps, _maps_in_words, pixels=True),
)
