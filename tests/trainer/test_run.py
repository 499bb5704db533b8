from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from trainer.config import Config
from trainer.errors import TrainerError
from trainer.run import RunFolder, create


def test_a_run_is_named_after_the_model_and_the_time_and_no_two_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [create("Net", None).path for _ in range(3)]
    assert len(set(runs)) == 3
    for path in runs:
        assert path.parent == Path("runs")
        assert path.name.startswith("Net-20")
        assert (path / "checkpoints").is_dir()


def test_an_empty_folder_may_be_a_run_and_a_file_may_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert create("Net", str(tmp_path / "empty")).path == tmp_path / "empty"
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(TrainerError, match="is a file; name a folder"):
        create("Net", str(tmp_path / "file"))
    with pytest.raises(TrainerError, match=r"below cannot be made: .*file is a file"):
        create("Net", str(tmp_path / "file" / "below"))
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_settings_are_stored_and_read(tmp_path: Path) -> None:
    run = create("Net", str(tmp_path / "run"))
    config = Config("net.py:Net", epochs=7, arguments=("a=1",))
    run.write_config(config)
    assert run.read_config() == config


def test_lines_are_added_and_a_line_that_is_cut_off_is_left_out(tmp_path: Path) -> None:
    run = create("Net", str(tmp_path / "run"))
    for epoch in (1, 2):
        run.append(run.metrics, {"epoch": epoch})
    with run.metrics.open("a", encoding="utf-8") as file:
        file.write('{"epoch": 3, "lo')
    assert run.read_lines(run.metrics) == [{"epoch": 1}, {"epoch": 2}]
    run.rewrite(run.metrics, [{"epoch": 1}])
    assert run.metrics.read_text(encoding="utf-8") == '{"epoch": 1}\n'
    assert run.read_lines(run.steps) == []


def test_a_damaged_line_is_named_rather_than_left_out(tmp_path: Path) -> None:
    run = create("Net", str(tmp_path / "run"))
    run.metrics.write_bytes(b'{"epoch": 1}\n\xff{"epoch": 2\n{"epoch": 3}\n')
    with pytest.raises(TrainerError, match=r"metrics.jsonl is damaged: line 2 is no JSON"):
        run.read_lines(run.metrics)


def test_what_a_killed_process_left_unfinished_is_removed(tmp_path: Path) -> None:
    run = create("Net", str(tmp_path / "run"))
    for part in (run.path / ".config.toml.12.part", run.path / "checkpoints" / ".last.safetensors.12.part"):
        part.write_text("half", encoding="utf-8")
    run.write_config(Config("net.py:Net"))
    run.tidy()
    assert sorted(path.name for path in run.path.rglob("*")) == ["checkpoints", "config.toml"]


def test_a_full_disk_leaves_the_old_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create("Net", str(tmp_path / "run"))
    run.write_config(Config("net.py:Net", epochs=1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(TrainerError, match=r"cannot write .*config.toml: no space left on device"):
        run.write_config(Config("net.py:Net", epochs=2))
    monkeypatch.undo()
    assert run.read_config().epochs == 1


def test_a_folder_without_settings_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"is not a run folder: it has no config\.toml"):
        RunFolder(tmp_path).read_config()
