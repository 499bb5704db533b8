"""Make the report of a run: evaluate it where that is not done, draw its figures, write its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote

from trainer.errors import TrainerError
from trainer.files import write_whole
from trainer.record import Record, read_record

Say = Callable[[str], None]

NAME = "report.html"


def write(run: Path, say: Say) -> Path | None:
    """Make the report after a training; whatever goes wrong is said in a line, for the run is not to suffer.

    Args:
        run: its folder.
        say: takes a sentence for the user.

    Returns:
        The page; None where there is none.
    """
    try:
        return make(run, say)
    except Exception as error:
        what = str(error) if isinstance(error, TrainerError) else f"{type(error).__name__}: {error}"
        say(
            f"no report was written: {' '.join(what.split())}; the run is whole, and trainer report {quote(str(run))} tries again"
        )
        return None


def make(run: Path, say: Say, *, images: bool = True) -> Path:
    """Make ``figures/`` and ``report.html`` of a run, of one that has not ended too.

    The best weights are evaluated on the test images only where the run has ended and that is not done yet; only then
    is torch needed.

    Args:
        run: its folder.
        say: takes a sentence for the user.
        images: whether the data set's images, misclassified ones, may be in it.

    Returns:
        The page.

    Raises:
        TrainerError: this is no run folder, a file in it is damaged, it cannot be written, or a package is missing.
    """
    record = read_record(run)
    try:
        from trainer.figures import draw_all
        from trainer.report.page import page
    except ModuleNotFoundError as error:
        raise TrainerError(f"a report needs {error.name}: pip install 'rfkit[train]'") from error
    notes: list[str] = []
    record = _evaluated(record, say, notes)
    if not images and record.evaluation is not None:
        record = replace(record, evaluation=replace(record.evaluation, errors=None))
    draw_all(record, notes.append)
    path = record.run.path / NAME
    write_whole(path, page(record, notes))
    return path


def _evaluated(record: Record, say: Say, notes: list[str]) -> Record:
    """The record with an evaluation where the run has ended; why there is none is added to `notes`."""
    if record.evaluation is not None or record.result is None:
        return record
    try:
        from trainer.evaluation.evaluate import evaluate

        return replace(record, evaluation=evaluate(record, say))
    except Exception as error:  # the page says it, and shows the rest
        what = str(error) if isinstance(error, TrainerError) else f"{type(error).__name__}: {error}"
        notes.append(f"The best weights could not be evaluated: {' '.join(what.split())}")
        return record
