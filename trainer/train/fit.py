"""Begin a training, or go on with one, and see it to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from torch import nn

from trainer.checkpoint import read_checkpoint
from trainer.config import RESUMABLE, Config, option_of
from trainer.data import FOLDER, DataSet
from trainer.data_of_run import data_of
from trainer.environment import describe
from trainer.errors import TrainerError
from trainer.interruption import Interruption, StopError
from trainer.machine import deterministic
from trainer.model import Gate, gate, numbers
from trainer.processes import Solo, processes
from trainer.progress import Progress, clock
from trainer.randomness import seed_all
from trainer.run import RunFolder, check_free, create
from trainer.scalars import demand_tensorboard
from trainer.train.parts import Parts, assemble
from trainer.train.session import Session
from trainer.train.sources import augmentation_file, changed_since, found_again, keep, sources

Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """How a training ended.

    Attributes:
        run: its folder.
        exit_code: 0 it is done, 1 the gate refused it, 129, 130 or 143 a signal stopped it.
        record: the content of ``result.json``; empty where it did not come to an end.
    """

    run: Path | None
    exit_code: int
    record: dict[str, Any]


def fit(config: Config, shown: Progress) -> Result:
    """Train a network that the gate passes, from the beginning.

    Args:
        config: what is asked.
        shown: shows how it goes.

    Raises:
        TrainerError: it cannot be done as asked; nothing was overwritten.
        TrainingError: the training itself failed.
    """
    together = _processes(config)
    shown = shown if together.main else Progress()
    if config.run is not None and together.main:
        check_free(Path(config.run))
    judged = gate(config.target, config.arguments, None if config.spec is None else Path(config.spec))
    if judged is not None:
        shown.say(judged.text)
        if judged.exit_code == 2:
            return Result(None, 2, {})
        if judged.exit_code and not config.force:
            shown.say(f"{config.target} is not trained, as the gate refuses it; --force trains it all the same")
            return Result(None, 1, {})
        config = replace(config, target=judged.target, arguments=judged.arguments)
    data = data_of(config, shown.say)
    if judged is None:
        height, width, channels = data.train.images.shape[1:]
        judged = numbers(config.target, config.arguments, (channels, height, width))
        shown.say(judged.text)
    with deterministic(config.deterministic):
        parts = assemble(config, data, together, shown.say)
        run = _begin(parts, judged)
        with _held(run, together):
            with Interruption() as interruption:
                seed_all(config.seed + together.share.rank)
                session = Session(parts, run, shown, interruption)
                session.save()
                together.wait()
                result = _train(session)
            return _reported(result, session)


def resume(folder: Path, changes: Mapping[str, Any], shown: Progress) -> Result:
    """Go on with a training where its last saved state is.

    Args:
        folder: the run.
        changes: settings to change, of `RESUMABLE`.
        shown: shows how it goes.

    Raises:
        TrainerError: this is no run, another process is training in it, its state is damaged or of another network, or a
            change would make it another run.
        TrainingError: the training itself failed.
    """
    run = RunFolder(folder)
    config = _changed(run.read_config(), changes)
    together = _processes(config)
    with _held(run, together):
        return _go_on(run, config, changes, together, shown)


def _go_on(run: RunFolder, config: Config, changes: Mapping[str, Any], together: Solo, shown: Progress) -> Result:
    _, state = read_checkpoint(run.last)
    config = _shared(config, state.get("batch_size", config.batch_size), together.share.size)
    shown = shown if together.main else Progress()
    config = found_again(run, config, changes, shown.say)
    data = _same_images(run, config, changes, shown.say)
    with deterministic(config.deterministic):
        parts = assemble(config, data, together, shown.say)
        for note in _changed_since(run, parts):
            shown.say(note)
        with Interruption() as interruption:
            session = Session(parts, run, shown, interruption)
            session.load()
            if changes and together.main:
                run.write_config(parts.config)
            if changes or session.ended is None:
                session.ended = session.ended_already()
            shown.say(_going_on(session))
            if session.ended is None and together.main:
                run.result.unlink(missing_ok=True)  # of the training that was shorter
            result = _train(session)
    return _reported(result, session)


def _held(run: RunFolder, together: Solo) -> AbstractContextManager[None]:
    return run.held() if together.main else nullcontext()


def _same_images(run: RunFolder, config: Config, changes: Mapping[str, Any], say: Say) -> DataSet:
    """The images of the run, where they are now.

    Raises:
        TrainerError: they are gone, or others were named.
    """
    folder = Path(config.data.removeprefix(FOLDER)).expanduser()
    if "data" not in changes and config.data.startswith(FOLDER) and not folder.exists():
        raise TrainerError(f"{folder}, the images of this run, is gone; --data {FOLDER}PATH says where they are now")
    data = data_of(config, say)
    before = (run.read_json(run.environment) or {}).get("data", {}).get("digest")
    if "data" in changes and before not in (None, data.digest):
        raise TrainerError(
            f"--data {config.data}: these are not the images of this run: names, labels or pixels differ"
        )
    return data


def _going_on(session: Session) -> str:
    at, folder = session.position, session.run.path
    if session.ended is not None:
        return f"{folder} has come to its end, after {_epochs(at.epoch)}; --epochs takes it further"
    return f"going on with {folder} at epoch {at.epoch + 1}, batch {at.batch + 1}, step {at.step + 1}"


def _shared(config: Config, images: int, size: int) -> Config:
    """The settings with which so many processes make the run's steps, of so many images over all of them.

    Raises:
        TrainerError: they cannot be shared out evenly.
    """
    if images % size:
        raise TrainerError(f"a step of this run has {images} images, which {size} processes cannot share evenly")
    return replace(config, batch_size=images // size)


def _processes(config: Config) -> Solo:
    """Those that train together, once it is clear that they can.

    Raises:
        TrainerError: they cannot.
    """
    if config.tensorboard:
        demand_tensorboard()
    together = processes(config.device)
    if together.share.size > 1 and config.time_budget is not None:
        raise TrainerError("--time-budget is for one process: the clocks of several differ; take --epochs")
    return together


def _changed(config: Config, changes: Mapping[str, Any]) -> Config:
    fixed = sorted(name for name in changes if name not in RESUMABLE and getattr(config, name) != changes[name])
    if fixed:
        allowed = ", ".join(sorted(map(option_of, RESUMABLE)))
        raise TrainerError(f"{option_of(fixed[0])} cannot be changed when a run goes on; these can: {allowed}")
    return replace(config, **changes)


def _changed_since(run: RunFolder, parts: Parts) -> Iterator[str]:
    """What is no longer as it was when the run began, though it goes by the same name: a sentence each."""
    about = run.read_json(run.environment) or {}
    yield from changed_since(run, sources(run, parts.learner.model, parts.config))
    if about.get("data", {}).get("digest") not in (None, parts.data.digest):
        yield f"{parts.data.name} has changed since this run began, which goes on with it: images, names or labels"


def _begin(parts: Parts, judged: Gate) -> RunFolder:
    """Make the run folder and store what the training is."""
    model = parts.learner.model
    made = create(type(model).__name__, parts.config.run) if parts.together.main else None
    run = RunFolder(Path(parts.together.told("" if made is None else str(made.path))))
    parts.config = replace(parts.config, run=str(run.path))
    if not parts.together.main:
        return run
    run.write_config(parts.config)
    about = describe(model, parts.config.target, augmentation_file(parts.config), parts.data, parts.machine)
    run.write_json(run.environment, about)
    run.write_json(run.gate, {**judged.record, "forced": judged.passed is False, "text": judged.text})
    keep(sources(run, model, parts.config))
    return run


def _train(session: Session) -> Result:
    """Train to the end, test once, and store the result."""
    run, shown = session.run, session.progress
    try:
        session.train()
        record = _test(session)
    except StopError as interrupted:
        at = session.position
        where = f"at epoch {at.epoch + 1}, after batch {at.batch}"
        shown.close()
        shown.say(
            f"stopped {'at once, without saving' if interrupted.at_once else where}; go on with: "
            f"trainer fit --resume {quote(str(run.path))}"
        )
        return Result(run.path, interrupted.exit_code, {})
    finally:
        shown.close()
        session.parts.together.end()
    if session.parts.together.main:
        run.write_json(run.result, record)
    _tell(session, record)
    return Result(run.path, 0, record)


def _reported(result: Result, session: Session) -> Result:
    """The result, after its figures and page are made, if they are asked for; a signal ends that like any command."""
    if result.record and session.parts.together.main and session.parts.config.report:
        from trainer.report import write

        try:
            page = write(session.run.path, session.progress.say)
        except KeyboardInterrupt:
            session.progress.say(f"the page is not finished; trainer report {quote(str(session.run.path))} makes it")
            raise
        if page is not None:
            session.progress.say(f"figures and a page to hand in: {page}")
    return result


def _test(session: Session) -> dict[str, Any]:
    """Read the test images, once: the best weights, the last, and the average of the last."""
    learner, config = session.parts.learner, session.parts.config
    session.parts.together.wait()
    last = _scored(session, learner.model)
    ema = None if learner.ema is None else _scored(session, learner.ema)
    kept = {name: value.clone() for name, value in learner.model.state_dict().items()}
    learner.model.load_state_dict(read_checkpoint(session.run.best)[0])
    best = _scored(session, learner.model)
    learner.model.load_state_dict(kept)
    return {
        "schema": "trainer.result/1",
        "ended": session.ended,
        "epochs": len(session.history),
        "steps": session.position.step,
        "seconds": session.position.seconds,
        "forced": _forced(session.run),
        "chosen_on": config.validate_on,
        "chosen_by": config.choose_by,
        "best_epoch": session.best,
        "best_validation_accuracy": session.history[session.best - 1]["validation_accuracy"],
        "best_weights": "ema" if learner.ema is not None else "model",
        "test": {"best": best, "last": last, "last_ema": ema},
        "test_images": len(session.parts.data.test.labels),
    }


def _scored(session: Session, model: nn.Module) -> dict[str, float]:
    scores = session.score(model, session.parts.data.test, "test")
    return {"loss": scores.loss, "accuracy": scores.accuracy}


def _forced(run: RunFolder) -> bool:
    return bool((run.read_json(run.gate) or {}).get("forced"))


def _tell(session: Session, record: dict[str, Any]) -> None:
    test = record["test"]
    averaged = f", averaged {test['last_ema']['accuracy']:.2f}%" if test["last_ema"] else ""
    chosen = (
        "chosen on the test images themselves" if record["chosen_on"] == "test" else "chosen on the validation images"
    )
    session.progress.say(
        f"test accuracy: {session.parts.config.best_is} {test['best']['accuracy']:.2f}% (epoch {record['best_epoch']}, {chosen}), "
        f"last {test['last']['accuracy']:.2f}%{averaged}"
    )
    forced = "; the gate had refused it" if record["forced"] else ""
    took = f"{_epochs(record['epochs'])} in {clock(record['seconds'])}"
    session.progress.say(f"{took}{forced}; all of it is in {session.run.path}")


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' * (count != 1)}"
