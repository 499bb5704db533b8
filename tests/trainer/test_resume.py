"""A training that is killed and goes on ends in the very bits of one that was never stopped.

``RFKIT_KILLS=20`` kills it that often; a few times suffice to keep the suite short.
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from tests.trainer.trainings import begin, go_on, settings, timeless
from trainer.checkpoint import read_checkpoint
from trainer.config import Config
from trainer.errors import TrainerError
from trainer.progress import Progress
from trainer.run import RunFolder
from trainer.train import fit, resume

KILLS = int(os.environ.get("RFKIT_KILLS", "4"))
WAIT = 120


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))


def outcome(folder: Path) -> tuple[Any, ...]:
    """All that a training leaves, but for times: weights, the state, the best weights, the lines, the result's figures."""
    run = RunFolder(folder)
    weights, state = read_checkpoint(run.last)
    best, about = read_checkpoint(run.best)
    state["position"].pop("seconds")
    state["history"] = timeless(state["history"])
    state.pop("epoch_began")
    assert not list(folder.rglob("*.part")), "a killed process's unfinished files are still there"
    return (
        bits(weights),
        plain(state),
        bits(best),
        timeless([about["record"]]),
        timeless(run.read_lines(run.metrics)),
        run.read_lines(run.steps),
        (folder / "result.json").read_text(encoding="utf-8").split('"test":')[1],
    )


def bits(tensors: dict[str, torch.Tensor]) -> dict[str, bytes]:
    return {name: tensor.reshape(-1).view(torch.uint8).numpy().tobytes() for name, tensor in tensors.items()}


