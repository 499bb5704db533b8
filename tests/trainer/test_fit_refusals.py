"""What goes wrong, as the command line tells it: one line, its exit code, and nothing overwritten."""

from __future__ import annotations

import errno
import os
import signal
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


def test_another_target_cannot_go_on_with_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(tmp_path)) == 0
    assert main(["fit", "other.py:Net", "--resume", "run"]) == 2
    assert "trainer: TARGET cannot be changed when a run goes on" in capsys.readouterr().err


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
