"""``rfkit baseline`` and ``rfkit diff``: what they write where, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rfkit.cli import main
from rfkit.gate.history import comparing
from rfkit.isolation import Job, Traced
from rfkit.render import as_json
from tests.rfkit.gate import networks

ROOT = Path(__file__).resolve().parents[3]
SPEC = """
baseline = "figures.json"
tolerance = "2%"

[models.net]
target = "net.py:Net"

[models.other]
target = "other.py:Net"
"""
Run = Callable[..., tuple[int, str, str]]


def traced(jobs: Sequence[Job], **_limits: object) -> list[Traced]:
    """Stands for the workers: a file names the drawn network that it stands for."""
    words = [Path(job.directory or ".", job.target.rpartition(":")[0]).read_text().strip("# \n") for job in jobs]
    return [
        Traced(getattr(networks, word)(), None, (), 0.1)
        if hasattr(networks, word)
        else Traced(None, f"{job.target}: {word}", (), 0.1)
        for job, word in zip(jobs, words, strict=True)
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec of two networks, whose files stand for drawn ones."""
    monkeypatch.setattr(comparing, "trace_all", traced)
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "RFKIT_FORMAT", "GITHUB_BASE_REF", "CI"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "rfkit.toml").write_text(SPEC)
    (tmp_path / "net.py").write_text("# base")
    (tmp_path / "other.py").write_text("# base")
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(*words)`` gives exit code, stdout and stderr of ``rfkit words``."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def stored(folder: Path, file: str = "figures.json") -> dict[str, int]:
    """Parameters by network, as the baseline has them."""
    models = json.loads((folder / file).read_text())["models"]
    return {name: block["params"] for name, block in models.items()}


def test_write_measures_every_network_and_says_what_is_new(run: Run, folder: Path) -> None:
    params = networks.base().totals.params
    assert run("baseline", "write") == (0, "net: new\nother: new\nfigures.json has 2 networks; commit it\n", "")
    assert stored(folder) == {"net": params, "other": params}


def test_write_leaves_nothing_else_in_the_file_and_update_leaves_the_rest(run: Run, folder: Path) -> None:
    run("baseline", "write")
    (folder / "net.py").write_text("# wider")
    (folder / "other.py").write_text("# wider")
    old, new = networks.base().totals.params, networks.wider().totals.params
    code, out, _ = run("baseline", "update", "net")
    assert (code, stored(folder)) == (0, {"net": new, "other": old})
    assert f"net: params {old:,} -> {new:,} (+{new - old:,}, " in out
    code, out, _ = run("baseline", "write", "net")
    assert (code, stored(folder)) == (0, {"net": new})
    assert out == "net: as before\nother: no longer in it\nfigures.json has 1 network; commit it\n"


def test_nothing_is_written_where_a_network_cannot_be_run(run: Run, folder: Path) -> None:
    run("baseline", "write")
    before = (folder / "figures.json").read_bytes()
    (folder / "net.py").write_text("# wider")
    (folder / "other.py").write_text("# it fails")
    for command in ("write", "update"):
        code, out, err = run("baseline", command)
        assert (code, out) == (2, "")
        assert err == "rfkit: other.py:Net: it fails\nrfkit: figures.json is left as it is\n"
    assert (folder / "figures.json").read_bytes() == before


def test_a_file_that_is_no_baseline_is_written_anew_but_not_updated(run: Run, folder: Path) -> None:
    (folder / "figures.json").write_text("<<<<<<< HEAD")
    code, _, err = run("baseline", "update")
    assert code == 2
    assert "write it anew: rfkit baseline write" in err
    assert run("baseline", "write")[0] == 0
    assert set(stored(folder)) == {"net", "other"}


def test_without_a_spec_the_file_lies_in_the_current_folder(run: Run, folder: Path) -> None:
    (folder / "rfkit.toml").unlink()
    assert run("baseline", "write", "net.py:Net")[0] == 0
    assert set(stored(folder, "rfkit-baseline.json")) == {"net.py:Net"}
    assert run("baseline", "write", "net.py:Net", "--baseline", "mine.json")[0] == 0
    assert set(stored(folder, "mine.json")) == {"net.py:Net"}
    code, _, err = run("baseline", "write")
    assert (code, err.startswith("rfkit: nothing to measure: there is no spec here or above")) == (2, True)


def test_show_prints_what_is_stored(run: Run) -> None:
    code, _, err = run("baseline", "show")
    assert (code, err) == (2, "rfkit: no baseline figures.json; rfkit baseline write makes it\n")
    run("baseline", "write")
    code, out, _ = run("baseline", "show", "net")
    assert code == 0
    assert f"{networks.base().totals.params:,}" in out
    assert "other" not in out
    code, _, err = run("baseline", "show", "nett")
    assert (code, err) == (2, "rfkit: figures.json has nothing of nett; did you mean net?\n")


def test_two_targets_and_two_reports_give_the_same_diff(run: Run, folder: Path) -> None:
    (folder / "other.py").write_text("# inserted")
    (folder / "old.json").write_text(as_json.render(networks.base()))
    (folder / "new.json").write_text(as_json.render(networks.inserted()))
    code, targets, _ = run("diff", "net.py:Net", "other.py:Net")
    code_of_files, files, err = run("diff", "old.json", "new.json")
    assert (code, code_of_files, err) == (0, 0, "")
    assert targets.splitlines()[0] == "net.py:Net -> other.py:Net   input 3x32x32"
    assert files.splitlines()[0] == "net.py:Net   old.json -> new.json   input 3x32x32"
    assert targets.splitlines()[1:] == files.splitlines()[1:]
    assert "2 layers added." in files


