"""``rfkit suggest`` on the command line: what it prints, and with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rfkit.cli import main
from tests.rfkit.test_suggest import ASSIGNMENT, DOCUMENTS, VARIANTS

Run = Callable[..., tuple[int, str, str]]

NET = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1))
"""
"""Receptive field 5, 224 + 1,168 parameters."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["suggest", *words])
        return code, *capsys.readouterr()

    return call


def test_the_text_says_what_is_broken_each_edit_and_its_effect(run: Run) -> None:
    code, out, err = run("net.py:Net", "--rf", "> 6", "--only", "dilation")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "net.py:Net  1 of 1 rule broken"
    assert "RF101  receptive field 5 is not > 6 (2 short)" in lines
    assert " 1  0: dilation 1 -> 2, padding 1 -> 2 (net.py:7)" in lines
    assert "    RF 5 -> 7; params, MACs, maps and output unchanged" in lines
    assert lines[-1].startswith("10 edits tried, ")


def test_no_line_is_wider_than_the_terminal(run: Run) -> None:
    _, out, _ = run(f"{VARIANTS}:plain_and_pooled", "--spec", str(ASSIGNMENT))
    assert max(map(len, out.splitlines())) <= 80


def test_costs_are_shown_with_the_share_by_which_they_change(run: Run) -> None:
    _, out, _ = run("net.py:Net", "--params", "< 600", "--only", "separable,width")
    assert "2: depthwise separable instead of standard" in out
    assert "params 440 (-68%)" in out


def test_a_network_in_spec_is_said_to_be(run: Run) -> None:
    code, out, _ = run("net.py:Net", "--rf", "> 4")
    assert (code, out) == (0, "net.py:Net  1 rule holds: nothing needs to be changed\n")


def test_where_nothing_helps_the_nearest_is_shown_and_the_code_is_1(run: Run) -> None:
    code, out, _ = run("net.py:Net", "--rf", "> 500", "--edits", "1", "--only", "dilation")
    assert code == 1
    assert "No single edit makes it pass." in out
    assert "leaves RF101: receptive field 19 is not > 500 (482 short)" in out


def test_json_holds_the_same(run: Run) -> None:
    code, out, _ = run("net.py:Net", "--rf", "> 6", "--limit", "2", "--format", "json")
    data = json.loads(out)
    assert (code, data["schema"], data["exit_code"], data["in_spec"]) == (0, "rfkit.suggest/1", 0, False)
    assert [finding["code"] for finding in data["broken"]] == ["RF101"]
    first, second = data["suggestions"]
    assert first["passes"]
    assert first["broken"] == []
    assert first["edits"] == [
        {
            "kind": "dilation",
            "text": "0: dilation 1 -> 2, padding 1 -> 2",
            "layers": [{"layer": "0", "place": "net.py:7"}],
        }
    ]
    assert first["totals"]["receptive_field"] == [7, 7]
    assert second["edits"] != first["edits"]
    assert (data["out_of_time"], data["left_alone"]) == (False, {})


def test_the_options_that_say_what_is_asked_are_those_of_check(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for option in ("--rf ", "--params ", "--require ", "--spec ", "--arg ", "--ignore ", "--only ", "--edits "):
        assert f"  {option}" in out
    for option in ("--jobs", "--baseline", "--quiet", "--timeout"):
        assert option not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["net.py:Net"], "nothing is asked of net.py:Net"),
        (["net.py:Nett", "--rf", "> 6"], "did you mean Net?"),
        (["net.py:Net", "--rf", "> 6", "--only", "dilatation"], "did you mean dilation?"),
        (["net.py:Net", "--rf", "> 6", "--format", "yaml"], "--format 'yaml'"),
        (["net.py:Net", "--rf", "> 6", "--edits", "3"], "invalid value for '--edits'"),
        (["net.py:Net", "--rf", "> 6", "--seconds", "0"], "invalid value for '--seconds'"),
        (["net.py:Net", "--rf", "a lot"], "--rf"),
        (["net.py:Net", "--rf", "> 6", "--input", "5"], "does not fit"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_code_2(run: Run, words: list[str], said: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


def test_several_networks_are_told_apart(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rfkit.toml").write_text(
        f'[defaults]\nparams = "< 200k"\n[models]\na = {{target = "net.py:Net"}}\nb = {{target = "{DOCUMENTS}:TwoBranchNet"}}\n'
    )
    code, _, err = run()
    assert code == 2
    assert "name one of a, b" in err
    assert run("b")[:2] == (0, "b  1 rule holds: nothing needs to be changed\n")
