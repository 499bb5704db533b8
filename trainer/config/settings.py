"""Every setting of ``trainer fit``, once: name, type, default, help. The command line and the TOML are made of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from math import inf, isfinite
from typing import Any

from trainer.errors import TrainerError

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("onecycle", "cosine", "linear", "step", "constant")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
LAYOUTS = ("auto", "channels-last", "contiguous")
SPLITS = ("validation", "test")
MEASURES = ("accuracy", "loss")
PLACES = ("auto", "workers", "device")
CHANNELS = (1, 3)

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _setting(default: Any, text: str, *, metavar: str | None = None, flag: str | None = None) -> Any:
    return field(default=default, metadata={"help": text, "metavar": metavar, "flag": flag})


@dataclass(frozen=True)
class Config:
    """What a training is asked to do.

    A value of None means that the trainer chooses, and says what it chose. Accuracies are in percent, shares in 0..1.

    Raises:
        TrainerError: for the first value that cannot be; the message names the option, the value and what is allowed.
    """

    target: str = field(metadata={"flag": "TARGET"})
    arguments: tuple[str, ...] = _setting(
        (), "For the network's constructor: dropout=0.1, or 10 by position. Repeatable.", metavar="VALUE", flag="--arg"
    )
    spec: str | None = _setting(None, "The spec of the gate. Default: the nearest.", metavar="FILE")
    force: bool = _setting(False, "Train a network that the gate refuses, and mark the run.")
    run: str | None = _setting(None, "The run folder. Default: runs/MODEL-TIME.", metavar="FOLDER")

    data: str = _setting("cifar10", "cifar10, cifar100, mnist, fashion-mnist, shapes or folder:PATH.", metavar="SOURCE")
    data_root: str = _setting("data", "Where published data sets are downloaded to.", metavar="FOLDER")
    validation: float = _setting(0.1, "Share of the training images held out to choose the best epoch by.")
    validate_on: str = _setting("validation", "validation, or test as the documents do.", metavar="SPLIT")
    choose_by: str = _setting(
        "accuracy",
        "accuracy, or loss, which is steadier on few images: what the best epoch is best in.",
        metavar="MEASURE",
    )
    skip_bad_images: bool = _setting(False, "Leave out images that cannot be read, and count them.")
    size: int | None = _setting(None, "Scale and cut every image to this side. Default: as they are.")
    channels: int | None = _setting(None, "3 for colour, 1 for grey. Default: the data set's.", metavar="N")
    augment: str | tuple[Any, ...] = _setting(
        "assignment",
        "none, flip-crop, assignment, strong; single ones: 'mirroring, rotation'; or a YAML, JSON or Python file.",
        metavar="POLICY",
    )
    augment_on: str = _setting(
        "auto", "auto, workers (the CPU's), or device: whole batches, where the step runs.", metavar="PLACE"
    )
    mixup: float = _setting(0.0, "Alpha of mixup; 0 is off.", metavar="ALPHA")
    cutmix: float = _setting(0.0, "Alpha of cutmix; 0 is off.", metavar="ALPHA")

    epochs: int | None = _setting(None, "Times through the training images. Default: 30, or what the budget allows.")
    batch_size: int = _setting(128, "Images in a step, for each process.")
    time_budget: str | None = _setting(None, "Stop in time, e.g. 20m; the schedule ends with it.", metavar="TIME")
    target_accuracy: float | None = _setting(None, "Stop when the validation reaches it, e.g. 85.", metavar="PERCENT")
    seed: int = _setting(0, "Of the weights, the order, the augmentation and the held-out images.")
    deterministic: bool = _setting(False, "Bit for bit the same on the same machine, resumed or not.")

    optimizer: str = _setting("sgd", "sgd, adamw, muon, or a class of torch.optim.", metavar="NAME")
    lr: float | None = _setting(None, "The highest learning rate. Default: 0.1 for sgd, 0.003 for others.")
    adamw_lr: float | None = _setting(
        None, "Muon's: the rate of what is not a kernel, norms, biases and the scores, by AdamW. Default: as --lr."
    )
    momentum: float = _setting(0.9, "Of sgd and muon; Nesterov's.")
    weight_decay: float = _setting(5e-4, "On weights; norms and biases have none.")
    schedule: str = _setting("onecycle", "onecycle, cosine, linear, step or constant.", metavar="NAME")
    warmup: float | None = _setting(
        None, "Share of the steps in which the rate rises. Default: 0.3 for onecycle, else 0."
    )
    label_smoothing: float = _setting(0.0, "Share of the target spread over all classes.")
    clip: float | None = _setting(None, "Largest norm of the gradient.", metavar="NORM")
    ema: float | None = _setting(None, "Average the weights with this decay, e.g. 0.999.", metavar="DECAY")

    device: str = _setting("auto", "auto, cpu, cuda or mps.", metavar="NAME")
    precision: str = _setting("auto", "auto, float32, bfloat16 or float16.", metavar="NAME")
    layout: str = _setting("auto", "Memory: auto, channels-last or contiguous.", metavar="NAME")
    threads: int | None = _setting(None, "Threads of a step on a CPU. Default: measured.")
    compile: bool = _setting(False, "Compile the network with torch.compile.")
    workers: int | None = _setting(None, "Processes that augment. Default: chosen by the machine.")
    save_every: str = _setting("5m", "Also save the state within an epoch, this often.", metavar="TIME")
    log_steps: bool = _setting(False, "Also write a line for every step, to steps.jsonl.")
    report: bool = _setting(True, "Draw figures and write report.html at the end.")
    tensorboard: bool = _setting(False, "Also write scalars for TensorBoard.")

    def __post_init__(self) -> None:
        """Check every value."""
        _check_choices(self)
        _check_numbers(self)
        for name in ("time_budget", "save_every"):
            value = getattr(self, name)
            if value is not None and duration(value, option_of(name)) <= 0:
                raise TrainerError(f"{option_of(name)} {value}: it must be longer than 0")

    @property
    def budget_seconds(self) -> float | None:
        """The time budget in seconds."""
        return None if self.time_budget is None else duration(self.time_budget, "--time-budget")

    @property
    def epochs_or_default(self) -> int | None:
        """How many epochs at most; None where only the time budget ends the training."""
        return self.epochs if self.epochs is not None or self.time_budget is not None else 30

    @property
    def peak_lr(self) -> float:
        """The highest learning rate, given or chosen."""
        if self.lr is not None:
            return self.lr
        return 0.1 if self.optimizer.lower() == "sgd" else 0.003

    @property
    def best_is(self) -> str:
        """What the best epoch is called: best in accuracy goes without saying."""
        return "best" if self.choose_by == "accuracy" else f"best by {self.choose_by}"

    @property
    def warmup_share(self) -> float:
        """The share of the steps in which the rate rises, given or chosen."""
        if self.warmup is not None:
            return self.warmup
        return 0.3 if self.schedule == "onecycle" else 0.0


RESUMABLE = frozenset(
    {
        "epochs",
        "time_budget",
        "target_accuracy",
        "workers",
        "threads",
        "save_every",
        "data_root",
        "report",
        "target",
        "data",
    }
)
"""What may be changed when a run goes on, target and data to where they are now; the rest would make it another run."""


@cache
def kind_of(name: str) -> type:
    """What the value of a setting is on the command line: str, int, float, bool, or tuple for texts."""
    return {"str": str, "int": int, "float": float, "bool": bool}.get(_annotation(name), tuple)


def _annotation(name: str) -> str:
    return str(Config.__annotations__[name]).partition(" | ")[0]


def option_of(name: str) -> str:
    """What a setting is called on the command line."""
    for each in fields(Config):
        if each.name == name and each.metadata.get("flag"):
            return str(each.metadata["flag"])
    return "--" + name.replace("_", "-")


def duration(text: str, option: str = "time") -> float:
    """Seconds of ``90s``, ``20m``, ``1h30m`` or ``2d``.

    Raises:
        TrainerError: for anything else.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text):
        raise TrainerError(f"{option} {text} has no unit; write {text}s or {text}m")
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise TrainerError(f"{option} {text!r} is not a time; write it as 90s, 20m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def nearest(word: str, words: tuple[str, ...]) -> str:
    """``"; did you mean X?"`` where a word is near, else nothing."""
    near = get_close_matches(word, words, 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _check_choices(config: Config) -> None:
    choices = {
        "schedule": SCHEDULES,
        "precision": PRECISIONS,
        "layout": LAYOUTS,
        "validate_on": SPLITS,
        "choose_by": MEASURES,
        "augment_on": PLACES,
    }
    for name, allowed in choices.items():
        value = getattr(config, name)
        if value not in allowed:
            raise TrainerError(
                f"{option_of(name)} {value!r} is not one of {', '.join(allowed)}{nearest(str(value), allowed)}"
            )


_BOUNDS: dict[str, tuple[float, float]] = {
    "epochs": (1, inf),
    "batch_size": (1, inf),
    "size": (1, inf),
    "seed": (0, 2**63 - 1),
    "workers": (0, inf),
    "threads": (1, inf),
    "mixup": (0, inf),
    "cutmix": (0, inf),
    "weight_decay": (0, inf),
}
_ABOVE_ZERO = ("lr", "adamw_lr", "clip")
_SHARES = ("label_smoothing", "warmup", "ema", "momentum")


def check_bounds(name: str, value: float) -> None:
    """Refuse a number that is outside of what a setting can be.

    Raises:
        TrainerError: the message names the option, the value and the bound.
    """
    least, most = _BOUNDS[name]
    if value < least:
        raise TrainerError(f"{option_of(name)} {value} must be at least {least:g}")
    if value > most:
        raise TrainerError(f"{option_of(name)} {value} must be at most {most}")


def _check_numbers(config: Config) -> None:
    given = {each.name: getattr(config, each.name) for each in fields(config)}
    for name, value in given.items():
        if isinstance(value, float) and not isfinite(value):
            raise TrainerError(f"{option_of(name)} {value} is not a finite number")
    for name in _BOUNDS:
        if given[name] is not None:
            check_bounds(name, given[name])
    for name in _ABOVE_ZERO:
        if given[name] is not None and given[name] <= 0:
            raise TrainerError(f"{option_of(name)} {given[name]} must be above 0")
    for name in _SHARES:
        if given[name] is not None and not 0 <= given[name] < 1:
            raise TrainerError(f"{option_of(name)} {given[name]} must be at least 0 and below 1")
    if not 0 < config.validation < 1:
        raise TrainerError(f"--validation {config.validation:g} must be above 0 and below 1")
    if config.channels not in (None, *CHANNELS):
        raise TrainerError(f"--channels {config.channels} must be 3 for colour or 1 for grey")
    accuracy = config.target_accuracy
    if accuracy is not None and not 0 < accuracy <= 100:
        raise TrainerError(f"--target-accuracy {accuracy:g} must be a percentage above 0, at most 100")
    if accuracy is not None and accuracy < 1:
        raise TrainerError(f"--target-accuracy {accuracy:g} is a percentage; is {100 * accuracy:g} meant?")
