"""The command line: what it writes where, and one line with exit code 2 for whatever goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from rfkit import __version__
from rfkit.cli import main

ROOT = Path(__file__).resolve().parents[2]

NET = """
    import torch
    from torch import nn

    print("printed at import")


    class Net(nn.Module):
        def __init__(self, width=8, channels=3):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(channels, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU())
            self.conv = nn.Conv2d(width, 16, 3, dilation=2)
            self.head = nn.Linear(16, 10)

        def forward(self, x):
            print("printed in forward")
            return self.head(self.conv(self.stem(x)).mean((2, 3)))
"""

TROUBLE = """
    import sys
    from torch import nn


    class Base(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)


    class Digits(nn.Module):
        def __init__(self):
            super().__init__()
            self.flat = nn.Linear(28 * 28, 10)

        def forward(self, x):
            return self.flat(x.flatten(1))


    class Sized(nn.Module):
        def __init__(self):
            super().__init__()
            self.flat = nn.Linear(100, 10)

        def forward(self, x):
            return self.flat(x.flatten(1))


    class Pair(Base):
        def forward(self, x, y):
            return self.conv(x) + self.conv(y)


    class Silent(Base):
        def forward(self, x):
            self.conv(x)


    class Failing(Base):
        def forward(self, x):
            raise RuntimeError("the first line\\nthe second line")


    class Interrupted(Base):
        def forward(self, x):
            raise KeyboardInterrupt


    class Leaving(Base):
        def forward(self, x):
            sys.exit(0)


    class Needy(nn.Module):
        def __init__(self, width):
            super().__init__()


    def number():
        return 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a network, one file of trouble, and one that cannot be imported."""
    (tmp_path / "net.py").write_text(textwrap.dedent(NET))
    (tmp_path / "trouble.py").write_text(textwrap.dedent(TROUBLE))
    (tmp_path / "broken.py").write_text("import torch\nvalue = 1 / 0\n")
    (tmp_path / "readonly").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``run(*words)`` gives exit code, stdout and stderr of ``rfkit words``."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


Run = Callable[..., tuple[int, str, str]]


def process(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """``python -m rfkit words`` in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "rfkit", *words], env=environment, capture_output=True, text=True, **options
    )


def test_stdout_carries_the_report_and_nothing_else(run: Run) -> None:
    code, out, err = run("report", "net.py:Net", "--input", "3x32x32")
    assert code == 0
    assert out.startswith("net.py:Net   input 3x32x32   traced on meta in ")
    assert "printed" not in out
    assert err.splitlines() == ["printed at import", "printed in forward"]


def test_the_shape_that_was_found_is_said(run: Run) -> None:
    assert "   input 3x32x32   " in run("report", "net.py")[1].splitlines()[0]
    assert "   input 1x28x28   " in run("report", "trouble.py:Digits")[1].splitlines()[0]


def test_arguments_reach_the_constructor(run: Run) -> None:
    out = run("report", "net.py", "--arg", "24", "--arg", "channels=1", "--input", "1x20x20")[1]
    assert re.search(r"stem\.0 +Conv2d +24x10x10", out)


