"""An evaluation is what the training itself measured, is kept without pickles, and knows which weights it is of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainer.runs import evaluation, run_folder
from tests.trainer.trainings import NETWORK, settings
from trainer.cli import main
from trainer.errors import TrainerError
from trainer.evaluation.evaluate import evaluate, log_softmax
from trainer.progress import Progress
from trainer.record import read_record
from trainer.run import RunFolder
from trainer.stored_evaluation import checkpoint_sum, read_evaluation, write_evaluation
from trainer.train import fit
from trainer.trained import load_trained


@pytest.fixture
def run(trained_run: Path, its_cache: None, tmp_path: Path) -> Path:
    """A copy of the trained run, not evaluated yet."""
    copy = shutil.copytree(trained_run, tmp_path / "copy")
    shutil.rmtree(copy / "evaluation", ignore_errors=True)
    return copy


@pytest.mark.parametrize("weights", ["best", "last"])
def test_it_measures_what_the_training_measured(run: Path, weights: str) -> None:
    record = read_record(run)
    assert record.result is not None
    found = evaluate(record, print, weights=weights)
    assert found.accuracy == pytest.approx(record.result["test"][weights]["accuracy"])
    assert found.loss == pytest.approx(record.result["test"][weights]["loss"], rel=1e-5)


def test_of_the_validation_images_too(run: Path) -> None:
    record = read_record(run)
    best = record.best_epoch
    assert best is not None
    assert evaluate(record, print, split="validation").accuracy == pytest.approx(best["validation_accuracy"])


def test_it_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    run = RunFolder(run_folder(tmp_path / "run", evaluated=False))
    assert read_evaluation(run, "test", "best") is None
    stored = evaluation()
    write_evaluation(run, stored)
    found = read_evaluation(run, "test", "best")
    assert found is not None
    assert found.errors is not None
    assert stored.errors is not None
    for name in ("labels", "probabilities"):
        assert np.array_equal(getattr(found, name), getattr(stored, name))
    for name in ("rows", "images", "maps"):
        assert np.array_equal(getattr(found.errors, name), getattr(stored.errors, name))
    assert (found.loss, found.classes, found.errors.names) == (stored.loss, stored.classes, stored.errors.names)


def test_nothing_in_it_is_a_pickle(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run") / "evaluation"
    for path in folder.glob("*.npy"):
        assert np.load(path, allow_pickle=False) is not None
    assert {path.suffix for path in folder.iterdir()} == {".npy", ".json"}


@pytest.mark.parametrize("name", ["json", "labels.npy", "probabilities.npy", "errors.npy"])
def test_a_damaged_one_counts_as_none(tmp_path: Path, name: str) -> None:
    folder = run_folder(tmp_path / "run")
    path = folder / "evaluation" / f"best-test.{name}"
    path.write_bytes(path.read_bytes()[:20])
    assert read_evaluation(RunFolder(folder), "test", "best") is None


def test_the_checksum_of_a_checkpoint_is_read_without_its_tensors(trained_run: Path) -> None:
    from safetensors import safe_open

    path = RunFolder(trained_run).best
    with safe_open(path, "pt") as file:
        assert checkpoint_sum(path) == file.metadata()["crc32"]
    assert checkpoint_sum(trained_run / "none.safetensors") is None


def test_log_softmax_is_that_of_torch() -> None:
    scores = np.random.default_rng(0).normal(0, 200, (5, 7))
    np.testing.assert_allclose(log_softmax(scores), torch.log_softmax(torch.from_numpy(scores), 1).numpy(), rtol=1e-12)


def test_mistakes_have_images_names_and_maps_that_agree_with_the_split(run: Path) -> None:
    from PIL import Image

    found = evaluate(read_record(run), print)
    errors = found.errors
    assert errors is not None
    assert 0 < len(errors.rows) <= 20
    root = Path(read_record(run).config.data.removeprefix("folder:"))
    for row, name, pixels in zip(errors.rows, errors.names, errors.images, strict=True):
        with Image.open(root / name) as image:
            assert np.array_equal(np.asarray(image), pixels)
        assert Path(name).parent.name == found.classes[found.labels[row]]
        assert found.predicted[row] != found.labels[row]
    assert errors.maps is not None
    assert errors.maps.shape == (len(errors.rows), 2, 4, 4)
    assert errors.layer == "features.3"


def test_a_network_whose_source_has_changed_is_taken_from_the_runs_copy(run: Path, tmp_path: Path) -> None:
    record = read_record(run)
    source = Path(record.environment["model"]["source"])
    said: list[str] = []
    try:
        source.write_text(NETWORK.replace("stride=2", "stride=1"), encoding="utf-8")
        changed = load_trained(record, "best", said.append)
    finally:
        source.write_text(NETWORK, encoding="utf-8")
    assert changed.model.features[0].stride == (2, 2)
    assert len(said) == 1
    assert "model_source.py" in said[0]
    assert load_trained(record, "best", said.append).model.features[0].stride == (2, 2)
    assert len(said) == 1


def test_weights_of_another_network_are_refused_in_a_line(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text(NETWORK.replace("8", "9"), encoding="utf-8")
    with pytest.raises(TrainerError, match=r"do not fit .*other\.py:Tiny") as raised:
        load_trained(read_record(run), "best", print, target=f"{other}:Tiny")
    assert "\n" not in str(raised.value)


def test_the_command_prints_the_classes_and_keeps_what_it_found(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run)]) == 0
    text = capsys.readouterr().out
    accuracy = json.loads((run / "result.json").read_text())["test"]["best"]["accuracy"]
    assert text.startswith(f"best weights on 72 test images: accuracy {accuracy:.2f}%, loss ")
    assert [line.split()[:2] for line in text.splitlines()[3:6]] == [["blue", "24"], ["green", "24"], ["red", "24"]]
    assert (run / "evaluation" / "best-test.json").is_file()
    assert main(["evaluate", str(run), "--format", "json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert sum(map(sum, value["confusion"])) == 72
    stored = json.loads((run / "evaluation" / "best-test.json").read_text())
    assert {key: stored[key] for key in value} == value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "tset"], "did you mean test?"),
        (["--weights", "worst"], "is not one of best, last"),
        (["--layer", "featurs.0"], "did you mean features.0"),
        (["--layer", "head"], "Grad-CAM needs a feature map"),
        (["--target", "nix.py:Tiny"], "nix.py"),
        (["--device", "gpu"], "--device 'gpu' is not one of auto, cpu, cuda, mps"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run), *words]) == 2
    found = capsys.readouterr()
    assert message in found.err
    assert found.err.count("\n") == 1
    assert found.out == ""


def test_a_run_without_its_best_weights_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RunFolder(run).best.unlink()
    assert main(["evaluate", str(run)]) == 2
    assert "has no best weights yet" in capsys.readouterr().err


def test_averaged_weights_are_evaluated_by_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    fit(settings(tmp_path, ema=0.9, epochs=2), Progress())
    record = read_record(tmp_path / "run")
    assert record.result is not None
    for weights, name in (("best", "best"), ("last", "last"), ("ema", "last_ema")):
        assert evaluate(record, print, weights=weights).accuracy == pytest.approx(
            record.result["test"][name]["accuracy"]
        )
        assert (tmp_path / "run" / "evaluation" / f"{weights}-test.json").is_file()
    assert not torch.equal(
        load_trained(record, "ema", print).model.head.weight,  # type: ignore[arg-type, union-attr]
        load_trained(record, "last", print).model.head.weight,  # type: ignore[arg-type, union-attr]
    )


def test_a_run_without_averaged_weights_has_none(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--weights", "ema"]) == 2
    assert capsys.readouterr().err == f"trainer: {run} has no averaged weights: it was trained without --ema\n"


@pytest.fixture
def moved(run: Path, trained_run: Path, tmp_path: Path) -> Path:
    """The run's images in another place; in the run's settings they are where they are no longer."""
    config = run / "config.toml"
    there = str(trained_run.parent / "images")
    assert there in config.read_text(encoding="utf-8")
    config.write_text(config.read_text(encoding="utf-8").replace(there, str(tmp_path / "gone")), encoding="utf-8")
    return shutil.copytree(there, tmp_path / "moved")


def test_data_that_moved_is_found_where_it_is_said_to_be(
    run: Path, moved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"trainer: {tmp_path / 'gone'}, on which the run was trained, is not here; name it where it is"
    )
    assert main(["evaluate", str(run), "--data", f"folder:{moved}", "--format", "json"]) == 0
    record = read_record(run)
    assert record.result is not None
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == pytest.approx(record.result["test"]["best"]["accuracy"])
    assert read_evaluation(RunFolder(run), "test", "best") is not None


def test_other_data_is_measured_and_not_taken_for_the_run_s(
    run: Path, moved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (moved / "test" / "red" / "000.png").unlink()
    assert main(["evaluate", str(run), "--data", f"folder:{moved}", "--format", "json"]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out)["images"] == 3 * 24 - 1
    assert "is not the data of the run, so this is not stored in it" in found.err
    assert read_evaluation(RunFolder(run), "test", "best") is None


@pytest.mark.parametrize("spoil", ["classes", "size"])
def test_data_that_does_not_fit_the_network_is_one_line(
    spoil: str, run: Path, moved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if spoil == "classes":
        for split in ("train", "test"):
            (moved / split / "red").rename(moved / split / "rot")
        message = "moved has other classes than the run was trained on: blue, green, rot, not blue, green, red"
    else:
        for path in moved.rglob("*.png"):
            Image.open(path).resize((6, 9)).save(path)
        message = "moved has images of 9x6x3 (height, width, channels), the run was trained on 8x8x3"
    assert main(["evaluate", str(run), "--data", f"folder:{moved}"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"trainer: {message}"


def test_a_full_disk_does_not_withhold_the_result(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise TrainerError("cannot write best-test.json: no space left on device; what was there is untouched")

    monkeypatch.setattr("trainer.evaluation.evaluate.write_evaluation", full)
    assert main(["evaluate", str(run)]) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("best weights on ")
    assert shown.err.splitlines()[-1].startswith("trainer: cannot write best-test.json: no space left on device")
