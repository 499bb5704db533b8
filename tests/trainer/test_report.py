"""The report is one page that needs nothing else, says what is in the run folder, and never costs a run."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.runs import checkpoint, network_report, run_folder
from trainer import report
from trainer.cli import main
from trainer.record import read_record
from trainer.report.network import HEAD, network_rows
from trainer.run import RunFolder

VOID = {"meta", "link", "img", "source", "br"}


class Page(HTMLParser):
    """The tags, the addresses, the alternative texts and the words of a page; every tag must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.alternatives: list[str | None] = []
        self.words = ""
        self.feed(text)
        self.close()
        self.words = " ".join(self.words.split())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag != "script"
        self.addresses += [given[name] or "" for name in ("src", "srcset", "href") if name in given]
        if tag == "img":
            self.alternatives.append(given.get("alt"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words += " ".join(data.split()) + " "


def page_of(folder: Path) -> Page:
    said: list[str] = []
    text = report.make(folder, said.append).read_text(encoding="utf-8")
    assert said == []
    return Page(text)


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    page = page_of(folder)
    assert len(page.alternatives) == 4 + 3 + 3 * 3  # charts; mistakes; each of them with two maps
    assert all(alternative for alternative in page.alternatives)
    for address in page.addresses:
        assert address.startswith("data:"), address[:60]
    style = (folder / "report.html").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_it_can_be_had_without_the_images_of_the_data_set(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    report.make(folder, lambda _: None)
    drawn = {path.name for path in (folder / "figures").iterdir()}
    page = Page(report.make(folder, lambda _: None, images=False).read_text(encoding="utf-8"))
    assert len(page.alternatives) == 4
    assert not [address for address in page.addresses if address.startswith("data:image/png")]
    assert drawn - {path.name for path in (folder / "figures").iterdir()} == {"misclassified.png", "grad-cam.png"}


def test_its_images_are_images(tmp_path: Path) -> None:
    page = page_of(run_folder(tmp_path / "run"))
    for address in page.addresses:
        kind, _, data = address.partition(",")
        if kind == "data:image/png;base64":
            assert base64.b64decode(data).startswith(b"\x89PNG")
        elif kind == "data:image/svg+xml;base64":
            assert b"<svg" in base64.b64decode(data)[:1000]
        else:
            assert address == "data:,"


def test_it_says_what_is_in_the_run_folder(tmp_path: Path) -> None:
    words = page_of(run_folder(tmp_path / "run", label_smoothing=0.05)).words
    for expected in (
        "Net on shapes",
        "test accuracy 69.00%",
        "validation accuracy, best (epoch 2) 70.00%",
        "240 ",
        "90 train, 10 validation, 6 test",
        "label smoothing 0.05",
        "onecycle, at most 0.1, rising over the first 30%",
        "best (epoch 2) validation 70.00%",
        "best (epoch 2) test 69.00%",
        "last (epoch 3) test 64.00%",
        "cat 3 33.33% 50.00%",
        "no spec asks anything of the network",
        "Grad-CAM (Selvaraju et al., 2017) at features",
        "abc with changes",
        "16 GiB",
    ):
        assert expected in words, expected


def test_its_numbers_are_written_as_the_columns_above_them_and_one_is_singular(tmp_path: Path) -> None:
    words = page_of(run_folder(tmp_path / "run", accuracies=(50, 70), epochs=1)).words
    assert "total 240 3.5k" in words
    assert "Left out: 1 layer (norms, activations, dropouts)" in words
    assert "1,002 images/s in training (median of the epochs)" in words  # of 1,001 and 1,002: 1,001.5
    assert "length 1 epoch " in words


def test_its_charts_stay_legible_on_a_phone(tmp_path: Path) -> None:
    style = report.make(run_folder(tmp_path / "run"), lambda _: None).read_text(encoding="utf-8")
    narrow = style.partition("@media screen and (max-width: 600px)")[2].partition("\n")[0]
    assert "figure { overflow-x: auto; }" in narrow
    assert "figure.wide img { width: 800px; }" in narrow


def test_a_list_of_augmentations_is_written_out(tmp_path: Path) -> None:
    words = page_of(run_folder(tmp_path / "run", augment=("mirroring", {"name": "rotation"}))).words
    assert "augmentation mirroring, {'name': 'rotation'}" in words


def test_a_class_or_a_folder_named_like_markup_is_text(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "<img src=x>", augment="<script>alert(1)</script>")
    page = page_of(folder)
    assert "<script>alert(1)</script>" in page.words
    assert "<img src=x>" in page.words


def test_what_a_reader_must_know_comes_first(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", validate_on="test")
    run = RunFolder(folder)
    run.write_json(
        run.gate, {**json.loads(run.gate.read_text()), "forced": True, "passed": False, "spec": "rfkit.toml"}
    )
    words = page_of(folder).words
    assert "does not pass rfkit.toml" in words
    assert "The gate refused this network" in words
    assert "chosen on the test images themselves" in words
    assert words.index("The gate refused") < words.index("The network ")


def test_the_gates_findings_are_shown_what_is_broken_first(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", arguments=("dropout=0.1",))
    run = RunFolder(folder)
    value = json.loads(run.gate.read_text())
    value["networks"][0]["findings"] = [
        {"code": "RF201", "status": "held", "rule": "params < 200k", "message": "240 parameters", "excepted": None},
        {
            "code": "RF101",
            "status": "broken",
            "rule": "receptive_field > 44",
            "message": "9 is not > 44",
            "excepted": None,
        },
    ]
    run.write_json(run.gate, value)
    words = page_of(folder).words
    assert words.index("RF101 receptive_field > 44 9 is not > 44 broken") < words.index(
        "RF201 params < 200k 240 parameters held"
    )
    assert "constructor dropout=0.1" in words


def test_a_run_that_has_not_ended_has_a_page_and_its_test_images_stay_unread(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", ended=False, evaluated=False)
    words = page_of(folder).words
    assert "has not come to its end, and the test images have not been read" in words
    assert not (folder / "evaluation").exists()


def test_a_run_of_no_epoch_and_nothing_else_has_a_page(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", ended=False, evaluated=False, accuracies=())
    for name in ("environment.json", "gate.json", "metrics.jsonl"):
        (folder / name).unlink()
    assert "No epoch is finished yet" in page_of(folder).words


def test_an_evaluation_of_other_weights_is_not_shown(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    checkpoint(folder / "checkpoints" / "best.safetensors", "0badcafe")
    assert read_record(folder).evaluation is None


def test_weights_that_cannot_be_evaluated_leave_a_page_that_says_so(tmp_path: Path) -> None:
    words = page_of(run_folder(tmp_path / "run", evaluated=False)).words
    assert "The best weights could not be evaluated" in words
    assert "69.00%" in words


def test_a_figure_that_fails_leaves_a_page_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no pen")

    monkeypatch.setattr("trainer.figures.catalogue.confusion_matrix", fail)
    page = page_of(run_folder(tmp_path / "run"))
    assert "confusion-matrix was not drawn: ValueError: no pen" in page.words
    assert len(page.alternatives) == 3 + 3 + 3 * 3


def test_after_a_training_a_failure_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run_folder(tmp_path / "my run")
    said: list[str] = []
    assert report.write(folder, said.append) == folder / "report.html"
    monkeypatch.setattr("trainer.report.page.network_rows", lambda _: 1 / 0)
    assert report.write(folder, said.append) is None
    assert len(said) == 1
    assert "ZeroDivisionError" in said[0]
    assert f"trainer report '{folder}'" in said[0]


def test_the_networks_table_has_what_changes_the_field_or_the_shape() -> None:
    rows, left_out = network_rows(network_report())
    assert left_out == 1  # the norm
    cells = [dict(zip(HEAD, row, strict=True)) for row in rows]
    assert [cell["layer"] for cell in cells] == ["conv", "mean"]
    assert (cells[0]["output"], cells[0]["kernel"], cells[0]["stride"], cells[0]["RF"]) == ("8x4x4", "3", "2", "3")
    assert (cells[1]["RF"], cells[1]["sees"]) == ("3..9", "everything")


def test_the_command_makes_it_again(trained_run: Path, its_cache: None, capsys: pytest.CaptureFixture[str]) -> None:
    (trained_run / "report.html").unlink(missing_ok=True)
    assert main(["report", str(trained_run)]) == 0
    assert capsys.readouterr().out == f"{trained_run / 'report.html'}\n"
    page = Page((trained_run / "report.html").read_text(encoding="utf-8"))
    assert "Tiny on images" in page.words
    assert "Grad-CAM" in page.words


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.toml").unlink(), "is not a run folder: it has no config.toml"),
        (lambda folder: (folder / "gate.json").write_text("{"), "gate.json is damaged"),
        (lambda folder: (folder / "result.json").write_text("[]"), "result.json is damaged: it holds no object"),
    ],
)
def test_what_is_no_run_folder_is_one_line(
    spoil: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_folder(tmp_path / "run")
    spoil(folder)
    assert main(["report", str(folder)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