def test_piped_tables_are_120_columns_wide_unless_columns_says_otherwise(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert max(map(len, run("report", "net.py")[1].splitlines())) <= 120
    monkeypatch.setenv("COLUMNS", "60")
    narrow = run("report", "net.py")[1]
    assert max(map(len, narrow.splitlines())) <= 60
    monkeypatch.setenv("COLUMNS", "not a number")
    assert run("report", "net.py")[0] == 0


def test_colour_follows_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in run("report", "net.py")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("report", "net.py")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("report", "net.py")[1]


def test_every_format_is_written(run: Run) -> None:
    data = json.loads(run("report", "net.py", "--format", "json")[1])
    assert data["schema"] == "rfkit.report/1"
    assert [layer["name"] for layer in data["layers"]][:2] == ["stem.0", "stem.1"]
    assert run("report", "net.py", "--format", "csv")[1].startswith("name,call,type,")
    assert run("report", "net.py", "--format", "markdown")[1].startswith("**net.py:Net**, input 3x32x32")


def test_layers_depth_and_all_choose_the_rows(run: Run) -> None:
    def rows(*words: str) -> list[str]:
        lines = run("report", "net.py", *words)[1].splitlines()
        return [line.split()[0] for line in lines[3 : lines.index("", 3)]]

    assert rows() == ["stem.0", "conv", "mean", "head"]
    assert rows("--all") == ["stem.0", "stem.1", "stem.2", "conv", "mean", "head"]
    assert rows("--depth", "1") == ["stem", "conv", "mean", "head"]
    assert rows("--layers", "*e*") == ["stem.0", "mean", "head"]


def test_units_are_in_the_json_and_a_hint_elsewhere(run: Run) -> None:
    data = json.loads(run("report", "net.py", "--units", "--format", "json")[1])
    stem = data["layers"][0]
    assert stem["lo"][0][:3] == [0, 1, 3]
    assert stem["hi"][0][:3] == [1, 3, 5]
    code, _, err = run("report", "net.py", "--units")
    assert code == 0
    assert "rfkit: --units makes no difference to --format table; it is for json" in err


def test_strict_reports_say_so(run: Run) -> None:
    assert "strict fields, traced on meta" in run("report", "net.py", "--strict")[1].splitlines()[0]


def test_real_numbers_are_used_on_request(run: Run) -> None:
    assert "traced on cpu" in run("report", "net.py", "--device", "cpu")[1].splitlines()[0]


def test_a_layer_is_explained(run: Run) -> None:
    code, out, _ = run("explain", "net.py:Net", "conv")
    assert code == 0
    assert "conv: r = 3 + (3-1)*2*2 = 11, j = 2*1 = 2, n = floor((16 + 2*0 - 2*(3-1) - 1)/1) + 1 = 12" in out


def test_a_file_gets_what_stdout_would_have_got(run: Run, folder: Path) -> None:
    for form in ("table", "json", "csv", "markdown"):
        code, out, _ = run("report", "net.py", "--format", form, "-o", "report.txt")
        assert (code, out) == (0, "")
        expected = run("report", "net.py", "--format", form)[1]
        seconds = re.compile(r"in [\d.]+ m?s")
        assert seconds.sub("", (folder / "report.txt").read_text()) == seconds.sub("", expected)
    assert sorted(path.name for path in folder.iterdir()) == [
        "broken.py", "net.py", "readonly", "report.txt", "trouble.py",
    ]  # fmt: skip


def test_the_name_of_a_file_says_its_form_unless_an_option_does(run: Run, folder: Path) -> None:
    def begins(name: str, *words: str) -> str:
        assert run("report", "net.py", "-o", name, *words)[0] == 0
        return (folder / name).read_text()[:12]

    assert begins("net.html") == begins("net.HTM") == "<!DOCTYPE ht"
    assert begins("net.md") == "**net.py:Net"
    assert begins("net.csv") == "name,call,ty"
    assert begins("net.json").startswith("{")
    assert begins("net.txt") == begins("net") == begins("table.json", "--format", "table") == "net.py:Net  "


def test_a_file_is_replaced_whole_and_keeps_its_mode(run: Run, folder: Path) -> None:
    old = folder / "report.json"
    old.write_text("x" * 100_000)
    old.chmod(0o640)
    (folder / "link.json").symlink_to(old)
    assert run("report", "net.py", "--format", "json", "-o", "link.json")[0] == 0
    assert json.loads(old.read_text())["target"] == "net.py:Net"
    assert old.stat().st_mode & 0o777 == 0o640
    assert (folder / "link.json").is_symlink()


BAD = [
    (("report", "nope.py:Net"), r"no file nope\.py"),
    (("report", "net.py:Nett"), r"net\.py has no Nett, did you mean Net\?"),
    (("report", "trouble.py:number"), r"returned a value of type int"),
    (("report", "trouble.py:Needy"), r"Needy needs width"),
    (("report", "broken.py:Net"), r"broken\.py .*ZeroDivisionError: division by zero.*line 2"),
    (
        ("report", "net.py", "--input", "4x32x32"),
        r"input 1x4x32x32 does not fit: stem\.0 \(Conv2d\) expects 3 channels and a 3x3 kernel, got 1x4x32x32",
    ),
    (("report", "net.py", "--input", "3x0x32"), r"3x0x32.*0 is not a size"),
    (("report", "net.py", "--input", "3x32"), r"input 3x32 does not fit: stem\.0"),
    (("report", "net.py", "--input", "3xAx2"), r"'A' is not a whole number"),
    (("report", "trouble.py:Sized"), r"trouble\.py:Sized accepts none of 3x32x32, 3x224x224, 1x28x28; give --input"),
    (
        ("report", "trouble.py:Pair"),
        r"missing 1 .* argument: 'y'; networks of several inputs are for Python: rfkit\.trace",
    ),
    (("report", "trouble.py:Silent"), r"returns no tensor"),
    (("report", "trouble.py:Failing", "--input", "3x8x8"), r"RuntimeError: the first line$"),
    (("report", "trouble.py:Leaving"), r"calls sys\.exit"),
    (("report", "net.py", "--layers", "nothing*"), r"no layer matches 'nothing\*'; there are .*\(6 in all\)"),
    (("report", "net.py", "--depth", "0"), r"--depth 0: expected 1 or more"),
    (("report", "net.py", "--depth", "two"), r"'--depth'.*see rfkit report --help"),
    (("report", "net.py", "--format", "jsn"), r"--format 'jsn': did you mean json\? expected one of table, json, csv,"),
    (("report", "net.py", "--device", "cuda"), r"--device 'cuda': expected one of meta, cpu"),
    (("report", "net.py", "--formt", "json"), r"no option --formt; did you mean --format\?"),
    (("report", "net.py", "--zzz"), r"no option --zzz; rfkit report --help lists them"),
    (("report", "net.py", "--input"), r"'--input' requires an argument"),
    (("report", "net.py", "more"), r"extra argument.*more.*see rfkit report --help"),
    (("report",), r"missing argument 'TARGET'; see rfkit report --help"),
    (("reprot", "net.py"), r"no command 'reprot'; did you mean rfkit report\?"),
    (("net.py:Net",), r"no command 'net\.py:Net'; did you mean rfkit report net\.py:Net\?"),
    (("zzz",), r"no command 'zzz'; rfkit --help lists them"),
    (("explain", "net.py", "conv9"), r"no layer 'conv9'; did you mean conv\?"),
    (("report", "net.py", "-o", "missing/report.txt"), r"cannot write missing/report\.txt: no such file or directory"),
    (("report", "net.py", "-o", "net.pdf"), r"-o net\.pdf: expected a name that ends in .*\.html.*, or --format"),
    (("explain", "net.py", "zzz"), r"no layer 'zzz'; there are stem\.0, stem\.1, stem\.2, conv, mean, head$"),
    (("report", "net.py", "-o", "readonly"), r"cannot write readonly: it is a folder"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=lambda value: " ".join(value) if value is not str else "")
def test_whatever_goes_wrong_is_one_line_with_exit_code_2(
    run: Run, folder: Path, words: tuple[str, ...], message: str
) -> None:
    before = sorted(folder.rglob("*"))
    code, out, err = run(*words)
    said = [line for line in err.splitlines() if not line.startswith("printed")]
    assert code == 2
    assert out == ""
    assert len(said) == 1
    assert re.match("rfkit: .*" + message, said[0]), said[0]
    assert sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts) == before


def test_a_failure_leaves_the_output_file_as_it_was(run: Run, folder: Path) -> None:
    (folder / "report.txt").write_text("before")
    for target, code in (("net.py:Nett", 2), ("trouble.py:Failing", 2), ("trouble.py:Interrupted", 130)):
        assert run("report", target, "-o", "report.txt")[0] == code
        assert (folder / "report.txt").read_text() == "before"
    assert not list(folder.glob(".*"))


def test_an_unwritable_output_is_found_before_anything_is_imported(run: Run) -> None:
    assert "printed at import" not in run("report", "net.py", "-o", "missing/report.txt")[2]


def test_debug_shows_where_an_error_came_from(run: Run) -> None:
    code, _, err = run("report", "trouble.py:Failing", "--input", "3x8x8", "--debug")
    assert code == 2
    assert "Traceback (most recent call last)" in err
    assert "trouble.py" in err
    assert err.splitlines()[-1].startswith("rfkit: ")


def test_an_error_of_our_own_making_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr("rfkit.trace_target.trace", fails)
    code, out, err = run("report", "net.py")
    assert (code, out) == (3, "")
    assert err.splitlines()[-1] == (
        "rfkit: internal error: ZeroDivisionError: a slip; run again with --debug and report what it shows"
    )


def test_help_is_short_and_fits_80_columns(run: Run) -> None:
    for words in ((), ("--help",), ("report", "--help"), ("explain", "-h")):
        code, out, err = run(*words)
        assert (code, err) == (0, "")
        assert out.startswith("Usage: rfkit")
        assert max(map(len, out.splitlines())) <= 80
        assert len(out.splitlines()) < 50
    assert run()[1] == run("--help")[1]


def test_the_version_is_shown(run: Run) -> None:
    assert run("--version")[:2] == (0, f"rfkit {__version__}\n")


def test_help_and_usage_errors_import_neither_torch_nor_numpy_nor_rich() -> None:
    for words in (["--help"], ["report", "--help"], ["--version"], ["report", "x", "--format", "y"]):
        code = f"import sys; from rfkit.cli import main; main({words!r}); print(sorted(sys.modules), file=sys.stderr)"
        found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        names = set(re.findall(r"'([a-z]+)'", found.stderr.splitlines()[-1]))
        assert "rfkit" in names
        assert not names & {"torch", "numpy", "rich"}


def test_as_a_module_it_does_the_same(folder: Path) -> None:
    done = process("report", "nope.py", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rfkit: no file nope.py")


def test_the_compiler_is_never_imported(folder: Path) -> None:
    code = "import sys; from rfkit.cli import main; code = main(['report', 'net.py']); print('torch._dynamo' in sys.modules, code)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False 0"


def test_a_terminal_without_block_characters_gets_ascii(folder: Path) -> None:
    done = process("report", "net.py", cwd=folder, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert " 1%" in done.stdout


def test_a_reader_that_stops_early_is_no_error(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "rfkit", "report", "net.py", "--units", "--format", "json"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        said = done.stderr.read()
        assert done.wait() == 0
    assert [line for line in said.splitlines() if not line.startswith("printed")] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_an_error(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "rfkit", "report", "net.py"]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "rfkit: cannot write to stdout: no space left on device"


def test_ctrl_c_ends_it_with_one_line(folder: Path) -> None:
    (folder / "slow.py").write_text(
        "import os, signal, time\nfrom torch import nn\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        os.kill(os.getpid(), {int(signal.SIGINT)})\n        time.sleep(60)\n"
        "    def forward(self, x):\n        return x\n"
    )
    done = process("report", "slow.py", cwd=folder, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "rfkit: interrupted\n")
