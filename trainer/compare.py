"""Runs side by side, also with the training logs that the documents print."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from statistics import mean, median, stdev
from textwrap import fill
from typing import Any

from trainer.config import Config
from trainer.config.settings import nearest
from trainer.errors import TrainerError
from trainer.record import Record, read_record
from trainer.tables import aligned, comma_separated, cut, human, markdown, percent, time, wrapped

BASELINES = ("two_branch_net", "four_block_net")
"""The documents' logs that come with the trainer."""

ASIDE = frozenset(
    {"run", "seed", "data_root", "workers", "save_every", "threads", "log_steps", "report", "tensorboard", "force"}
)
"""Settings that do not make another training."""


@dataclass(frozen=True)
class Entry:
    """A run, or a document's log, as it is compared. Accuracies are in percent; None stands for what is not known.

    Attributes:
        name: of the folder, or of the log.
        network: the class.
        data: what it was trained on.
        chosen_on: what the best epoch was chosen on: validation or test.
        epochs: trained.
        best_epoch: that did best there.
        validation_accuracy: of the best epoch; None where it was chosen on the test images.
        test_accuracy: of the best epoch's weights.
        last_test_accuracy: of the last epoch's weights.
        params: of the network.
        macs: for one image.
        receptive_field: per axis.
        seconds: of training and validating.
        images_per_second: in training, the median of the epochs.
        curve: (epoch, accuracy on what it was chosen on).
        settings: of the run; empty for a log.
        forced: the gate had refused the network.
    """

    name: str
    network: str
    data: str
    chosen_on: str
    epochs: int
    best_epoch: int | None
    validation_accuracy: float | None
    test_accuracy: float | None
    last_test_accuracy: float | None
    params: int | None
    macs: int | None
    receptive_field: tuple[Any, ...] | None
    seconds: float | None
    images_per_second: float | None
    curve: tuple[tuple[int, float], ...]
    settings: Mapping[str, Any]
    forced: bool = False


def entries(runs: Sequence[Path], baselines: Sequence[str] = ()) -> list[Entry]:
    """The runs and the documents' logs to compare, in this order.

    Raises:
        TrainerError: there are none, a folder is no run, or a log is not known.
    """
    if not runs and not baselines:
        raise TrainerError("what is to be compared? name run folders, e.g. trainer compare runs/*")
    found = [run_entry(read_record(run)) for run in runs]
    names = [name for each in baselines for name in (BASELINES if each == "all" else (each,))]
    return found + [baseline(name) for name in dict.fromkeys(names)]


def run_entry(record: Record) -> Entry:
    """A run as it is compared."""
    best, result, report = record.best_epoch, record.result, record.report
    on = record.config.validate_on
    accuracy = None if best is None else float(best["validation_accuracy"])
    test = None if result is None else float(result["test"]["best"]["accuracy"])
    speeds = [float(each["images_per_second"]) for each in record.history]
    totals = {} if report is None else report["totals"]
    return Entry(
        name=record.name,
        network=record.network,
        data=record.data_name,
        chosen_on=on,
        epochs=len(record.history),
        best_epoch=None if best is None else int(best["epoch"]),
        validation_accuracy=accuracy if on == "validation" else None,
        test_accuracy=accuracy if test is None and on == "test" else test,
        last_test_accuracy=None if result is None else float(result["test"]["last"]["accuracy"]),
        params=totals.get("params") or record.environment.get("model", {}).get("parameters"),
        macs=totals.get("macs"),
        receptive_field=tuple(totals["receptive_field"]) if totals else None,
        seconds=float(record.history[-1]["seconds"]) if record.history else None,
        images_per_second=median(speeds) if speeds else None,
        curve=tuple((each["epoch"], each["validation_accuracy"]) for each in record.history),
        settings={each.name: getattr(record.config, each.name) for each in fields(Config)},
        forced=bool(record.gate.get("forced")),
    )


