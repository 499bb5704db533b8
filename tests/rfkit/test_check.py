"""``rfkit check`` and ``rfkit init`` on the command line: what they print where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rfkit.cli import main
from rfkit.errors import RfkitError
from rfkit.isolation import Job, Traced
from rfkit.trace_target import trace_target

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "trainer" / "models" / "documents.py"

NET = """
    import torch
    from torch import nn

    print("printed at import")


    class Net(nn.Module):
        def __init__(self, channels=8):
            super().__init__()
            self.stem = nn.Conv2d(3, channels, 3, padding=1)
            self.body = nn.Conv2d(channels, 16, 3, dilation=2)
            self.head = nn.Linear(16, 10)

        def forward(self, x):
            print("printed in forward")
            return self.head(self.body(self.stem(x)).mean((2, 3)))
"""
"""Receptive field 3 + 4 = 7 before the pooling over 28 positions, 34 after it; 224 + 1168 + 170 parameters."""

Run = Callable[..., tuple[int, str, str]]


def in_this_process(jobs: Sequence[Job], *, done: Callable[[int, Traced], None], **_: object) -> list[Traced]:
    """Traces as the workers do, without the time it takes to start them."""
    found = []
    for place, job in enumerate(jobs):
        try:
            report = trace_target(job.target, job.arguments, job.input_shape, places=job.places)
            found.append(Traced(report, None, (), 0.0))
        except RfkitError as error:
            found.append(Traced(None, str(error), (), 0.0))
        done(place, found[-1])
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "net.py").write_text(textwrap.dedent(NET))
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "RFKIT_FORMAT", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr("rfkit.gate.run.trace_all", in_this_process)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return code, *capsys.readouterr()

    return call


def spec(folder: Path, text: str) -> None:
    (folder / "rfkit.toml").write_text(textwrap.dedent(text))


def test_a_network_in_spec_passes_with_one_line(run: Run) -> None:
    code, out, _ = run("check", "net.py:Net", "--rf", "> 33", "--params", "< 2k")
    assert code == 0
    assert out.startswith("net.py:Net  2 rules hold")
    assert len(out.splitlines()) == 1


def test_a_network_out_of_spec_fails_and_names_value_limit_gap_layer_line_and_way_out(run: Run) -> None:
    code, out, _ = run("check", "net.py:Net", "--rf-features", "> 7", "--params", "< 2k")
    assert code == 1
    assert "net.py:12  RF103  " in out
    assert "7 before pooling is not > 7 (1 short)" in out
    assert "adds 2" in out
    assert "1 of 2 rules broken" in out


def test_the_networks_of_the_documents_pass_the_assignment_in_worker_processes(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is replaced here: servers, supervisors and workers run."""
    assert main(["init", "--template", "assignment"]) == 0
    targets = [f"{DOCUMENTS}:{name}" for name in ("TwoBranchNet", "FourBlockNet")]
    code = main(["check", *targets, "--jobs", "2", "--format", "json"])
    out = capfd.readouterr().out
    verdicts = json.loads(out)["models"]
    assert (code, [v["state"] for v in verdicts]) == (0, ["held", "held"])
    assert all(f["status"] == "held" for v in verdicts for f in v["findings"])


def test_what_a_model_prints_stays_out_of_the_output(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "net.py:Net", "--params", "< 2k", "--format", "json"]) == 0
    out = capfd.readouterr().out
    assert "printed" not in out
    assert json.loads(out)["exit_code"] == 0


def test_targets_that_cannot_run_are_named_and_the_others_are_judged_all_the_same(run: Run, folder: Path) -> None:
    (folder / "broken.py").write_text("import torch\nraise OSError('no such disk')\n")
    code, out, err = run("check", "broken.py", "net.py:Net", "missing.py", "--params", "< 2k")
    assert code == 2
    assert "OSError: no such disk" in out + err
    assert "no file missing.py" in out + err
    assert "1 rule holds" in out


def test_exit_zero_forgives_broken_rules_and_nothing_else(run: Run) -> None:
    assert run("check", "net.py:Net", "--params", "< 1k", "--exit-zero")[0] == 0
    assert run("check", "missing.py", "--params", "< 1k", "--exit-zero")[0] == 2


def test_a_warning_does_not_fail_the_check(run: Run, folder: Path) -> None:
    spec(folder, '[models.net]\ntarget = "net.py:Net"\nparams = { limit = "< 1k", severity = "warning" }\n')
    code, out, _ = run("check")
    assert code == 0
    assert "RF110" in out


def test_nothing_to_check_is_no_success(run: Run, folder: Path) -> None:
    for words in (("check",), ("check", "net.py:Net")):
        code, out, err = run(*words)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
    code, out, _ = run("check", "net.py:Net", "--params", "< 2k", "--select", "RF3")
    assert code == 2
    assert "--select" in out
    spec(folder, 'baseline = "absent.json"\n[models.net]\ntarget = "net.py:Net"\n')
    code, _, err = run("check")
    assert code == 2
    assert "rfkit baseline write" in err