def plain(value: Any) -> Any:
    """A state whose tensors are bytes, so that it can be compared."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), bits({"": value})[""]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def ended(process: Any) -> int:
    process.join(WAIT)
    assert process.exitcode is not None, "the training hangs"
    return int(process.exitcode)


def killed_while_it_trains(process: Any, run: RunFolder, steps: int, slow: float) -> bool:
    """Send SIGKILL once the run exists, within the time that so many steps take; whether it came before the end."""
    until = time.monotonic() + WAIT
    while not run.last.exists() and process.is_alive():
        assert time.monotonic() < until, "the training does not begin"
        time.sleep(0.005)
    time.sleep(steps * slow * random.random() * 1.5)
    process.kill()
    process.join()
    return bool(process.exitcode == -signal.SIGKILL)


VARIANTS = {
    "sgd with dropout, mixing and averaging": {"ema": 0.9, "mixup": 0.4, "cutmix": 0.4, "label_smoothing": 0.1},
    "adamw, workers, a saved state after every step": {
        "optimizer": "adamw",
        "augment": "flip-crop",
        "workers": 1,
        "save_every": "0.001s",
        "log_steps": True,
        "clip": 1.0,
    },
    "muon, augmented in batches where the step runs": {
        "optimizer": "muon",
        "augment": "flip-crop, rotation, coarse-dropout",
        "augment_on": "device",
        "save_every": "0.001s",
    },
}


@pytest.mark.parametrize("changed", VARIANTS.values(), ids=VARIANTS.keys())
def test_killed_at_random_moments_it_ends_in_the_same_bits(tmp_path: Path, changed: dict[str, Any]) -> None:
    config = settings(tmp_path, **changed)
    assert ended(begin(config)) == 0
    undisturbed = outcome(tmp_path / "run")

    config = replace(config, run=str(tmp_path / "killed"))
    run, slow = RunFolder(tmp_path / "killed"), 0.005 * KILLS
    process, killed = begin(config, slow), 0
    for _ in range(KILLS):
        killed += killed_while_it_trains(process, run, 18 // 2, slow)
        process = go_on(run.path, slow)
    assert killed > KILLS / 2
    assert ended(process) == 0
    assert outcome(run.path) == undisturbed


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("write", [2, 3, 4])
def test_killed_while_a_checkpoint_is_written_it_ends_in_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, write: int
) -> None:
    config = settings(tmp_path, epochs=2)
    fit(config, Progress())
    undisturbed = outcome(tmp_path / "run")

    real, calls = getattr(os, call), []

    def killed(*arguments: Any) -> Any:
        name = os.readlink(f"/proc/self/fd/{arguments[0]}") if call == "fsync" else str(arguments[1])
        if ".safetensors" in name:
            calls.append(name)
            if len(calls) == write:
                raise KeyboardInterrupt  # nothing after this point happens, as with SIGKILL
        return real(*arguments)

    monkeypatch.setattr(os, call, killed)
    with pytest.raises(KeyboardInterrupt):
        fit(replace(config, run=str(tmp_path / "killed")), Progress())
    monkeypatch.setattr(os, call, real)
    resume(tmp_path / "killed", {}, Progress())
    assert outcome(tmp_path / "killed") == undisturbed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    config = settings(tmp_path, epochs=2)
    fit(config, Progress())
    undisturbed = outcome(tmp_path / "run")

    said: list[str] = []

    class Signalled(Progress):
        steps = 0

        def say(self, text: str) -> None:
            said.append(text)

        def step(self, tally: object, done: float) -> None:
            self.steps += 1
            if self.steps == 9:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    stopped = fit(replace(config, run=str(tmp_path / "stopped")), Signalled())
    assert stopped.exit_code == 128 + number
    assert signal.getsignal(number) is before
    assert said[-1] == f"stopped at epoch 2, after batch 3; go on with: trainer fit --resume {tmp_path / 'stopped'}"
    _, state = read_checkpoint(RunFolder(tmp_path / "stopped").last)
    assert (state["position"]["epoch"], state["position"]["batch"]) == (1, 3)
    resume(tmp_path / "stopped", {}, Progress())
    assert outcome(tmp_path / "stopped") == undisturbed


def test_more_epochs_of_a_run_that_is_done(tmp_path: Path) -> None:
    config = settings(tmp_path, epochs=1, schedule="constant")
    fit(config, Progress())
    resumed = resume(tmp_path / "run", {"epochs": 3}, Progress())
    fit(replace(config, run=str(tmp_path / "three"), epochs=3), Progress())
    assert resumed.record["epochs"] == 3
    assert outcome(tmp_path / "run") == outcome(tmp_path / "three")
    assert RunFolder(tmp_path / "run").read_config().epochs == 3


def test_what_would_make_it_another_run_cannot_be_changed(tmp_path: Path) -> None:
    fit(settings(tmp_path, epochs=1), Progress())
    with pytest.raises(TrainerError, match=r"--batch-size cannot be changed when a run goes on; these can: .*--epochs"):
        resume(tmp_path / "run", {"batch_size": 4}, Progress())


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-50] ^= 1
    path.write_bytes(data)


def foreign(path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, path)


def pickled(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, "is damaged or not a checkpoint"),
        (one_bit, "its tensors do not match their checksum"),
        (foreign, "is not a checkpoint of trainer, but another safetensors file"),
        (pickled, "is damaged or not a checkpoint"),
        (empty, "is damaged or not a checkpoint"),
        (Path.unlink, "there is no checkpoint"),
    ],
)
def test_a_state_that_cannot_be_used_is_named_and_left_alone(tmp_path: Path, spoil: Any, said: str) -> None:
    config = settings(tmp_path, epochs=1)
    fit(config, Progress())
    last = RunFolder(tmp_path / "run").last
    spoil(last)
    before = last.read_bytes() if last.exists() else None
    with pytest.raises(TrainerError, match=said) as caught:
        resume(tmp_path / "run", {}, Progress())
    assert str(last) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (last.read_bytes() if last.exists() else None) == before


def test_the_state_of_another_network_is_refused(tmp_path: Path) -> None:
    config = settings(tmp_path, epochs=1)
    fit(config, Progress())
    source = tmp_path / "tiny.py"
    source.write_text(source.read_text(encoding="utf-8").replace("8", "16"), encoding="utf-8")
    with pytest.raises(TrainerError, match=r"is the state of another network or training: .*size mismatch"):
        resume(tmp_path / "run", {}, Progress())


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"is not a run folder: it has no config.toml"):
        resume(tmp_path, {}, Progress())


def test_a_checkpoint_holds_nothing_that_is_unpickled(tmp_path: Path) -> None:
    fit(settings(tmp_path, epochs=1), Progress())
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        with safe_open(path, "pt") as file:
            assert file.metadata()["schema"] == "trainer.checkpoint/1"


def test_settings_of_a_run_read_back_as_they_were_stored(tmp_path: Path) -> None:
    fit(settings(tmp_path, epochs=1), Progress())
    config: Config = RunFolder(tmp_path / "run").read_config()
    assert (config.epochs, config.batch_size, config.precision, config.run) == (1, 8, "float32", str(tmp_path / "run"))