def baseline(name: str) -> Entry:
    """A document's training log as it is compared.

    Raises:
        TrainerError: there is none of this name.
    """
    if name not in BASELINES:
        hint = nearest(name, BASELINES) or f"; they are {', '.join(BASELINES)}, or all"
        raise TrainerError(f"--baseline {name!r}: there is no such log{hint}")
    lines = (files("trainer") / "baselines" / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    params = next(int(line.partition(":")[2]) for line in lines if line.startswith("# parameters:"))
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    curve = tuple((int(row["epoch"]), float(row["test_accuracy"])) for row in rows)
    epoch, accuracy = max(curve, key=lambda point: (point[1], -point[0]))
    return Entry(
        name=f"log {name}",
        network="".join(word.capitalize() for word in name.split("_")),
        data="cifar10",
        chosen_on="test",
        epochs=len(rows),
        best_epoch=epoch,
        validation_accuracy=None,
        test_accuracy=accuracy,
        last_test_accuracy=curve[-1][1],
        params=params,
        macs=None,
        receptive_field=None,
        seconds=None,
        images_per_second=None,
        curve=curve,
        settings={},
    )


def differences(compared: Sequence[Entry]) -> list[tuple[str, list[str]]]:
    """Settings in which the runs differ: name, and the value of each run."""
    runs = [entry for entry in compared if entry.settings]
    rows = []
    for each in fields(Config):
        values = [_shown(entry.settings[each.name]) for entry in runs]
        if each.name not in ASIDE - {"seed"} and len(set(values)) > 1:
            rows.append((each.name, values))
    return rows


def spreads(compared: Sequence[Entry]) -> list[str]:
    """For runs that differ in their seed only: mean and standard deviation (n - 1) of the test accuracy, a line each."""
    groups: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in compared:
        if entry.settings and entry.test_accuracy is not None:
            groups[tuple(_shown(value) for name, value in entry.settings.items() if name not in ASIDE)].append(entry)
    lines = []
    for group in groups.values():
        if len({entry.settings["seed"] for entry in group}) == len(group) > 1:
            values = [entry.test_accuracy or 0.0 for entry in group]
            names = ", ".join(entry.name for entry in group)
            lines.append(f"{names}: {mean(values):.2f} ± {stdev(values):.2f}% test accuracy over {len(group)} seeds")
    return lines


def as_table(compared: Sequence[Entry], columns: int) -> str:
    """For a terminal of so many columns."""
    head, rows = _cells(compared)
    rest = sum(max(len(row[column]) for row in [head, *rows]) + 2 for column in range(1, len(head)))
    room = max(columns - rest - 1, 12)
    parts = [aligned(head, [[cut(row[0], room), *row[1:]] for row in rows])]
    parts += ["\n".join(_filled(note, columns) for note in notes)] if (notes := _footnotes(compared)) else []
    different = differences(compared)
    names = [cut(entry.name, 16) for entry in compared if entry.settings]
    if different:
        rows = [[name, *(cut(each, 16) for each in values)] for name, values in different]
        parts.append(wrapped(["differs in", *names], rows, columns))
    parts += [_filled(line, columns) for line in spreads(compared)]
    return "\n\n".join(parts) + "\n"


def as_markdown(compared: Sequence[Entry]) -> str:
    """Tables for a page."""
    head, rows = _cells(compared)
    parts = [markdown(head, [[cell.strip() for cell in row] for row in rows]), *_footnotes(compared)]
    different = differences(compared)
    if different:
        names = [entry.name for entry in compared if entry.settings]
        parts.append(markdown(["differs in", *names], [[name, *values] for name, values in different]))
    return "\n\n".join(part.rstrip("\n") for part in [*parts, *spreads(compared)]) + "\n"


def as_csv(compared: Sequence[Entry]) -> str:
    """A line for each, all figures as they are."""
    records = [_plain(entry) for entry in compared]
    keys = [key for key in records[0] if key not in ("curve", "settings")]
    rows = [[record[key] if key != "receptive_field" else _field(record[key]) for key in keys] for record in records]
    return comma_separated(keys, rows)


def as_json(compared: Sequence[Entry]) -> str:
    """Everything, for programs."""
    value = {"schema": "trainer.comparison/1", "runs": [_plain(entry) for entry in compared]}
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _cells(compared: Sequence[Entry]) -> tuple[list[str], list[list[str]]]:
    head = ["run", "test", "valid.", "epoch", "params", "MACs", "time", "images/s"]
    return head, [
        [
            entry.name,
            percent(entry.test_accuracy) + ("*" if entry.chosen_on == "test" else " "),
            percent(entry.validation_accuracy),
            f"{entry.best_epoch or '–'}/{entry.epochs}",
            human(entry.params),
            human(entry.macs),
            time(entry.seconds),
            "–" if entry.images_per_second is None else f"{entry.images_per_second:,.0f}",
        ]
        for entry in compared
    ]


def _footnotes(compared: Sequence[Entry]) -> list[str]:
    notes = []
    if any(entry.chosen_on == "test" for entry in compared):
        notes.append("* the best epoch was chosen on the test images themselves")
    names: dict[str, list[str]] = defaultdict(list)
    for entry in compared:
        names[entry.data].append(entry.name)
    if len(names) > 1:
        listed = "; ".join(f"{data}: {', '.join(of)}" for data, of in names.items())
        notes.append(f"not on the same data, so the accuracies do not compare ({listed})")
    notes += [f"{entry.name}: the gate had refused the network" for entry in compared if entry.forced]
    return notes


def _filled(line: str, columns: int) -> str:
    return fill(line, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _plain(entry: Entry) -> dict[str, Any]:
    return {each.name: getattr(entry, each.name) for each in fields(entry)}


def _field(values: Sequence[Any] | None) -> str | None:
    return None if values is None else "x".join("?" if value is None else str(value) for value in values)


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else "–" if value is None else str(value)