def test_every_mistake_in_a_spec_has_its_line_on_stderr(run: Run, folder: Path) -> None:
    spec(
        folder,
        """
        [models.net]
        target = "net.py:Net"
        recptive_field = "> 44"
        params = "< many"
        """,
    )
    code, out, err = run("check")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["rfkit.toml:4", "rfkit.toml:5"]
    assert "receptive_field" in lines[0]


def test_a_wrong_limit_on_the_command_line_names_the_option(run: Run) -> None:
    code, out, err = run("check", "net.py:Net", "--rf", "> fourty-four")
    assert (code, out) == (2, "")
    assert "--rf '> fourty-four'" in err


def test_files_of_several_forms_are_written_in_one_run_and_stdout_has_its_own(run: Run, folder: Path) -> None:
    code, out, _ = run(
        "check", "net.py:Net", "--params", "< 1k", "--format", "concise",
        "-o", "junit.xml", "-o", "sarif=scan.json", "-o", "csv=-",
    )  # fmt: skip
    assert code == 1
    assert ElementTree.parse(folder / "junit.xml").getroot().tag == "testsuites"
    assert json.loads((folder / "scan.json").read_text())["version"] == "2.1.0"
    assert "net.py:8: RF110" in out or "RF110" in out


def test_the_form_can_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_FORMAT", "json")
    assert json.loads(run("check", "net.py:Net", "--params", "< 2k")[1])["exit_code"] == 0
    monkeypatch.setenv("RFKIT_FORMAT", "jsonn")
    code, _, err = run("check", "net.py:Net", "--params", "< 2k")
    assert code == 2
    assert "did you mean json?" in err


def test_on_github_it_annotates_and_adds_the_table_to_the_summary(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    code, out, _ = run("check", "net.py:Net", "--params", "< 1k")
    assert code == 1
    assert out.startswith("::error file=net.py,line=")
    assert "RF110" in (folder / "summary.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "net.py:Net", "--parms", "< 2k"), "did you mean --params?"),
        (("check", "net.py:Net", "--params", "< 2k", "-o", "out.dat"), "which form?"),
        (("check", "nets/*.py:Net", "--params", "< 2k"), "no file matches"),
        (("check", "net.py:Net", "--require", "dilatd"), "dilated"),
        (("chekc",), "did you mean rfkit check?"),
        (("rule", "RF10"), "did you mean RF101?"),
        (("init",), "--template assignment"),
        (("init", "--template", "asignment"), "did you mean assignment?"),
        (("audit", "net.py:Net"), "--claim 47"),
        (("audit", "net.py:Net", "--table", "none.csv"), "none.csv"),
    ],
)
def test_a_slip_gets_one_line_with_the_remedy(run: Run, words: tuple[str, ...], said: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_show_config_names_where_everything_is_asked(run: Run, folder: Path) -> None:
    spec(folder, '[defaults]\nparams = "< 2k"\n[models.net]\ntarget = "net.py:Net"\nreceptive_field = "> 30"\n')
    code, out, _ = run("check", "--show-config", "--macs", "< 9M")
    assert code == 0
    assert "rfkit.toml:2" in out
    assert "rfkit.toml:5" in out
    assert "--macs" in out


def test_show_config_has_units_that_a_person_reads(run: Run) -> None:
    _, out, _ = run(
        "check", "net.py:Net", "--params", "< 9M", "--show-config", "--tolerance", "2.5%", "--timeout", "2 min"
    )
    shown = [line.split("  ") for line in out.splitlines()]
    values = {
        words[0]: value for words in ([word.strip() for word in line if word] for line in shown) for value in words[1:2]
    }
    assert [values[name] for name in ("tolerance", "timeout", "memory")] == ["2.5%", "120 s", "4 GiB"]


def test_the_spec_that_init_writes_passes_and_is_not_overwritten(run: Run, folder: Path) -> None:
    assert run("init", "net.py:Net", "--headroom", "5%")[0] == 0
    assert run("check")[0] == 0
    code, _, err = run("init", "net.py:Net")
    assert code == 2
    assert "--force" in err


def test_a_better_network_tightens_the_baseline_except_in_ci(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec(folder, 'baseline = "base.json"\n[models.net]\ntarget = "net.py:Net"\narguments = { channels = 12 }\n')
    assert run("baseline", "write")[0] == 0
    before = (folder / "base.json").read_text()
    spec(folder, 'baseline = "base.json"\n[models.net]\ntarget = "net.py:Net"\n')
    monkeypatch.setenv("CI", "true")
    assert run("check")[0] == 0
    assert (folder / "base.json").read_text() == before
    monkeypatch.delenv("CI")
    assert run("check")[0] == 0
    after = (folder / "base.json").read_text()
    assert after != before
    spec(folder, 'baseline = "base.json"\n[models.net]\ntarget = "net.py:Net"\narguments = { channels = 12 }\n')
    code, out, _ = run("check")
    assert code == 1
    assert "RF501" in out
    assert (folder / "base.json").read_text() == after


def test_the_command_line_process_never_imports_torch(folder: Path) -> None:
    code = (
        "import sys; from rfkit.cli import main; code = main(['check', 'net.py:Net', '--params', '< 2k']); "
        "print(code, 'torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.splitlines()[-1] == "0 False"
