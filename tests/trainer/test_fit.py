"""What a training leaves behind, and what it says when it cannot be done."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.trainer.trainings import NETWORK, images, network, settings, timeless
from trainer.checkpoint import read_checkpoint
from trainer.cli import main
from trainer.errors import TrainerError, TrainingError
from trainer.model import build
from trainer.progress import Lines, Progress
from trainer.run import RunFolder
from trainer.train import Result, fit
from trainer.train.lr_find import Sweeping, find_lr


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def trained(folder: Path, **changed: Any) -> tuple[Result, list[str]]:
    said: list[str] = []
    return fit(settings(folder, **changed), Lines(said.append)), said


def history(folder: Path, name: str = "run") -> list[dict[str, Any]]:
    run = RunFolder(folder / name)
    return run.read_lines(run.metrics)


def test_a_training_learns_and_its_folder_holds_what_is_documented(tmp_path: Path) -> None:
    result, said = trained(tmp_path, epochs=8, lr=0.3)
    assert result.exit_code == 0
    assert result.record["test"]["best"]["accuracy"] > 60
    page = (Path(__file__).parents[2] / "docs" / "run-folder.md").read_text(encoding="utf-8")
    for path in (tmp_path / "run").rglob("*.*"):
        assert f"`{path.relative_to(tmp_path / 'run').as_posix()}`" in page
    run = RunFolder(tmp_path / "run")
    for file in (run.environment, run.gate, run.result):
        for key in json.loads(file.read_text(encoding="utf-8")):
            assert f"`{key}`" in page, f"{key} of {file.name}"
    for key in history(tmp_path)[0]:
        assert f"`{key}`" in page, key
    assert [line for line in said if line.startswith("epoch ")][-1].startswith("epoch 8/8  loss ")


def test_a_run_that_is_passed_on_names_no_folder_of_the_machine_it_ran_on(tmp_path: Path) -> None:
    trained(tmp_path, epochs=1)
    run = RunFolder(tmp_path / "run")
    about = run.read_json(run.environment)
    assert about is not None
    assert about["model"]["source"] == "tiny.py"
    assert os.sep not in about["command"][0]


def test_the_best_checkpoint_has_the_validation_accuracy_of_its_record(tmp_path: Path) -> None:
    from trainer.data import load_data
    from trainer.machine import Normalize

    result, _ = trained(tmp_path, epochs=4, lr=0.3)
    records = history(tmp_path)
    best = max(records, key=lambda record: record["validation_accuracy"])
    assert (result.record["best_epoch"], result.record["best_validation_accuracy"]) == (
        best["epoch"],
        best["validation_accuracy"],
    )
    config = RunFolder(tmp_path / "run").read_config()
    data = load_data(config.data, tmp_path, validation=0.25, say=lambda _: None)
    model = build(config.target, (), 0).eval()
    model.load_state_dict(read_checkpoint(RunFolder(tmp_path / "run").best)[0])
    for split, accuracy in (
        (data.validation, best["validation_accuracy"]),
        (data.test, result.record["test"]["best"]["accuracy"]),
    ):
        with torch.no_grad():
            scores = model(Normalize(data.mean, data.std, False)(torch.from_numpy(split.images[:])))
        right = scores.argmax(1).numpy() == split.labels
        assert 100 * right.mean() == pytest.approx(accuracy)


def test_the_best_epoch_is_the_one_of_the_lowest_loss_where_that_is_asked_for(tmp_path: Path) -> None:
    result, _ = trained(tmp_path, epochs=6, lr=0.3, choose_by="loss")
    records = history(tmp_path)
    best = min(records, key=lambda record: record["validation_loss"])
    assert result.record["best_epoch"] == best["epoch"] == records[-1]["best_epoch"]
    assert result.record["best_validation_accuracy"] == best["validation_accuracy"] == records[-1]["best_accuracy"]
    _, state = read_checkpoint(RunFolder(tmp_path / "run").best)
    assert state["record"] == best


def test_the_same_settings_give_the_same_training_and_another_seed_another(tmp_path: Path) -> None:
    first, _ = trained(tmp_path, augment="flip-crop")
    again, _ = trained(tmp_path, augment="flip-crop", run=str(tmp_path / "again"))
    assert first.run is not None
    assert again.run is not None
    assert timeless(history(tmp_path)) == timeless(RunFolder(again.run).read_lines(again.run / "metrics.jsonl"))
    assert read_checkpoint(RunFolder(first.run).best)[0].keys() == read_checkpoint(RunFolder(again.run).best)[0].keys()


def test_a_target_accuracy_ends_it(tmp_path: Path) -> None:
    result, _ = trained(tmp_path, epochs=50, target_accuracy=40.0, lr=0.3)
    assert result.record["ended"] == "target accuracy"
    assert result.record["epochs"] < 50
    assert history(tmp_path)[-1]["validation_accuracy"] >= 40


def test_a_time_budget_ends_it_and_the_schedule_with_it(tmp_path: Path) -> None:
    result, _ = trained(tmp_path, epochs=None, time_budget="1s", schedule="linear", deterministic=False)
    assert result.record["ended"] == "time budget"
    assert result.record["seconds"] >= 1
    rates = [record["lr"] for record in history(tmp_path)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05 < rates[0]


def test_the_schedule_moves_both_rates_of_muon(tmp_path: Path) -> None:
    result, _ = trained(tmp_path, optimizer="muon", lr=0.02, adamw_lr=0.004, schedule="linear", epochs=1)
    assert result.run is not None
    _, state = read_checkpoint(RunFolder(result.run).last)
    rates = {group["use_muon"]: group["lr"] for group in state["learner"]["optimizer"]["param_groups"]}
    assert rates[False] == pytest.approx(rates[True] / 5)
    assert 0 < rates[True] < 0.02


def test_averaged_weights_are_what_is_validated_and_kept(tmp_path: Path) -> None:
    result, said = trained(tmp_path, ema=0.9, epochs=2)
    assert {record["validation_weights"] for record in history(tmp_path)} == {"ema"}
    assert result.record["best_weights"] == "ema"
    assert result.record["test"]["last_ema"] is not None
    _, state = read_checkpoint(RunFolder(tmp_path / "run").last)
    best, _ = read_checkpoint(RunFolder(tmp_path / "run").best)
    if result.record["best_epoch"] == 2:
        assert torch.equal(best["head.weight"], state["learner"]["ema"]["head.weight"])
    assert "averaged" in said[-2]


def test_images_are_augmented_on_the_device_on_request_and_on_a_cpu_one_by_one_otherwise(tmp_path: Path) -> None:
    policy = "flip-crop, rotation"
    losses = {}
    for place in ("workers", "device", "auto"):
        run = str(tmp_path / place)
        trained(tmp_path, augment=policy, augment_on=place, epochs=2, run=run)
        losses[place] = [record["train_loss"] for record in history(tmp_path, place)]
        assert RunFolder(Path(run)).read_config().augment_on == ("device" if place == "device" else "workers")
    assert losses["auto"] == losses["workers"] != losses["device"]


def test_a_transform_without_a_form_for_batches_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="--augment-on device: MotionBlur has no form for batches"):
        trained(tmp_path, augment="MotionBlur", augment_on="device")
    assert trained(tmp_path, augment="MotionBlur", epochs=1)[0].exit_code == 0


def test_bfloat16_and_channels_last_train_as_well(tmp_path: Path) -> None:
    result, said = trained(tmp_path, epochs=8, lr=0.3, precision="bfloat16", layout="channels-last")
    assert result.record["test"]["last"]["accuracy"] > 60
    assert any("bfloat16 channels-last" in line for line in said)


def test_the_machine_is_measured_where_nothing_fixes_it(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    trained(tmp_path, epochs=1, deterministic=False, threads=None, precision="auto", layout="auto")
    torch.set_num_threads(before)
    config = RunFolder(tmp_path / "run").read_config()
    assert config.precision in ("float32", "bfloat16")
    assert config.layout in ("channels-last", "contiguous")
    assert config.threads is not None


def test_every_step_is_logged_on_request(tmp_path: Path) -> None:
    trained(tmp_path, epochs=2, log_steps=True)
    run = RunFolder(tmp_path / "run")
    steps = run.read_lines(run.steps)
    assert [record["step"] for record in steps] == list(range(1, history(tmp_path)[-1]["step"] + 1))
    assert steps[-1]["loss"] == history(tmp_path)[-1]["train_loss"]


def test_validating_on_the_test_images_is_said(tmp_path: Path) -> None:
    result, said = trained(tmp_path, epochs=1, validate_on="test")
    assert result.record["chosen_on"] == "test"
    assert result.record["test"]["best"]["accuracy"] == history(tmp_path)[0]["validation_accuracy"]
    assert "chosen on the test images themselves" in said[-2]


def test_a_network_the_gate_refuses_is_not_trained(tmp_path: Path) -> None:
    (tmp_path / "rfkit.toml").write_text('[models.tiny]\ntarget = "tiny.py:Tiny"\nparams = "< 10"\n', encoding="utf-8")
    network(tmp_path)
    result, said = trained(tmp_path, target="tiny")
    assert result.exit_code == 1
    assert not (tmp_path / "run").exists()
    assert "RF" in said[0]
    assert "< 10" in said[0]
    assert said[-1].startswith("tiny is not trained, as the gate refuses it; --force")


def test_force_trains_it_and_marks_the_run(tmp_path: Path) -> None:
    (tmp_path / "rfkit.toml").write_text('[defaults]\nparams = "< 10"\n', encoding="utf-8")
    result, said = trained(tmp_path, force=True, epochs=1)
    assert result.exit_code == 0
    assert result.record["forced"] is True
    assert json.loads((tmp_path / "run" / "gate.json").read_text(encoding="utf-8"))["forced"] is True
    assert "the gate had refused it" in said[-1]


def test_a_network_the_gate_passes_is_trained(tmp_path: Path) -> None:
    (tmp_path / "rfkit.toml").write_text('[defaults]\nparams = "< 1M"\n', encoding="utf-8")
    result, _ = trained(tmp_path, epochs=1)
    assert result.record["forced"] is False
    assert json.loads((tmp_path / "run" / "gate.json").read_text(encoding="utf-8"))["passed"] is True


@pytest.mark.parametrize(
    ("spec", "target", "said"),
    [
        ('baseline = "gone.json"', "tiny.py:Tiny", "no baseline gone.json; rfkit baseline write makes it"),
        ('[models.tiny]\ntarget = "tiny.py:Tiny"\nparams = "< 1M"', "tini", "no network 'tini'; did you mean tiny?"),
    ],
)
def test_a_spec_that_cannot_be_asked_is_not_taken_for_one_that_asks_nothing(
    tmp_path: Path, spec: str, target: str, said: str
) -> None:
    (tmp_path / "rfkit.toml").write_text(spec, encoding="utf-8")
    network(tmp_path)
    with pytest.raises(TrainerError, match=said):
        trained(tmp_path, target=target)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_a_number_stops_it_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    bursting = NETWORK.replace(
        "return self.head",
        "self.seen = getattr(self, 'seen', 0) + self.training\n        x = x / (self.seen < 9)\n        return self.head",
    )
    with pytest.raises(TrainingError) as caught:
        trained(tmp_path, target=network(tmp_path, bursting), lr=0.01)
    assert str(caught.value).startswith("the loss is nan at step 9: epoch 2, batch 3 (")
    assert ".png" in str(caught.value)
    _, state = read_checkpoint(RunFolder(tmp_path / "run").last)
    assert (state["position"]["epoch"], state["position"]["step"]) == (1, 6)


WRONG = {
    "classes": ({"arguments": ("5",)}, r"gives 2x5 for 2 images, expected 2x3: one score .* --arg num_classes=3"),
    "batch": ({"batch_size": 1000}, r"--batch-size 1000: there are only \d+ training images; take a smaller one"),
    "target": ({"target": "absent.py:Net"}, r"absent\.py"),
    "optimizer": ({"optimizer": "sdg"}, r"--optimizer 'sdg': torch.optim has none; did you mean sgd\?"),
    "device": ({"device": "cuda:77"}, r"--device cuda:77: "),
    "data": ({"data": "folder:absent"}, r"absent"),
    "spec": ({"spec": "absent.toml"}, r"absent\.toml"),
}


@pytest.mark.parametrize(("changed", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_trained_is_one_line_and_leaves_nothing(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(TrainerError, match=said) as caught:
        trained(tmp_path, **changed)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_a_network_that_does_not_take_the_images_is_named(tmp_path: Path) -> None:
    target = network(tmp_path, NETWORK.replace("Conv2d(3, 8", "Conv2d(1, 8"))
    with pytest.raises(TrainerError, match="3x8x8"):
        trained(tmp_path, target=target)


def test_a_folder_that_is_not_empty_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(TrainerError, match="exists already; name another, or go on with it: trainer fit --resume"):
        trained(tmp_path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_the_command_line_trains_from_a_file_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images(tmp_path / "images")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"target = '{network(tmp_path)}'\ndata = 'folder:images'\naugment = 'none'\nbatch-size = 8\nworkers = 0\n"
        "epochs = 9\nthreads = 1\nprecision = 'float32'\nreport = false\nlayout = 'contiguous'\n",
        encoding="utf-8",
    )
    assert main(["fit", "--config", str(recipe), "--epochs", "1", "--run", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "epoch 1/1  loss " in shown
    assert "all of it is in mine" in shown
    assert main(["fit", "--resume", "mine", "--epochs", "2"]) == 0
    assert "going on with mine at epoch 2, batch 1" in capsys.readouterr().out
    assert main(["fit", "--config", str(recipe), "--run", "mine"]) == 2
    assert capsys.readouterr().err.startswith("trainer: --run mine exists already")


def test_lr_find_sweeps_the_rates_and_stores_nothing(tmp_path: Path) -> None:
    found = find_lr(settings(tmp_path), lambda _: None, highest=100.0, steps=60)
    assert found.rates == tuple(sorted(found.rates))
    assert found.rates[0] == pytest.approx(1e-5)
    assert min(found.losses) == found.losses[found.rates.index(found.lowest)]
    assert not (tmp_path / "run").exists()


def test_lr_find_suggests_a_tenth_of_the_best_rate_or_nothing_where_the_loss_still_falls_at_the_end() -> None:
    assert Sweeping(rates=(0.1, 1.0, 10.0), losses=(3.0, 1.0, 2.0)).suggestion == pytest.approx(0.1)
    assert Sweeping(rates=(0.1, 1.0, 10.0), losses=(3.0, 2.0, 1.0)).suggestion is None
    assert Sweeping(rates=(0.1, 1.0, 10.0), losses=(3.0, 2.0, 1.0), burst=True).suggestion == pytest.approx(1.0)


def test_tensorboard_reads_the_scalars(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained(tmp_path, epochs=2, tensorboard=True)
    read = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    read.Reload()
    values = [event.value for event in read.Scalars("accuracy/validation")]
    assert values == pytest.approx([record["validation_accuracy"] for record in history(tmp_path)])


def test_nothing_is_shown_where_nothing_is_to_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(settings(tmp_path, epochs=1), Progress())
    assert capsys.readouterr().out == ""


def test_images_of_different_sizes_train_once_a_size_is_given(tmp_path: Path) -> None:
    folder = images(tmp_path / "images")
    Image.new("RGB", (12, 9)).save(folder / "train" / "red" / "odd.png")
    with pytest.raises(TrainerError, match="--size"):
        trained(tmp_path)
    assert trained(tmp_path, size=6, epochs=1)[0].exit_code == 0


WITH_ARGUMENTS = """
[models.plain]
target = "tiny.py:Tiny"
params = "< 1M"

