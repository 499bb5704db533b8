"""What the page says in words and numbers: headline, warnings, recipe, results, environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import MISSING, fields
from statistics import median
from typing import Any

from trainer.config import Config
from trainer.record import Record
from trainer.report.network import axes
from trainer.tables import counted, human, percent, time

Pairs = list[tuple[str, str]]


def headline(record: Record) -> Pairs:
    """The figures at the top: (value, what it is)."""
    best, result = record.best_epoch, record.result
    pairs: Pairs = []
    if result is not None:
        pairs.append((percent(result["test"]["best"]["accuracy"]), "test accuracy"))
    if best is not None:
        pairs.append(
            (
                percent(best["validation_accuracy"]),
                f"{record.config.validate_on} accuracy, {record.config.best_is} (epoch {best['epoch']})",
            )
        )
    report = record.report
    if report is not None:
        totals = report["totals"]
        pairs.append((f"{totals['params']:,}", "parameters"))
        pairs.append((human(totals["macs"]), "MACs for an image"))
        if axes(totals["receptive_field"]):
            pairs.append((axes(totals["receptive_field"]), "pixels of receptive field"))
    if record.history:
        last = record.history[-1]
        pairs.append((time(last["seconds"]), f"for {counted(last['epoch'], 'epoch')}"))
    return pairs


def warnings(record: Record) -> list[str]:
    """What a reader must know before the figures mean anything."""
    said = []
    if record.result is None:
        unread = "" if record.evaluation is not None else ", and the test images have not been read"
        said.append(f"The training has not come to its end{unread}.")
    if record.gate.get("forced"):
        said.append("The gate refused this network; it was trained all the same (--force).")
    if record.config.validate_on == "test":
        said.append(
            "The best epoch was chosen on the test images themselves (--validate-on test), as the documents do: its test "
            "accuracy is therefore a little flattering."
        )
    return said


def recipe(record: Record) -> Pairs:
    """How it was trained: (what, value)."""
    config, data = record.config, record.environment.get("data", {})
    images = data.get("images", {})
    counts = ", ".join(f"{images[name]:,} {name}" for name in ("train", "validation", "test") if name in images)
    if config.validate_on == "test" and images:
        counts = f"{images['train']:,} train, {images['test']:,} test (validated on them too)"
    mixing = [f"{name} {value:g}" for name, value in (("mixup", config.mixup), ("cutmix", config.cutmix)) if value]
    pairs: list[tuple[str, str | None]] = [
        ("constructor", ", ".join(config.arguments) or None),
        ("data", f"{record.data_name}: {counts}" if counts else record.data_name),
        ("augmentation", ", ".join([_named(config.augment), *mixing])),
        ("optimiser", _optimizer(config)),
        ("learning rate", _schedule(config)),
        ("label smoothing", f"{config.label_smoothing:g}" if config.label_smoothing else None),
        ("gradient norm", f"at most {config.clip:g}" if config.clip else None),
        ("averaged weights", f"decay {config.ema:g}" if config.ema else None),
        ("batch", counted(config.batch_size, "image")),
        ("length", _length(config)),
        ("precision", f"{config.precision}, {config.layout}" + (", compiled" if config.compile else "")),
        ("seed", f"{config.seed}" + (", deterministic" if config.deterministic else "")),
    ]
    return [(name, value) for name, value in pairs if value is not None]


def settings(record: Record) -> list[tuple[str, str, bool]]:
    """Every setting: name, value, whether it is another than the default."""
    rows = []
    for each in fields(Config):
        value = getattr(record.config, each.name)
        default = None if each.default is MISSING else each.default
        shown = " ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
        rows.append((each.name, shown, value != default))
    return rows


def results(record: Record) -> list[tuple[str, str, str, str]]:
    """Rows of (weights, split, accuracy, loss)."""
    rows = []
    on, best = record.config.validate_on, record.best_epoch
    result = record.result
    averaged = ", averaged" if record.config.ema else ""
    if best is not None and on != "test":
        name = f"{record.config.best_is} (epoch {best['epoch']}{averaged})"
        rows.append((name, "validation", percent(best["validation_accuracy"]), f"{best['validation_loss']:.4f}"))
    if result is None:
        return rows
    named = {
        "best": f"{record.config.best_is} (epoch {result['best_epoch']}{averaged})",
        "last": f"last (epoch {result['epochs']})",
        "last_ema": f"last (epoch {result['epochs']}, averaged)",
    }
    for key, name in named.items():
        scores = result["test"].get(key)
        if scores:
            rows.append((name, "test", percent(scores["accuracy"]), f"{scores['loss']:.4f}"))
    return rows


def environment(record: Record) -> Pairs:
    """Where and with what it was trained: (what, value)."""
    about = record.environment
    hardware, versions = about.get("hardware", {}), about.get("versions", {})
    model, data, git = about.get("model", {}), about.get("data", {}), about.get("git")
    memory = hardware.get("memory_bytes")
    pairs = [
        ("started", about.get("started")),
        ("command", shlex.join(about["command"]) if about.get("command") else None),
        ("machine", hardware.get("machine")),
        ("system", hardware.get("system")),
        ("cores and memory", f"{hardware.get('cores')} cores, {memory / 2**30:.0f} GiB" if memory else None),
        ("speed", _speed(record)),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items() if version)),
        ("git revision", f"{git['revision']}{' with changes' if git.get('changed') else ''}" if git else None),
        (
            "network's source",
            f"{model.get('source')} (SHA-256 {model['sha256'][:16]}…)" if model.get("sha256") else None,
        ),
        ("data's digest", data.get("digest")),
        ("mean and deviation", _moments(data)),
    ]
    return [(name, str(value)) for name, value in pairs if value]


def gate_badge(record: Record) -> tuple[str, str]:
    """The gate's verdict: (a word for the style, what it says)."""
    passed = record.gate.get("passed")
    if passed is None:
        return "none", "no spec asks anything of the network"
    spec = record.gate.get("spec")
    return ("passed", f"passes {spec or 'its spec'}") if passed else ("failed", f"does not pass {spec or 'its spec'}")


