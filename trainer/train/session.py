"""One session of a training: from a state on, until it is done, interrupted, or goes wrong."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from trainer.batches import evaluation_batches
from trainer.checkpoint import read_checkpoint, write_checkpoint
from trainer.config import duration
from trainer.data import Split
from trainer.errors import TrainerError, TrainingError
from trainer.interruption import Interruption, StopError
from trainer.loop import LOWER_RATE, Position, StepError, evaluate, train_epoch
from trainer.metrics import Scores, Tally
from trainer.progress import Progress
from trainer.randomness import random_state, seed_step, set_random_state
from trainer.run import RunFolder
from trainer.scalars import scalars
from trainer.train.parts import Parts


@dataclass
class Session:
    """A training as it stands, and the run folder it is kept in.

    Attributes:
        parts: what it is made of.
        run: where it is kept.
        progress: shows it.
        interruption: asks it to stop.
        position: where it is.
        history: the records of ``metrics.jsonl``, an epoch each.
        best: the epoch that did best on the validation images so far, counted from 1; 0 before the first.
        ended: why it is over: "epochs", "time budget", "target accuracy"; None while it is not.
    """

    parts: Parts
    run: RunFolder
    progress: Progress
    interruption: Interruption
    position: Position = field(default_factory=Position)
    history: list[dict[str, Any]] = field(default_factory=list)
    best: int = 0
    ended: str | None = None
    _epoch_began: float = 0.0
    _clock: float = field(default_factory=time.monotonic)
    _saved: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tally = Tally(self.parts.machine.device)
        self._scalars = scalars(self.run.path / "tensorboard") if self._wants_scalars() else None
        self._save_every = duration(self.parts.config.save_every)

    @property
    def total_steps(self) -> int | None:
        """Steps of the whole training; None where only the time ends it."""
        epochs = self.parts.config.epochs
        return None if epochs is None else epochs * len(self.parts.batches)

    def done(self) -> float:
        """Share of the training that is done: of the steps, or of the time budget where that is further."""
        total, budget = self.total_steps, self.parts.config.budget_seconds
        shares = [self.position.step / total] if total else []
        if budget:
            shares.append(self._seconds() / budget)
        return min(max(shares), 1.0)

    def train(self) -> None:
        """Train until it is over; the state is saved after every epoch, and now and then within one.

        Raises:
            StopError: a signal asked to stop; the state is saved, unless it was to stop at once.
            TrainingError: a loss is not finite, or the network failed; the last good state is kept.
            TrainerError: something cannot be written.
        """
        self._clock = time.monotonic()
        self._begin_step()
        try:
            while self.ended is None:
                self._epoch()
        except StopError as stopped:
            if not stopped.at_once:  # a step may be half done, and other processes elsewhere
                self._tick()
                self.save()
            raise
        except StepError as error:
            raise TrainingError(self._went_wrong(error)) from error

    def ended_already(self) -> str | None:
        """Why a state that was loaded is the end of its training; None where it is not."""
        if not self.history or self.position.batch:
            return None
        return self._over(self.history[-1]["validation_accuracy"])

    def save(self) -> None:
        """Write the whole state. Of several processes all have to come here.

        Raises:
            TrainingError: the weights are not finite, and so nothing is written.
            TrainerError: it cannot be written.
        """
        self._saved = time.monotonic()
        tallies = self.parts.together.gathered(self.tally.sums)
        if not self.parts.together.main:
            return
        model = self.parts.learner.model
        if not all([bool(torch.isfinite(weights).all()) for weights in model.parameters()]):
            raise TrainingError(
                f"the weights are not finite after step {self.position.step} of epoch {self.position.epoch + 1}, learning "
                f"rate {self.parts.learner.lr:.4g}; the last good state is {self.run.last}; {LOWER_RATE}"
            )
        write_checkpoint(self.run.last, model.state_dict(), self.state(tallies))

    def state(self, tallies: Tensor) -> dict[str, Any]:
        """Everything that has to be known to go on, but for the weights.

        Args:
            tallies: (processes, 3) sums of the epoch so far.
        """
        return {
            "kind": "last",
            "position": asdict(self.position),
            "batch_size": self.parts.batches.together,
            "samples": self.position.batch * self.parts.batches.together,
            "tally": {"sums": tallies.tolist()},
            "epoch_began": self._epoch_began,
            "history": self.history,
            "best": self.best,
            "ended": self.ended,
            "learner": self.parts.learner.state(),
            "random": random_state(),
        }

    def load(self) -> None:
        """Go back to the state in the run folder, and put the other files of the folder in line with it.

        Raises:
            TrainerError: there is none, it is damaged, or it is of another network.
        """
        weights, state = read_checkpoint(self.run.last)
        try:
            self.position = Position(**state["position"])
            self.parts.learner.load(weights, state["learner"])
            self._share_tally(state["tally"]["sums"])
            self._epoch_began = state["epoch_began"]
            self.history, self.best, self.ended = state["history"], state["best"], state["ended"]
            if not isinstance(self.best, int):
                raise TypeError("an earlier version of the trainer made it")
            set_random_state(state["random"])
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TrainerError(f"{self.run.last} is the state of another network or training: {reason}") from error
        self.position.batch = state["samples"] // self.parts.batches.together
        self._repair()

    def _share_tally(self, sums: list[Any]) -> None:
        """Give each process the sums it had; if there were more or fewer of them, the main process has them all."""
        share = self.parts.together.share
        stored = torch.tensor(sums, dtype=self.tally.sums.dtype).reshape(-1, 3)
        if len(stored) == share.size:
            self.tally.load(stored[share.rank])
        elif share.rank == 0:
            self.tally.load(stored.sum(0))

    def _repair(self) -> None:
        """Lines and best weights that are ahead of the state, or behind it, since the process was killed in between."""
        if not self.parts.together.main:
            return
        self.run.tidy()
        self.run.rewrite(self.run.metrics, self.history)
        if self.run.steps.exists():
            kept = [record for record in self.run.read_lines(self.run.steps) if record["step"] <= self.position.step]
            self.run.rewrite(self.run.steps, kept)
        if self.best and self.best == len(self.history) and self.position.batch == 0:
            self._write_best()

    def _epoch(self) -> None:
        """Train the rest of an epoch, validate, record, save."""
        batches = self.parts.batches
        if self.position.batch == 0:
            self._epoch_began = self.position.seconds
        self.progress.epoch(self.position.epoch + 1, self.parts.config.epochs, len(batches), self.position.batch)
        if self.position.batch < len(batches):
            samples = batches.epoch(self.position.epoch, self.position.batch)
            train_epoch(self.parts.learner, samples, self.position, self.tally, self.done, self._after_step)
        trained = self._seconds() - self._epoch_began
        if self.parts.together.share.size == 1 or not self._whole():
            self.interruption.raise_if_requested()
        scores = self._validate()
        self._record(scores, trained)
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
        self.tally = Tally(self.parts.machine.device)
        self.ended = self._over(scores.accuracy)
        self._tick()
        self.save()
        if self.best == len(self.history):
            self._write_best()

    def _whole(self) -> bool:
        return self.position.batch >= len(self.parts.batches)

    def _after_step(self, lr: float) -> bool:
        """Show and log the step, save when it is time; whether to leave the epoch here."""
        config = self.parts.config
        self.progress.step(self.tally, self.done())
        if config.log_steps and self.parts.together.main:
            scores = self.tally.scores()
            record = {"step": self.position.step, "epoch": self.position.epoch + 1, "lr": lr}
            self.run.append(self.run.steps, {**record, "loss": scores.loss, "accuracy": scores.accuracy})
        self._begin_step()
        if self._to_stop():
            return True
        if self._to_save():
            self._tick()
            self.save()
        return False

    def _begin_step(self) -> None:
        """Of several processes each draws for a step as (seed, process, step) say: nothing has to be stored of it."""
        share = self.parts.together.share
        if share.size > 1:
            seed_step(self.parts.config.seed, share.rank, self.position.step)

    def _to_save(self) -> bool:
        """Whether it is time to; several processes look only now and then, and save together."""
        together = self.parts.together
        if self.position.step % together.agree_every:
            return False
        return together.any(time.monotonic() - self._saved > self._save_every)

    def _to_stop(self) -> bool:
        """Whether a signal came or the time is up, in any process; several look only now and then."""
        together = self.parts.together
        if self.position.step % together.agree_every:
            return False
        if together.any(bool(self.interruption.requested)):
            self.interruption.requested = self.interruption.requested or signal.SIGTERM
        return bool(self.interruption.requested) or self._out_of_time()

    def _validate(self) -> Scores:
        learner = self.parts.learner
        self.parts.together.same_buffers(learner.model)
        if learner.ema is not None:
            self.parts.together.same_buffers(learner.ema)
        return self.score(
            learner.model if learner.ema is None else learner.ema, self.parts.data.validation, "validation"
        )

    def score(self, model: nn.Module, split: Split, name: str) -> Scores:
        """Loss and accuracy of a network on a split, over all processes.

        Raises:
            StopError: a signal asked to stop.
            TrainingError: the network fails, or its loss is not finite.
        """
        together, learner = self.parts.together, self.parts.learner
        batches = evaluation_batches(split, self.parts.config.batch_size, together.share)
        # of several processes none may leave alone: the others would wait for it
        each = self.interruption.raise_if_requested if together.share.size == 1 else lambda: None
        try:
            tally = evaluate(model, batches, self.parts.machine, learner.normalize, each)
        except (Exception, SystemExit) as error:
            said = " ".join(str(error).split())[:200]
            raise TrainingError(
                f"the network fails on the {name} images with {type(error).__name__}: {said}; the last good state is "
                f"{self.run.last}; --debug shows where"
            ) from error
        whole = Tally(self.parts.machine.device)
        whole.add_sums(together.sum(tally.sums))
        scores = whole.scores()
        if not isfinite(scores.loss):
            raise TrainingError(
                f"the loss on the {name} images is {scores.loss} after step {self.position.step}, though that of the training "
                f"is finite; the last good state is {self.run.last}; look at what the network does in eval mode"
            )
        return scores

    def _record(self, validation: Scores, trained: float) -> None:
        config, epoch = self.parts.config, self.position.epoch + 1
        whole = Tally(self.parts.machine.device)
        whole.add_sums(self.parts.together.sum(self.tally.sums))
        training = whole.scores()
        if self._better(validation):
            self.best = epoch
        record = {
            "epoch": epoch,
            "step": self.position.step,
            "train_loss": training.loss,
            "train_accuracy": training.accuracy,
            "validation_loss": validation.loss,
            "validation_accuracy": validation.accuracy,
            "validation_split": config.validate_on,
            "validation_weights": "ema" if config.ema else "model",
            "best_accuracy": validation.accuracy if self.best == epoch else self.history[-1]["best_accuracy"],
            "best_epoch": self.best,
            "lr": self.parts.learner.lr,
            "seconds": self._seconds(),
            "train_seconds": trained,
            "images": training.images,
            "images_per_second": training.images / max(trained, 1e-9),
        }
        self.history.append(record)
        self.progress.epoch_done(record, self.done())
        if self.parts.together.main:
            self.run.append(self.run.metrics, record)
        if self._scalars is not None:
            self._scalars(record)

    def _better(self, validation: Scores) -> bool:
        """Whether an epoch is better than the best so far."""
        if not self.best:
            return True
        so_far = self.history[self.best - 1]
        if self.parts.config.choose_by == "loss":
            return validation.loss < float(so_far["validation_loss"])
        return validation.accuracy > float(so_far["validation_accuracy"])

    def _wants_scalars(self) -> bool:
        return self.parts.config.tensorboard and self.parts.together.main

    def _write_best(self) -> None:
        learner = self.parts.learner
        if self.parts.together.main:
            model = learner.model if learner.ema is None else learner.ema
            record = self.history[self.best - 1]
            write_checkpoint(self.run.best, model.state_dict(), {"kind": "best", "record": record})

    def _over(self, accuracy: float) -> str | None:
        config = self.parts.config
        if config.target_accuracy is not None and accuracy >= config.target_accuracy:
            return "target accuracy"
        if config.epochs is not None and self.position.epoch >= config.epochs:
            return "epochs"
        return "time budget" if self._out_of_time() else None

    def _out_of_time(self) -> bool:
        budget = self.parts.config.budget_seconds
        return budget is not None and self._seconds() >= budget

    def _seconds(self) -> float:
        """Seconds of training so far, in all sessions."""
        return self.position.seconds + time.monotonic() - self._clock

    def _tick(self) -> None:
        """Move the time that has passed into the position."""
        now = time.monotonic()
        self.position.seconds += now - self._clock
        self._clock = now

    def _went_wrong(self, error: StepError) -> str:
        at = error.position
        names = self.parts.batches.names(at.epoch, at.batch)
        shown = ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
        return (
            f"{error.what} at step {at.step + 1}: epoch {at.epoch + 1}, batch {at.batch + 1} ({shown}), learning rate "
            f"{self.parts.learner.lr:.4g}; the last good state is {self.run.last}; {error.remedy}"
        )
