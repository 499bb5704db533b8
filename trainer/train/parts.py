"""From settings to everything that a training needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from trainer.augment import Augment, augmentation
from trainer.batches import TrainingBatches, choose_workers
from trainer.config import Config
from trainer.data import DataSet
from trainer.dropout import quicken_dropout
from trainer.errors import TrainerError
from trainer.loop import Learner
from trainer.machine import Machine, Normalize, choose_device, choose_machine, choose_threads, step_seconds
from trainer.mixing import Mixing
from trainer.model import build, channels_hint
from trainer.optim import Schedule, averaged, make_optimizer
from trainer.processes import Solo
from trainer.randomness import seed_all
from trainer.train.augmenting import place_augmentation

Say = Callable[[str], None]


@dataclass
class Parts:
    """What a training is made of, with the settings as they were resolved."""

    config: Config
    data: DataSet
    augment: Augment
    machine: Machine
    learner: Learner
    batches: TrainingBatches
    together: Solo


def assemble(config: Config, data: DataSet, together: Solo, say: Say) -> Parts:
    """Build the network and everything around it; what the settings left open is chosen, and said.

    Raises:
        TrainerError: the network, the data and the settings do not go together.
    """
    augment = augmentation(config.augment, mean=data.mean, std=data.std, size=data.shape[:2])
    for note in augment.notes:
        say(note)
    device = together.device() or choose_device(config.device)
    augment, on_device = place_augmentation(config, augment, data, device, together.share, say)
    seed_all(config.seed)
    model = build(config.target, config.arguments, config.seed)
    check_output(model, data, config.target)
    check_training(config, data)
    if device.type == "cpu" and not config.compile:
        quicken_dropout(model)
    machine = _machine(config, device, model, data, alone=together.share.size == 1)
    say(f"on {machine.describe()}")
    workers = config.workers if config.workers is not None else _workers(config, machine, augment, model, data)
    fetchers = f"{workers} worker process{'es' * (workers > 1)}" if workers else "the training process itself"
    say(f"images are fetched and augmented by {fetchers}")
    batches = TrainingBatches(
        data.train,
        augment,
        config.batch_size,
        config.seed,
        workers=workers,
        pin=device.type == "cuda",
        share=together.share,
    )
    config = replace(
        config,
        augment_on="workers" if on_device is None else "device",
        device=str(device) if device.type == "cuda" and together.share.size == 1 else device.type,
        precision=machine.precision,
        layout="channels-last" if machine.channels_last else "contiguous",
        workers=workers,
        threads=machine.threads,
        epochs=config.epochs_or_default,
        lr=config.peak_lr,
        warmup=config.warmup_share,
    )
    learner = _learner(config, machine, model, data, together)
    learner.augment = on_device
    return Parts(config, data, augment, machine, learner, batches, together)


def check_output(model: nn.Module, data: DataSet, target: str) -> None:
    """Run two images through the network.

    Raises:
        TrainerError: it does not take them, or does not give one score per class, or has a state that cannot be stored.
    """
    classes, shape = len(data.classes), data.train.images.shape[1:]
    height, width, channels = shape
    images = Normalize(data.mean, data.std, channels_last=False)(torch.from_numpy(np.asarray(data.train.images[:2])))
    model.eval()
    try:
        scores = _scores(model, images)
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())[:160]
        hint = channels_hint(channels, lambda count: _takes(model, images[:, :1].repeat(1, count, 1, 1)))
        raise TrainerError(f"{target} does not take images of {channels}x{height}x{width}: {reason}{hint}") from error
    found = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
    if found != (len(images), classes):
        raise TrainerError(
            f"{target} gives {_shape(found)} for {len(images)} images, expected {len(images)}x{classes}: one score for each "
            f"of the {classes} classes of {data.name}; its constructor may take them, e.g. --arg num_classes={classes}"
        )
    odd = [name for name, value in model.state_dict().items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise TrainerError(f"{target} has a state that is no tensor, {odd[0]}, which a checkpoint cannot hold")


def check_training(config: Config, data: DataSet) -> None:
    """Run a batch through a network of its own in training mode, and give it its optimiser, before anything is measured.

    Raises:
        TrainerError: it fails, gives something else than it does in eval mode, or has no such optimiser.
    """
    model = build(config.target, config.arguments, config.seed).train()
    _optimizer(config, model)
    try:
        scores = _scores(model, _batch(config, data))
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())[:160]
        raise TrainerError(f"{config.target} fails in training mode with {type(error).__name__}: {reason}") from error
    if not isinstance(scores, torch.Tensor):
        raise TrainerError(
            f"{config.target} gives a {type(scores).__name__} in training mode, expected scores; where it has auxiliary "
            "outputs its constructor may leave them out, e.g. --arg aux_logits=False"
        )


def _scores(model: nn.Module, images: torch.Tensor) -> object:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        return model(images)


def _takes(model: nn.Module, images: torch.Tensor) -> bool:
    try:
        _scores(model, images)
    except Exception:
        return False
    return True


def _shape(found: tuple[int, ...] | str) -> str:
    return found if isinstance(found, str) else "x".join(map(str, found)) or "a single number"


def _batch(config: Config, data: DataSet) -> torch.Tensor:
    images = torch.from_numpy(np.asarray(data.train.images[: min(config.batch_size, 128)]))
    batch: torch.Tensor = Normalize(data.mean, data.std, channels_last=True)(images)
    return batch


def _workers(config: Config, machine: Machine, augment: Augment, model: nn.Module, data: DataSet) -> int:
    on_cpu = machine.device.type == "cpu"
    batch = _batch(config, data)
    seconds = step_seconds(machine, model, batch) if on_cpu and len(batch) > 1 else None
    return choose_workers(augment, data.train, len(batch), seconds)


def _machine(config: Config, device: torch.device, model: nn.Module, data: DataSet, *, alone: bool) -> Machine:
    batch = _batch(config, data)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    measure = alone and not config.deterministic and len(batch) > 1
    machine = choose_machine(device, config.precision, config.layout, model, batch, measure=measure)
    if measure and device.type == "cpu" and config.threads is None:
        return choose_threads(machine, model, batch)
    return machine


def _optimizer(config: Config, model: nn.Module) -> torch.optim.Optimizer:
    return make_optimizer(
        model,
        config.optimizer,
        lr=config.peak_lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        adamw_lr=config.adamw_lr,
    )


def _learner(config: Config, machine: Machine, model: nn.Module, data: DataSet, together: Solo) -> Learner:
    machine.place(model)
    ema = averaged(model) if config.ema else None
    optimizer = _optimizer(config, model)
    forward = together.wrap(model)
    if config.compile:
        forward = torch.compile(forward)  # type: ignore[assignment]
    return Learner(
        model=model,
        forward=forward,
        optimizer=optimizer,
        schedule=Schedule(config.schedule, config.peak_lr, config.warmup_share),
        machine=machine,
        normalize=Normalize(data.mean, data.std, machine.channels_last).to(machine.device),
        mixing=Mixing(config.mixup, config.cutmix, config.seed),
        label_smoothing=config.label_smoothing,
        clip=config.clip,
        ema=ema,
        decay=config.ema or 0.0,
    )
