"""What goes wrong, as the command line tells it: one line, its exit code, and nothing overwritten."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.trainer.trainings import NETWORK, images, network, settings
from trainer.checkpoint import read_checkpoint
from trainer.cli import main
from trainer.config import to_toml
from trainer.run import RunFolder


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def command(folder: Path, *words: str, **changed: Any) -> list[str]:
    """A training of moments as a command line; what is made of it lies in `run`."""
    config = settings(folder, **{"epochs": 1, "data": "folder:images", "run": "run", **changed})
    (folder / "recipe.toml").write_text(to_toml(config), encoding="utf-8")
    return ["fit", "--config", "recipe.toml", *words]


def red(folder: Path) -> Path:
    return folder / "images" / "train" / "red"


def empty_class(folder: Path) -> None:
    for path in red(folder).iterdir():
        path.unlink()


def one_class(folder: Path) -> None:
    for split in ("train", "test"):
        for name in ("green", "blue"):
            for path in (folder / "images" / split / name).iterdir():
                path.unlink()
            (folder / "images" / split / name).rmdir()


def broken_image(folder: Path) -> None:
    (red(folder) / "003.png").write_bytes(b"no image")


def another_size(folder: Path) -> None:
    Image.new("RGB", (9, 8)).save(red(folder) / "odd.png")


def nothing(_: Path) -> None:
    pass


WRONG: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "an empty class": (empty_class, [], "red"),
    "one class only": (one_class, [], "has one class only, red: two or more are needed"),
    "a broken image": (
        broken_image,
        [],
        "1 image cannot be read: train/red/003.png (it is no image); --skip-bad-images",
    ),
    "images of different sizes": (another_size, [], "train/red/odd.png is 9x8; --size 8 brings all of them to 8x8"),
    "a batch beyond the data": (nothing, ["--batch-size", "55"], "--batch-size 55: there are only 54 training images"),
    "other classes": (nothing, ["--arg", "num_classes=10"], "gives 2x10 for 2 images, expected 2x3"),
    "grey images": (nothing, ["--channels", "1"], "grey images become colour by --channels 3, or give the network an"),
    "two channels": (nothing, ["--channels", "2"], "--channels 2 must be 3 for colour or 1 for grey"),
    "no such data": (nothing, ["--data", "cifar11"], "did you mean cifar10?"),
    "no such policy": (nothing, ["--augment", "assigment"], 'did you mean "assignment"?'),
    "too large a hole": (
        nothing,
        ["--augment", "assignment"],
        "a hole of 16×16 pixels does not fit into images of 8×8",
    ),
    "no such place": (nothing, ["--augment-on", "devise"], "did you mean device?"),
    "no such option": (nothing, ["--epoch", "3"], "no option --epoch; did you mean --epochs?"),
}


@pytest.mark.parametrize(("spoil", "words", "said"), WRONG.values(), ids=WRONG.keys())
def test_it_is_one_line_and_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], words: list[str], said: str
) -> None:
    images(tmp_path / "images")
    spoil(tmp_path)
    assert main(command(tmp_path, *words)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("trainer: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_broken_images_are_counted_and_left_out_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images(tmp_path / "images")
    broken_image(tmp_path)
    assert main(command(tmp_path, "--skip-bad-images")) == 0
    assert "1 image left out that cannot be read: train/red/003.png (it is no image)" in capsys.readouterr().out


def test_images_of_different_modes_train_together(tmp_path: Path) -> None:
    images(tmp_path / "images")
    for number, mode in enumerate(("L", "RGBA", "P", "1", "CMYK")):
        path = red(tmp_path) / f"{number:03}.png"
        converted = Image.open(path).convert(mode)
        path.unlink()
        converted.save(path.with_suffix(".tif"))
    assert main(command(tmp_path)) == 0


def test_grey_images_train_a_network_of_one_channel_or_of_three(tmp_path: Path) -> None:
    grey = network(tmp_path, NETWORK.replace("Conv2d(3,", "Conv2d(1,"))
    assert main(command(tmp_path, target=grey, channels=1)) == 0
    for path in (tmp_path / "images").rglob("*.png"):
        Image.open(path).convert("L").save(path)
    assert main(command(tmp_path, target=network(tmp_path), channels=3, run="other")) == 0


@pytest.mark.parametrize("spoiled", [lambda data: data[:-100], lambda _: b"a file of someone else", lambda _: b""])
def test_a_state_that_cannot_be_used_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoiled: Callable[[bytes], bytes]
) -> None:
    assert main(command(tmp_path)) == 0
    capsys.readouterr()
    last = RunFolder(Path("run")).last
    last.write_bytes(spoiled(last.read_bytes()))
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert main(["fit", "--resume", "run", "--epochs", "2"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"trainer: {last} is damaged or not a checkpoint: ")
    assert error.count("\n") == 1
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


def test_a_run_that_goes_on_says_what_has_changed_since_it_began(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path)) == 0
    capsys.readouterr()
    network(tmp_path, NETWORK.replace("stride=2", "stride=1"))
    Image.new("RGB", (8, 8)).save(red(tmp_path) / "000.png")
    assert main(["fit", "--resume", "run", "--epochs", "2"]) == 0
    said = capsys.readouterr().out
    assert "tiny.py has changed since this run began, which goes on with it; run/model_source.py is as it was" in said
    assert "images has changed since this run began, which goes on with it: images, names or labels" in said


def test_a_run_folder_that_is_taken_is_named_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("kept", encoding="utf-8")
    assert main(command(tmp_path, data="folder:gone")) == 2
    assert capsys.readouterr().err.startswith("trainer: --run run exists already; name another")
    assert main(command(tmp_path, run="tiny.py")) == 2
    assert capsys.readouterr().err == "trainer: --run tiny.py is a file; name a folder\n"


def test_another_network_and_other_images_cannot_go_on_with_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path)) == 0
    capsys.readouterr()
    assert main(["fit", "other.py:Net", "--resume", "run"]) == 2
    assert "other.py" in capsys.readouterr().err
    Path("other.py").write_text(NETWORK.replace("8, 3, stride=2", "8, 5, stride=2"), encoding="utf-8")
    assert main(["fit", "other.py:Tiny", "--resume", "run", "--epochs", "2"]) == 2
    assert "is the state of another network or training" in capsys.readouterr().err
    images(tmp_path / "fewer", per_class=20)
    assert main(["fit", "--resume", "run", "--data", "folder:fewer"]) == 2
    assert "--data folder:fewer: these are not the images of this run" in capsys.readouterr().err


def test_a_run_goes_on_where_its_files_have_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("[mirroring, rotation]", encoding="utf-8")
    assert main(command(tmp_path, augment="mine.yaml")) == 0
    capsys.readouterr()
    Path("images").rename("moved")
    assert main(["fit", "--resume", "run", "--epochs", "2"]) == 2
    assert capsys.readouterr().err == (
        "trainer: images, the images of this run, is gone; --data folder:PATH says where they are now\n"
    )
    Path("mine.yaml").unlink()
    Path("tiny.py").rename("net.py")
    assert main(["fit", "--resume", "run", "--epochs", "2", "--data", "folder:moved"]) == 0
    said = capsys.readouterr().out
    assert "tiny.py any more; going on with the run's copy, run/model_source.py" in said
    assert "there is no mine.yaml any more; going on with the run's copy, run/augmentation_source.yaml" in said
    assert main(["fit", "net.py:Tiny", "--resume", "run", "--epochs", "3"]) == 0
    assert "changed" not in capsys.readouterr().out
    Path("run/augmentation_source.yaml").write_text("[mirroring]", encoding="utf-8")
    assert main(["fit", "--resume", "run", "--epochs", "4"]) == 0
    assert "augmentation_source.yaml has changed since this run began, which goes on with it" in capsys.readouterr().out


def test_one_process_at_a_time_trains_in_a_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(tmp_path)) == 0
    before = RunFolder(Path("run")).metrics.read_bytes()
    with RunFolder(Path("run")).held():
        assert main(["fit", "--resume", "run", "--epochs", "2"]) == 2
    assert capsys.readouterr().err == "trainer: another process is training in run; wait for its end, or stop it\n"
    assert RunFolder(Path("run")).metrics.read_bytes() == before
    assert main(["fit", "--resume", "run", "--epochs", "2"]) == 0


FAILS = {
    "an error in training": (
        "        assert not (self.training and self.seen > 3), 'no more'",
        "the network fails with AssertionError: no more at step 4: epoch 1, batch 4 (train/",
    ),
    "an exit": (
        "        if self.training and self.seen > 3:\n            raise SystemExit(0)",
        "the network fails with SystemExit: 0 at step 4",
    ),
    "memory": (
        "        if self.training and self.seen > 3:\n            raise MemoryError",
        "a smaller --batch-size needs less memory",
    ),
    "an error in eval mode": (
        "        assert self.training or self.seen < 3, 'not now'",
        "the network fails on the validation images with AssertionError: not now; the last good state is",
    ),
    "not finite in eval mode": (
        "        if not self.training and self.seen > 2:\n            x = x * float('nan')",
        "the loss on the validation images is nan after step 6, though that of the training is finite",
    ),
}


@pytest.mark.parametrize(("line", "said"), FAILS.values(), ids=FAILS.keys())
def test_a_network_that_fails_while_it_trains_is_one_line_and_a_state_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    counted = "        self.seen = getattr(self, 'seen', 0) + self.training\n"
    failing = NETWORK.replace("        return self.head", f"{counted}{line}\n        return self.head")
    assert main(command(tmp_path, target=network(tmp_path, failing))) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("trainer: the ")
    assert "the last good state is run/checkpoints/last.safetensors" in error
    assert error.count("\n") == 1
    assert RunFolder(Path("run")).last.is_file()
    assert not RunFolder(Path("run")).result.exists()


def test_a_network_whose_training_cannot_work_is_refused_before_there_is_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = "        return self.head(self.features(x).mean((2, 3)))"
    both = "        scores = self.head(self.features(x).mean((2, 3)))\n        return (scores, x) if self.training else scores"
    state = "\n    def get_extra_state(self) -> str:\n        return 'mine'\n"
    for source, said in (
        (
            NETWORK.replace(scores, both),
            "gives a tuple in training mode, expected scores; where it has auxiliary outputs",
        ),
        (NETWORK + state, "has a state that is no tensor, _extra_state, which a checkpoint cannot hold"),
        (
            NETWORK.replace(scores, f"        assert not self.training\n{scores}"),
            "fails in training mode with AssertionError",
        ),
    ):
        assert main(command(tmp_path, target=network(tmp_path, source))) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert not Path("run").exists()


def test_a_training_goes_on_when_nobody_reads_its_lines_any_more(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "trainer", *command(tmp_path, epochs=4)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as training:
        assert training.stdout is not None
        assert training.stderr is not None
        training.stdout.readline()
        training.stdout.close()
        assert training.stderr.read() == b""
    assert training.returncode == 0
    assert RunFolder(Path("run")).result.is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout_is_said_once_and_the_training_goes_on(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trainer", *command(tmp_path)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 0
    assert done.stderr == "trainer: cannot write to stdout: no space left on device; the training goes on\n"
    assert RunFolder(Path("run")).result.is_file()


@pytest.mark.parametrize(("file", "write"), [("last.safetensors", 2), ("best.safetensors", 1), ("metrics.jsonl", 2)])
def test_a_full_disk_ends_it_and_there_is_a_state_to_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: str, write: int
) -> None:
    replace, opened, written = os.replace, Path.open, []

    def full(path: object, mode: str = "r") -> None:
        if str(path).endswith(file) and mode in ("a", "replace"):
            written.append(path)
            if len(written) == write:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def replacing(source: Any, target: Any) -> None:
        full(target, "replace")
        replace(source, target)

    def opening(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        full(path, mode)
        return opened(path, mode, *arguments, **named)

    monkeypatch.setattr(os, "replace", replacing)
    monkeypatch.setattr(Path, "open", opening)
    assert main(command(tmp_path, "--epochs", "6", "--lr", "0.3")) == 2
    error = capsys.readouterr().err
    assert error.startswith("trainer: cannot write run/")
    assert "no space left on device" in error
    assert error.count("\n") == 1
    monkeypatch.undo()
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "--resume", "run"]) == 0
    run = RunFolder(Path("run"))
    assert [record["epoch"] for record in run.read_lines(run.metrics)] == [1, 2, 3, 4, 5, 6]
    assert not list(Path("run").rglob("*.part"))


def test_a_loss_that_is_not_a_number_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(tmp_path, "--lr", "1e30", "--schedule", "constant")) == 1
    error = capsys.readouterr().err
    assert error.startswith("trainer: the ")
    assert "the last good state is run/checkpoints/last.safetensors" in error
    assert error.count("\n") == 1
    weights, _ = read_checkpoint(RunFolder(Path("run")).last)
    assert all(value.isfinite().all() for value in weights.values())


def test_a_network_that_the_gate_refuses_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rfkit.toml").write_text('[defaults]\nparams = "< 10"\n', encoding="utf-8")
    assert main(command(tmp_path)) == 1
    assert "--force trains it all the same" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("turned_into", [KeyboardInterrupt, RecursionError])
def test_ctrl_c_is_told_in_every_command_whatever_becomes_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], turned_into: type[BaseException]
) -> None:
    def pressed(_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt as interrupted:
            raise turned_into from interrupted

    monkeypatch.setattr("trainer.record.read_record", pressed)
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)
    assert main(["evaluate", "run"]) == 130
    assert capsys.readouterr().err == "trainer: interrupted\n"
