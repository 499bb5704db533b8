from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from trainer.cli import main
from trainer.cli.settings import asked
from trainer.config import Config, duration, from_mapping, option_of, read_toml, to_toml
from trainer.errors import TrainerError


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_settings_go_to_toml_and_back(tmp_path: Path) -> None:
    config = Config(
        "net.py:Net",
        arguments=('name="a\\b"', "0.1"),
        run='ru"ns\tÄ/1',
        clip=1.5,
        time_budget="20m",
        force=True,
        lr=1e-5,
    )
    assert from_mapping(read_toml(written(tmp_path, to_toml(config)))) == config


def test_augmentations_may_be_names_and_tables_and_are_stored_as_they_were(tmp_path: Path) -> None:
    text = """
target = "net.py:Net"
augment = ["mirroring", { name = "rotation", rotate = [-30, 30] }, { "Coarse Dropout" = { p = 1.0, fill = "mean" } }]
"""
    config = from_mapping(read_toml(written(tmp_path, text)))
    assert config.augment == (
        "mirroring",
        {"name": "rotation", "rotate": [-30, 30]},
        {"Coarse Dropout": {"p": 1.0, "fill": "mean"}},
    )
    assert from_mapping(read_toml(written(tmp_path, to_toml(config)))) == config
    assert '{ name = "rotation", rotate = [-30, 30] }, { "Coarse Dropout" = { p = 1.0, fill' in to_toml(config)