def findings(record: Record) -> list[Mapping[str, Any]]:
    """The gate's findings on the network, those that count first."""
    networks = record.gate.get("networks", ())
    found = [finding for network in networks for finding in network.get("findings", ())]
    return sorted(found, key=lambda finding: finding.get("status") == "held")


def _named(augment: str | tuple[Any, ...]) -> str:
    return augment if isinstance(augment, str) else ", ".join(map(str, augment))


def _optimizer(config: Config) -> str:
    momentum = (
        f", Nesterov momentum {config.momentum:g}" if config.optimizer.lower() == "sgd" and config.momentum else ""
    )
    return f"{config.optimizer}{momentum}, weight decay {config.weight_decay:g}"


def _schedule(config: Config) -> str:
    warm = f", rising over the first {100 * config.warmup_share:.0f}%" if config.warmup_share else ""
    return f"{config.schedule}, at most {config.peak_lr:g}{warm}"


def _length(config: Config) -> str:
    parts = [counted(config.epochs, "epoch")] if config.epochs else []
    parts += [f"at most {config.time_budget}"] if config.time_budget else []
    parts += [f"until {config.target_accuracy:g}%"] if config.target_accuracy else []
    return ", ".join(parts)


def _speed(record: Record) -> str | None:
    speeds = [float(epoch["images_per_second"]) for epoch in record.history]
    return f"{median(speeds):,.0f} images/s in training (median of the epochs)" if speeds else None


def _moments(data: Mapping[str, Any]) -> str | None:
    if not data.get("mean"):
        return None
    return "; ".join(", ".join(f"{value:.8f}" for value in data[key]) for key in ("mean", "std"))
