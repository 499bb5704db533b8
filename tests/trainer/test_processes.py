"""Two processes over gloo, as ``torchrun`` and ``accelerate launch`` start them, train as one with twice the batch does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.test_resume import outcome
from tests.trainer.trainings import NETWORK, in_two, network, settings
from trainer.checkpoint import read_checkpoint
from trainer.config import Config, to_toml
from trainer.progress import Progress
from trainer.run import RunFolder
from trainer.train import fit, resume

pytest.importorskip("accelerate")
LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", "trainer", "fit"],
    "accelerate": ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "-m", "trainer", "fit"],
}
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))


def config(folder: Path, **changed: Any) -> Config:
    """Without dropout and batch norm, which draw and count for each process on its own."""
    target = network(folder, NETWORK.replace("Dropout(0.1)", "Dropout(0.0)"))
    changed = {
        "augment": "flip-crop",
        "augment_on": "device",
        "schedule": "constant",
        "lr": 0.05,
        "batch_size": 16,
        **changed,
    }
    return settings(folder, target=target, arguments=("norm=False",), **changed)


def in_two_processes(launcher: str, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    launch = [sys.executable, "-m", *LAUNCHERS[launcher], *words]
    done = subprocess.run(launch, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def curve(folder: Path) -> list[Any]:
    run = RunFolder(folder)
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    return [pytest.approx([record[name] for name in names], rel=1e-4) for record in run.read_lines(run.metrics)]


def figures(folder: Path) -> list[list[float]]:
    run = RunFolder(folder)
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    return [[record[name] for name in names] for record in run.read_lines(run.metrics)]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_make_the_steps_of_one_and_one_of_them_writes(tmp_path: Path, launcher: str) -> None:
    fit(config(tmp_path, report=True), Progress())
    recipe = tmp_path / "recipe.toml"
    two_of = config(tmp_path, batch_size=8, run=str(tmp_path / "two"), report=True)
    recipe.write_text(to_toml(two_of), encoding="utf-8")
    said = in_two_processes(launcher, "--config", str(recipe))
    for line in ("epoch 3/3", "test accuracy: ", "figures and a page to hand in: "):
        assert said.count(line) == 1
    assert figures(tmp_path / "two") == curve(tmp_path / "run")
    one, two = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "two")
    assert [record["images"] for record in two.read_lines(two.metrics)] == [48, 48, 48]
    names = [sorted(path.relative_to(run.path) for path in run.path.rglob("*")) for run in (one, two)]
    assert names[0] == names[1]


KILLED = """self.seen = getattr(self, "seen", 0) + self.training
        if self.seen == 12:
            import os
            os.kill(os.getpid(), 9)
        return self.head"""


def test_two_processes_that_are_killed_within_an_epoch_end_in_the_same_bits(tmp_path: Path) -> None:
    """With dropout and batch norm, of which each process has its own; two processes agree every ten steps."""
    changed: dict[str, Any] = {"augment": "flip-crop", "augment_on": "device", "batch_size": 2, "save_every": "0.001s"}
    changed |= {"device": "auto"} if not torch.cuda.is_available() else {}  # which has to be the CPU for both
    undisturbed = settings(tmp_path, epochs=2, **changed)
    assert in_two(undisturbed) == [0, 0]
    killed = settings(tmp_path, epochs=2, run=str(tmp_path / "killed"), **changed)
    target = network(tmp_path, NETWORK.replace("return self.head", KILLED))
    assert in_two(replace(killed, target=target)) == [-9, -9]
    _, state = read_checkpoint(RunFolder(tmp_path / "killed").last)
    assert (state["position"]["step"], len(state["tally"]["sums"])) == (10, 2)
    network(tmp_path)
    assert in_two(folder=tmp_path / "killed") == [0, 0]
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "run")


def test_a_run_goes_on_from_one_process_to_two_and_back(tmp_path: Path) -> None:
    fit(config(tmp_path), Progress())
    moved = config(tmp_path, epochs=1, run=str(tmp_path / "moved"))
    fit(moved, Progress())
    in_two_processes("torchrun", "--resume", str(tmp_path / "moved"), "--epochs", "2")
    resume(tmp_path / "moved", {"epochs": 3}, Progress())
    assert figures(tmp_path / "moved") == curve(tmp_path / "run")