def test_hyphens_and_whole_numbers_are_read_as_they_are_meant(tmp_path: Path) -> None:
    assert read_toml(written(tmp_path, 'batch-size = 64\nlr = 1\naugment = "none"')) == {
        "batch_size": 64,
        "lr": 1.0,
        "augment": "none",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batchsize = 64", "there is no setting 'batchsize'; did you mean batch_size?"),
        ("xyzzyq = 1", "there is no setting 'xyzzyq'; trainer fit --help lists them"),
        ("arg = ['dropout=0.1']", "there is no setting 'arg'; did you mean arguments?"),
        ("resume = 'runs/a'", "there is no setting 'resume'; it is an option of the command line only"),
        ("augment = 1", "augment = 1 must be text in quotes, or a list of names and of tables"),
        ("augment = [1]", "augment = [1] must be text in quotes, or a list of names and of tables"),
        ('epochs = "ten"', "epochs = 'ten' must be a whole number"),
        ("epochs = 1.5", "epochs = 1.5 must be a whole number"),
        ("epochs = true", "epochs = True must be a whole number"),
        ("lr = true", "lr = True must be a number"),
        ("compile = 1", "compile = 1 must be true or false"),
        ("run = 1", "run = 1 must be text in quotes"),
        ("arguments = [1]", "arguments = [1] must be a list of texts"),
        ("epochs = ", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TrainerError, match=re.escape(said)) as caught:
        read_toml(written(tmp_path, text))
    assert "recipe.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"cannot read .*absent.toml: no such file"):
        read_toml(tmp_path / "absent.toml")


def test_the_command_line_overrules_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'target = "net.py:Net"\nepochs = 5\nlr = 0.2')
    assert asked({"epochs": 7}, path) == {"target": "net.py:Net", "epochs": 7, "lr": 0.2}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"epochs": 0}, "--epochs 0 must be at least 1"),
        ({"validation": 0.0}, "--validation 0 must be above 0 and below 1"),
        ({"batch_size": -1}, "--batch-size -1 must be at least 1"),
        ({"lr": 0.0}, "--lr 0.0 must be above 0"),
        ({"lr": float("nan")}, "--lr nan is not a finite number"),
        ({"lr": float("inf")}, "--lr inf is not a finite number"),
        ({"weight_decay": float("inf")}, "--weight-decay inf is not a finite number"),
        ({"weight_decay": -1.0}, "--weight-decay -1.0 must be at least 0"),
        ({"momentum": 1.0}, "--momentum 1.0 must be at least 0 and below 1"),
        ({"seed": -1}, "--seed -1 must be at least 0"),
        ({"seed": 2**63}, "--seed 9223372036854775808 must be at most 9223372036854775807"),
        ({"warmup": 1.0}, "--warmup 1.0 must be at least 0 and below 1"),
        ({"validation": -0.1}, "--validation -0.1 must be above 0 and below 1"),
        ({"schedule": "onecicle"}, "--schedule 'onecicle' is not one of onecycle, .*; did you mean onecycle?"),
        ({"validate_on": "train"}, "--validate-on 'train' is not one of validation, test"),
        ({"target_accuracy": 101.0}, "--target-accuracy 101 must be a percentage above 0, at most 100"),
        ({"time_budget": "20 minutes"}, "--time-budget '20 minutes' is not a time; write it as 90s, 20m or 1h30m"),
        ({"target_accuracy": 0.85}, "--target-accuracy 0.85 is a percentage; is 85 meant?"),
        ({"time_budget": "20"}, "--time-budget 20 has no unit; write 20s or 20m"),
        ({"time_budget": "0s"}, "--time-budget 0s: it must be longer than 0"),
        ({"target": ""}, "what is to be trained? name a target such as net.py:Net"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_option(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainerError, match=re.escape(said).replace(r"\.\*", ".*")):
        from_mapping({"target": "net.py:Net", **setting})


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1.5h", 5400), ("2d", 172_800)]
)
def test_times_are_written_as_people_do(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "20x", "-5m", "1h 30m", "1h30", "1h!"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(TrainerError, match="is not a time"):
        duration(text)


def test_what_is_left_open_depends_on_the_rest() -> None:
    assert Config("x").peak_lr == 0.1
    assert Config("x", optimizer="adamw").peak_lr == 0.003
    assert Config("x").warmup_share == 0.3
    assert Config("x", schedule="cosine").warmup_share == 0.0
    assert Config("x").epochs_or_default == 30
    assert Config("x", time_budget="5m").epochs_or_default is None


def test_every_setting_is_an_option_of_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--help"]) == 0
    shown = capsys.readouterr().out
    for each in fields(Config):
        wanted = "TARGET" if each.name == "target" else option_of(each.name)
        assert re.search(rf"(^|\s){re.escape(wanted)}\b", shown, re.MULTILINE), each.name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "net.py:Net", "--epoch", "3"], "no option --epoch; did you mean --epochs?"),
        (["fit", "net.py:Net", "--epochs", "1.5"], "--epochs must be a whole number; see trainer fit --help"),
        (["fit", "net.py:Net", "--lr", "high"], "--lr must be a number; see trainer fit --help"),
        (["data", "--data", "shapes", "--seed", "-1"], "--seed -1 must be at least 0"),
        (["fitt"], "no command 'fitt'; did you mean trainer fit?"),
        (["fit"], "what is to be trained? name a target such as net.py:Net"),
        (["fit", "net.py:Net", "--epochs", "0"], "--epochs 0 must be at least 1"),
        (["fit", "--resume", "x", "--config", "y"], "--resume goes on with the settings of its run"),
        (["fit", "--resume", "x"], "x is not a run folder: it has no config.toml"),
    ],
)
def test_a_command_line_that_cannot_be_used_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"trainer: {said}")
    assert shown.err.count("\n") == 1


def test_the_list_of_commands_imports_none_of_them_and_help_neither_torch_nor_albumentations() -> None:
    import subprocess

    code = (
        "import sys; from trainer.cli import main; main(['--help'])\n"
        "commands = {'trainer.cli.fit', 'trainer.cli.data', 'trainer.config'} & set(sys.modules)\n"
        "main(['fit', '--help'])\n"
        "heavy = {'torch', 'albumentations', 'numpy', 'cv2', 'PIL', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy | commands}' if heavy | commands else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
