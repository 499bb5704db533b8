"""A run as its folder tells it: plain data, read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.config import Config
from trainer.errors import TrainerError
from trainer.run import RunFolder
from trainer.stored_evaluation import Evaluation, read_evaluation


@dataclass(frozen=True, eq=False)
class Record:
    """What is known of a run, of one that has not ended too.

    Attributes:
        run: its folder.
        config: its settings.
        environment: ``environment.json``; empty where it is missing.
        gate: ``gate.json``; likewise.
        history: the records of ``metrics.jsonl``, an epoch each.
        result: ``result.json``; None while the run has not come to its end.
        evaluation: of the best weights on the test images, where it is stored and theirs.
    """

    run: RunFolder
    config: Config
    environment: Mapping[str, Any]
    gate: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    result: Mapping[str, Any] | None
    evaluation: Evaluation | None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.run.path.resolve().name

    @property
    def network(self) -> str:
        """The network's class, or what was asked for where that is not known."""
        return str(self.environment.get("model", {}).get("class") or self.config.target.rpartition(":")[2])

    @property
    def data_name(self) -> str:
        """What it was trained on."""
        return str(self.environment.get("data", {}).get("name") or self.config.data)

    @property
    def report(self) -> Mapping[str, Any] | None:
        """The report of the network that rfkit made (schema ``rfkit.report/1``); None where the gate has none."""
        networks = [each for each in self.gate.get("networks", ()) if each.get("report")]
        mine = [each for each in networks if each.get("target") == self.config.target]
        return next((each["report"] for each in [*mine, *networks]), None)

    @property
    def best_epoch(self) -> Mapping[str, Any] | None:
        """The record of the epoch that did best on the validation images."""
        return self.history[self.history[-1]["best_epoch"] - 1] if self.history else None


def read_record(folder: Path) -> Record:
    """Read a run folder.

    Raises:
        TrainerError: it is none, or one of its files is damaged; the message names it.
    """
    run = RunFolder(folder)
    if not folder.is_dir():
        raise TrainerError(f"there is no run folder {folder}")
    return Record(
        run=run,
        config=run.read_config(),
        environment=run.read_json(run.environment) or {},
        gate=run.read_json(run.gate) or {},
        history=tuple(run.read_lines(run.metrics)),
        result=run.read_json(run.result),
        evaluation=read_evaluation(run, "test", "best"),
    )