def test_a_report_is_no_spec_and_needs_none(run: Run, folder: Path) -> None:
    (folder / "rfkit.toml").write_text("nonsense = 3")
    (folder / "old.json").write_text(as_json.render(networks.base()))
    assert run("diff", "old.json", "old.json") == (
        0, "net.py:Net: no difference between old.json and old.json\n", ""
    )  # fmt: skip
    assert run("diff", "net.py:Net", "net.py:Net")[0] == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["--fail-on-regression"], 1),
        (["--fail-on-regression", "--tolerance", "500%"], 0),
        (["--fail-on-regression", "--tolerance", "2%"], 1),
    ],
)
def test_the_exit_code_is_1_only_where_a_figure_is_worse_and_that_matters(
    words: list[str], code: int, run: Run
) -> None:
    Path("other.py").write_text("# wider")
    assert run("diff", "net.py:Net", "other.py:Net", *words)[0] == code
    assert run("diff", "other.py:Net", "net.py:Net", *words)[0] == 0


def test_the_tolerance_of_the_spec_holds(run: Run, folder: Path) -> None:
    Path("other.py").write_text("# wider")
    (folder / "rfkit.toml").write_text(SPEC.replace("2%", "500%"))
    assert run("diff", "net.py:Net", "other.py:Net", "--fail-on-regression")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["net.py:Net", "other.py:Net", "--base", "main"], "are two networks already; --base and --head are for one"),
        (["old.json"], "old.json is one report; name a second one, or a target"),
        (["old.json", "none.json"], "cannot read none.json: no such file or directory"),
        (["net.py:Net", "*.py:Net"], "*.py:Net stands for 2 networks; one is compared with another"),
        (["net.py:Net"], "is in no git repository: give two targets or two report files to compare"),
        (["net.py:Net", "other.py:Net", "--format", "jsn"], "did you mean json?"),
        (["net.py:Net", "other.py:Net", "--tolerance", "much"], "--tolerance much"),
    ],
)
def test_what_cannot_be_compared_is_one_line(words: list[str], said: str, run: Run, folder: Path) -> None:
    (folder / "old.json").write_text(as_json.render(networks.base()))
    code, out, err = run("diff", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_network_that_cannot_be_run_is_one_line_and_the_machine_forms_tell_it_too(run: Run, folder: Path) -> None:
    (folder / "other.py").write_text("# it fails")
    assert run("diff", "net.py:Net", "other.py:Net") == (2, "", "rfkit: other.py:Net: it fails\n")
    code, out, _ = run("diff", "net.py:Net", "other.py:Net", "--format", "json")
    assert (code, json.loads(out)["errors"][0]["error"]) == (2, "other.py:Net: it fails")


def test_a_form_can_go_to_a_file(run: Run, folder: Path) -> None:
    assert run("diff", "net.py:Net", "other.py:Net", "--format", "json", "-o", "diff.json") == (0, "", "")
    assert json.loads((folder / "diff.json").read_text())["schema"] == "rfkit.diff/1"


def test_without_a_target_every_network_of_the_spec_is_compared(run: Run, folder: Path) -> None:
    for words in (
        ["init", "-q", "-b", "main"], ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "all"],
    ):  # fmt: skip
        subprocess.run(["git", *words], check=True, cwd=folder)
    (folder / "net.py").write_text("# inserted")
    code, out, err = run("diff", "--format", "concise")
    assert (code, err) == (0, "")
    net, other = out.splitlines()
    assert net.startswith("net: RF ")
    assert other == "other: no difference"


def test_reports_and_baselines_are_read_without_torch(folder: Path) -> None:
    (folder / "old.json").write_text(as_json.render(networks.base()))
    main(["baseline", "write"])
    program = (
        "import sys; from rfkit.cli import main; "
        "codes = main(['diff', 'old.json', 'old.json']), main(['baseline', 'show']); "
        "sys.exit('torch' in sys.modules or codes != (0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0


def test_a_real_network_is_compared_at_two_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One convolution of 3 * 4 * 9 weights and 4 biases, then one of 3 * 4 * 25: 7 pixels instead of 3."""
    source = "from torch import nn\nfrom parts import SIZE\nNet = lambda: nn.Conv2d(3, 4, SIZE)\n"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    Path("net.py").write_text(source)
    Path("parts.py").write_text("SIZE = 3\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], check=True)
    Path("parts.py").write_text("SIZE = 7\n")
    assert main(["diff", "net.py:Net", "--format", "json", "--input", "3x16x16", "--fail-on-regression"]) == 1
    (diff,) = json.loads(capsys.readouterr().out)["diffs"]
    totals = {total["metric"]: (total["old"], total["new"], total["trend"]) for total in diff["totals"]}
    assert totals["params"] == (3 * 4 * 9 + 4, 3 * 4 * 49 + 4, "worse")
    assert totals["receptive_field"] == ([3, 3], [7, 7], "better")
    assert diff["layers"][0]["own"]["kernel_size"] == [[3, 3], [7, 7]]