[models.bare]
target = "tiny.py:Tiny"
arguments = {norm = false, num_classes = 3}
params = "< 1M"
"""


def test_arguments_that_stand_in_the_spec_are_those_of_the_network_that_is_trained(tmp_path: Path) -> None:
    (tmp_path / "rfkit.toml").write_text(WITH_ARGUMENTS, encoding="utf-8")
    network(tmp_path)
    assert trained(tmp_path, target="bare", epochs=1)[0].exit_code == 0
    run = RunFolder(tmp_path / "run")
    assert run.read_config().arguments == ("norm=False", "num_classes=3")
    assert not [name for name in read_checkpoint(run.best)[0] if "running" in name]
    assert json.loads(run.gate.read_text(encoding="utf-8"))["networks"][0]["arguments"] == [
        "norm=False",
        "num_classes=3",
    ]


def test_a_target_that_the_spec_has_twice_has_to_be_named(tmp_path: Path) -> None:
    (tmp_path / "rfkit.toml").write_text(WITH_ARGUMENTS, encoding="utf-8")
    network(tmp_path)
    with pytest.raises(
        TrainerError, match=r"tiny.py:Tiny stands in rfkit.toml with different arguments; name one of plain, bare"
    ):
        trained(tmp_path, target="tiny.py:Tiny")


def test_a_run_that_goes_on_has_no_result_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.train import session
    from trainer.train.fit import resume

    trained(tmp_path, epochs=1)
    run, seen, train = RunFolder(tmp_path / "run"), [], session.Session.train

    def watched(going: session.Session) -> None:
        seen.append(run.result.exists())
        train(going)

    monkeypatch.setattr(session.Session, "train", watched)
    resume(run.path, {"epochs": 2}, Lines(lambda _: None))
    assert seen == [False]
    assert (run.read_json(run.result) or {})["epochs"] == 2
