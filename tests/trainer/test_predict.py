"""Images from anywhere are classified as the network classifies its own; a broken one is named and costs only itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.trainer.trainings import images, settings
from trainer.cli import main
from trainer.evaluation.evaluate import evaluate
from trainer.progress import Progress
from trainer.record import read_record
from trainer.train import fit


@pytest.fixture
def pictures(trained_run: Path) -> list[Path]:
    """Two test images of each class."""
    root = trained_run.parent / "images" / "test"
    return sorted(path for path in root.rglob("*.png") if path.stem in ("000", "001"))


def predictions(trained_run: Path, capsys: pytest.CaptureFixture[str], *words: object) -> list[dict[str, object]]:
    assert main(["predict", str(trained_run), *map(str, words), "--format", "json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["predictions"]
    return found


def test_a_test_image_gets_the_probabilities_of_the_evaluation(
    trained_run: Path, its_cache: None, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluate(read_record(trained_run), print)
    capsys.readouterr()
    for number, said in enumerate(predictions(trained_run, capsys, *pictures, "--top", 3)):
        row = 24 * (number // 2) + number % 2  # 24 images of each class, in the order of their names
        chances = dict(zip(found.classes, found.probabilities[row].tolist(), strict=True))
        guesses = {guess["name"]: guess["probability"] for guess in said["guesses"]}  # type: ignore[attr-defined]
        assert guesses == pytest.approx(chances, abs=1e-5)
        assert list(guesses.values()) == sorted(guesses.values(), reverse=True)


def test_an_image_of_another_size_mode_and_kind_is_taken(
    trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGBA", (50, 31), (250, 10, 10, 255)).save(tmp_path / "red.webp")
    (said,) = predictions(trained_run, capsys, tmp_path / "red.webp", "--top", 1)
    assert [guess["name"] for guess in said["guesses"]] == ["red"]  # type: ignore[attr-defined]


def test_lines_for_people_line_up(trained_run: Path, pictures: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(trained_run), *map(str, pictures), "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(pictures)
    for path, line in zip(pictures, lines, strict=True):
        assert line.startswith(f" {path} ")
        assert line.count("%") == 2


def test_broken_images_are_named_and_the_others_classified(
    trained_run: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("no image")
    words = [str(tmp_path / "text.png"), str(pictures[0]), str(tmp_path / "nix.png"), str(tmp_path)]
    assert main(["predict", str(trained_run), *words]) == 2
    found = capsys.readouterr()
    assert found.out.startswith(f" {pictures[0]} ")
    assert found.out.count("\n") == 1
    assert found.err.splitlines() == [
        f"trainer: {tmp_path / 'text.png'}: it is no image",
        f"trainer: {tmp_path / 'nix.png'}: no such file or directory",
        f"trainer: {tmp_path}: it is a folder; name the images in it, e.g. {tmp_path / '*.png'}",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--top", "0"], "--top 0: name at least 1 class"), (["--weights", "bst"], "did you mean best?")],
)
def test_what_cannot_be_is_one_line(
    words: list[str], message: str, trained_run: Path, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(trained_run), str(pictures[0]), *words]) == 2
    found = capsys.readouterr()
    assert message in found.err
    assert found.err.count("\n") == 1


def test_a_network_of_images_that_are_not_square_cuts_others_to_their_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    for path in images(tmp_path / "images").rglob("*.png"):
        Image.open(path).resize((12, 8)).save(path)
    assert fit(settings(tmp_path, epochs=6, lr=0.3, augment="flip-crop"), Progress()).exit_code == 0
    wide = Image.new("RGB", (90, 40), "blue")
    wide.paste("red", (0, 0, 60, 40))  # of 90 columns, 60 are left, of which 45 are red
    wide.save(tmp_path / "wide.png")
    (said,) = predictions(tmp_path / "run", capsys, tmp_path / "wide.png")
    assert said["guesses"][0]["name"] == "red"  # type: ignore[index]
