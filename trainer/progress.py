"""What a training shows while it runs: a bar for the epoch on a terminal, and a line for each epoch anywhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from trainer.metrics import Tally


class Progress:
    """Shows nothing; also what a process that is not the main one has."""

    def say(self, text: str) -> None:
        """Say something besides."""

    def epoch(self, epoch: int, epochs: int | None, batches: int, start: int) -> None:
        """An epoch, counted from 1, begins or goes on."""

    def step(self, tally: Tally, done: float) -> None:
        """A step was made."""

    def epoch_done(self, record: Mapping[str, Any], done: float) -> None:
        """An epoch was validated; `record` is its line in ``metrics.jsonl``."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lines(Progress):
    """A plain line for each epoch."""

    def __init__(self, write: Callable[[str], None] | None = None, width: int | None = None) -> None:
        self._write = write or _print
        self._width = width
        self._epochs: int | None = None
        self._began = time.monotonic()
        self._done_at_first: float | None = None

    def say(self, text: str) -> None:
        """A line of its own."""
        self._write(text)

    def epoch(self, epoch: int, epochs: int | None, batches: int, start: int) -> None:  # noqa: ARG002
        """Note how many there are."""
        self._epochs = epochs

    def step(self, tally: Tally, done: float) -> None:  # noqa: ARG002
        """Begin to time at the first."""
        if self._done_at_first is None:
            self._done_at_first, self._began = done, time.monotonic()

    def epoch_done(self, record: Mapping[str, Any], done: float) -> None:
        """Write its line."""
        self._write(line(record, self._epochs, self.left(done), self._width))

    def left(self, done: float) -> float | None:
        """Seconds until the end, if it goes on like this; None where that cannot be told yet."""
        gained = done - (self._done_at_first or 0.0)
        return (1 - done) / gained * (time.monotonic() - self._began) if gained > 0 else None


class Bars(Lines):
    """A line for each epoch, and a bar under them for the one that runs."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self._bar: Bar = Bar(TextColumn("epoch {task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
        super().__init__(self._print, self._bar.console.width)
        self._task: TaskID | None = None
        self._best = ""
        self._shown = 0.0
        self._first = 0
        self._at = time.monotonic()

    def epoch(self, epoch: int, epochs: int | None, batches: int, start: int) -> None:
        """A bar of its own."""
        super().epoch(epoch, epochs, batches, start)
        if self._task is None:
            self._bar.start()
        else:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(_of(epoch, epochs), total=batches, completed=start, text="")
        self._first, self._at = start, time.monotonic()

    def step(self, tally: Tally, done: float) -> None:
        """Move the bar, and now and then its text."""
        super().step(tally, done)
        if self._task is None:
            return
        self._bar.advance(self._task)
        now = time.monotonic()
        if now - self._shown > 0.2:
            self._shown = now
            self._bar.update(self._task, text=self._text(tally, done))

    def epoch_done(self, record: Mapping[str, Any], done: float) -> None:
        """Write its line above the bar."""
        super().epoch_done(record, done)
        self._best = f"  best {record['best_accuracy']:.2f}%"

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()

    def _print(self, text: str) -> None:
        try:
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
        except OSError as error:
            _go_on_without_stdout(error)

    def _text(self, tally: Tally, done: float) -> str:
        scores = tally.scores()
        task = self._bar.tasks[0]
        share = (task.completed - self._first) / max(task.completed, 1)
        speed = scores.images * share / max(time.monotonic() - self._at, 1e-9)
        left = self.left(done)
        ends = f"  {clock(left)} left" if left is not None else ""
        best = self._best if self._bar.console.width >= 100 else ""  # the lines above say it, too
        return f"loss {scores.loss:.3f}  {scores.accuracy:.2f}%  {speed:,.0f} images/s{ends}{best}"


def progress(shown: bool = True) -> Progress:
    """What suits where stdout goes."""
    if not shown:
        return Progress()
    return Bars() if sys.stdout is not None and sys.stdout.isatty() else Lines()


def line(record: Mapping[str, Any], epochs: int | None, left: float | None, width: int | None = None) -> str:
    """The line of an epoch; what the bar below or the next line says again is left out where `width` columns ask for it."""
    split = "test" if record["validation_split"] == "test" else "validation"
    parts = {
        "epoch": f"epoch {_of(record['epoch'], epochs)}",
        "loss": f"loss {record['train_loss']:.3f}",
        "train": f"train {record['train_accuracy']:5.2f}%",
        "accuracy": f"{split} {record['validation_accuracy']:5.2f}%",
        "lr": f"lr {record['lr']:.4f}",
        "speed": f"{record['images_per_second']:6,.0f} images/s",
        "left": f"{clock(left)} left" if left is not None and left > 0.5 else "",
        "best": "best yet" if record["best_epoch"] == record["epoch"] else f"best {record['best_accuracy']:.2f}%",
    }
    for spare in ("lr", "speed", "left"):
        if width is not None and len(_joined(parts)) > width:
            del parts[spare]
    return _joined(parts)


def clock(seconds: float) -> str:
    """``1h 02m``, ``3m 07s`` or ``12s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 60}m {whole % 60:02}s" if whole >= 60 else f"{whole}s"


def _joined(parts: Mapping[str, str]) -> str:
    return "  ".join(part for part in parts.values() if part)


def _of(epoch: int, epochs: int | None) -> str:
    return f"{epoch:>{len(str(epochs))}}/{epochs}" if epochs is not None else str(epoch)


def _print(text: str) -> None:
    """A line on stdout, as far as its encoding has the characters."""
    if sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(f"{text}\n".encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        _go_on_without_stdout(error)


def _go_on_without_stdout(error: OSError) -> None:
    """A training is worth more than its lines: a reader who has gone, a full disk and a closed terminal do not end it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        reason = (error.strerror or str(error)).lower()
        with suppress(OSError):
            sys.stderr.write(f"trainer: cannot write to stdout: {reason}; the training goes on\n")
