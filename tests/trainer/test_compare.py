"""Runs side by side, with the documents' logs: the figures, the settings that differ, the spread over seeds."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.shared import shared_path
from tests.trainer.runs import run_folder
from trainer.cli import main
from trainer.compare import as_csv, as_json, as_markdown, as_table, baseline, differences, entries, spreads
from trainer.figures.comparison import comparison
from trainer.figures.style import LIGHT, styled


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [
        run_folder(tmp_path / "first", lr=0.1, run="x"),
        run_folder(tmp_path / "second", lr=0.2, accuracies=(50, 70, 72), seed=1, run="y"),
    ]


def test_the_table_lines_up_and_holds_the_figures(two: list[Path]) -> None:
    lines = as_table(entries(two, ["all"]), 80).splitlines()
    assert lines[0].split() == ["run", "test", "valid.", "epoch", "params", "MACs", "time", "images/s"]
    assert lines[1].split() == ["first", "69.00%", "70.00%", "2/3", "240", "3.5k", "3m", "00s", "1,002"]
    assert lines[2].split()[:4] == ["second", "71.00%", "72.00%", "3/3"]
    assert lines[3].split()[:6] == ["log", "two_branch_net", "86.41%*", "–", "95/100", "145k"]
    assert lines[4].split()[:6] == ["log", "four_block_net", "87.21%*", "–", "96/100", "185k"]
    assert len({len(line) for line in lines[:5]}) == 1
    assert max(map(len, lines)) <= 80


def test_settings_that_differ_are_named(two: list[Path]) -> None:
    assert differences(entries(two, ["two_branch_net"])) == [("seed", ["0", "1"]), ("lr", ["0.1", "0.2"])]


def test_settings_that_do_not_change_the_result_are_no_difference(tmp_path: Path) -> None:
    aside: dict[str, Any] = {"report": False, "workers": 3, "threads": 1, "save_every": "1m", "data_root": "elsewhere"}
    aside |= {"tensorboard": True, "log_steps": True, "run": "x"}
    assert differences(entries([run_folder(tmp_path / "a"), run_folder(tmp_path / "b", **aside)])) == []


@pytest.mark.parametrize("columns", [80, 100])
def test_differences_of_many_runs_stay_within_the_terminal(tmp_path: Path, columns: int) -> None:
    runs = [run_folder(tmp_path / f"a-run-with-a-name-{number}", lr=(number + 1) / 10) for number in range(9)]
    lines = as_table(entries(runs), columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert [word for line in lines if line.startswith(" lr ") for word in line.split()[1:]] == [
        str((number + 1) / 10) for number in range(9)
    ]


def test_the_speed_is_the_median_of_the_epochs(tmp_path: Path) -> None:
    (entry,) = entries([run_folder(tmp_path / "run", accuracies=(50, 70))])
    assert entry.images_per_second == 1001.5


def test_runs_on_other_data_are_said_not_to_compare(two: list[Path]) -> None:
    said = "not on the same data, so the accuracies do not compare (shapes: first, second; cifar10: log two_branch_net)"
    for text in (as_table(entries(two, ["two_branch_net"]), 80), as_markdown(entries(two, ["two_branch_net"]))):
        assert said in " ".join(text.split())
    assert "not on the same data" not in as_table(entries(two), 80)


def test_runs_that_differ_in_their_seed_only_have_a_mean_and_a_deviation(tmp_path: Path) -> None:
    # tested: 69, 71, 73: mean 71, deviation sqrt((4 + 0 + 4) / 2) = 2
    same = [run_folder(tmp_path / f"s{seed}", seed=seed, accuracies=(50, 70 + 2 * seed, 60)) for seed in range(3)]
    other = run_folder(tmp_path / "other", lr=0.2)
    assert spreads(entries([*same, other])) == ["s0, s1, s2: 71.00 ± 2.00% test accuracy over 3 seeds"]
    assert spreads(entries([same[0], other])) == []


def test_a_run_that_has_not_ended_has_no_test_accuracy(tmp_path: Path) -> None:
    (entry,) = entries([run_folder(tmp_path / "run", ended=False, evaluated=False)])
    assert (entry.test_accuracy, entry.validation_accuracy, entry.best_epoch) == (None, 70, 2)


def test_a_best_epoch_chosen_on_the_test_images_is_marked(tmp_path: Path) -> None:
    table = as_table(entries([run_folder(tmp_path / "run", validate_on="test")]), 80)
    assert "69.00%*" in table
    assert "* the best epoch was chosen on the test images themselves" in table


def test_json_and_csv_hold_every_figure(two: list[Path]) -> None:
    compared = entries(two, ["four_block_net"])
    rows = list(csv.DictReader(io.StringIO(as_csv(compared))))
    assert [float(row["test_accuracy"]) for row in rows] == [69, 71, 87.21]
    assert rows[0]["receptive_field"] == "9x9"
    assert rows[2]["macs"] == ""
    runs = json.loads(as_json(compared))["runs"]
    assert runs[0]["curve"] == [[1, 50], [2, 70], [3, 65]]
    assert runs[0]["settings"]["lr"] == 0.1
    assert runs[2]["settings"] == {}


def test_markdown_is_two_tables(two: list[Path]) -> None:
    text = as_markdown(entries(two))
    assert text.startswith("| run | test | valid. |")
    assert "\n\n| differs in | first | second |\n" in text


@pytest.mark.parametrize(
    ("name", "log"), [("two_branch_net", "000_training_log.csv"), ("four_block_net", "004_training_log.csv")]
)
def test_the_logs_are_those_of_the_documents(name: str, log: str) -> None:
    with shared_path("documents", log).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    shipped = baseline(name)
    assert shipped.curve == tuple((int(row["epoch"]), float(row["test_accuracy_percent"])) for row in rows)
    assert len(shipped.curve) == 100
    assert shipped.test_accuracy == max(float(row["test_accuracy_percent"]) for row in rows)


def test_the_figure_has_a_line_for_each(two: list[Path]) -> None:
    with styled(LIGHT):
        figure = comparison(entries(two, ["all"]), LIGHT)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == [
        "first: 70.00% (validation, epoch 2)",
        "second: 72.00% (validation, epoch 3)",
        "log two_branch_net: 86.41% (test, epoch 95)",
        "log four_block_net: 87.21% (test, epoch 96)",
    ]


def test_the_command_writes_table_and_figure(
    two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(run) for run in two]
    for form, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert main(["compare", *runs, "--baseline", "all", "--figure", str(tmp_path / f"c.{form}")]) == 0
        assert (tmp_path / f"c.{form}").read_bytes().startswith(start)
    assert "log two_branch_net" in capsys.readouterr().out
    assert main(["compare", *runs, "--format", "csv", "-o", str(tmp_path / "c.csv")]) == 0
    assert (tmp_path / "c.csv").read_text(encoding="utf-8").startswith("name,network,data,")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "what is to be compared?"),
        (["--baseline", "two_branch"], "did you mean two_branch_net?"),
        (["RUN", "--format", "xml"], "--format 'xml' is not one of table, json, csv, markdown"),
        (["RUN", "--figure", "c.jpg"], "a figure is png, svg, pdf"),
        (["RUN", "--figure", "nowhere/c.png"], "there is no folder nowhere"),
        (["nix"], "there is no run folder nix"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = str(run_folder(tmp_path / "run"))
    assert main(["compare", *[run if word == "RUN" else word for word in words]]) == 2
    found = capsys.readouterr()
    assert message in found.err
    assert found.err.count("\n") == 1
    assert found.out == ""


def test_comparing_needs_no_torch(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    code = (
        "import sys; from trainer.cli import main;"
        f"main(['compare', {str(folder)!r}, '--figure', {str(tmp_path / 'c.png')!r}]); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
