"""``rfkit graph``: what it writes where, and what it says when it cannot."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rfkit.cli import main
from tests.rfkit.projects import NET

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the dot program of Graphviz is not installed")

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., tuple[int, bytes, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """``run(*words)`` gives exit code, stdout and stderr of ``rfkit graph net.py:Net words`` in a folder with a network."""
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, bytes, str]:
        code = main(["graph", "net.py:Net", *words])
        captured = capfdbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return run


@pytest.fixture
def without_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def test_stdout_gets_the_source_text(run: Run, without_dot: None) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.startswith(b'digraph "net.py:Net" {\n')
    assert b'"input" -> "conv"\n' in out
    assert run("-o", "-")[1] == out
    assert run("--format", "dot")[1] == out


@pytest.mark.parametrize("name", ["net.dot", "net.gv", "NET.DOT"])
def test_source_text_needs_no_graphviz(name: str, run: Run, without_dot: None) -> None:
    assert run("-o", name) == (0, b"", "")
    assert Path(name).read_bytes() == run()[1]


def test_a_picture_without_graphviz_is_an_error_that_says_how_to_install_it(run: Run, without_dot: None) -> None:
    code, out, err = run("-o", "net.svg")
    assert (code, out) == (2, b"")
    assert len(err.splitlines()) == 1
    assert "apt install graphviz" in err
    assert ".dot" in err
    assert not Path("net.svg").exists()


@needs_dot
@pytest.mark.parametrize(("name", "begins"), [("net.svg", b"<?xml"), ("net.PDF", b"%PDF"), ("net.png", b"\x89PNG")])
def test_the_name_of_the_file_decides_the_form(name: str, begins: bytes, run: Run) -> None:
    assert run("-o", name) == (0, b"", "")
    assert Path(name).read_bytes().startswith(begins)
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == sorted([name, "net.py"])


@needs_dot
def test_the_form_can_be_said(run: Run) -> None:
    assert run("--format", "png")[1].startswith(b"\x89PNG")
    run("--format", "svg", "-o", "picture")
    assert Path("picture").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-o", "net.jpg"), "-o net.jpg: expected a name that ends in .svg, .pdf, .png, .dot, or --format"),
        (("-o", "net"), "-o net: expected a name that ends in .svg, .pdf, .png, .dot, or --format"),
        (("--format", "sgv"), "--format 'sgv': did you mean svg? expected one of svg, pdf, png, dot"),
        (("--color", "param"), "--color 'param': did you mean params? expected one of coverage, rf, params, macs"),
        (("--depth", "0"), "--depth 0: expected 1 or more components of a layer's name"),
        (("-o", "nowhere/net.dot"), "cannot write nowhere/net.dot: no such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words: tuple[str, ...], said: str, run: Run) -> None:
    assert run(*words) == (2, b"", f"rfkit: {said}\n")


def test_a_network_that_fails_leaves_the_old_picture_alone(run: Run) -> None:
    Path("net.dot").write_text("old", encoding="utf-8")
    assert run("-o", "net.dot", "--input", "4x8x8")[0] == 2
    assert Path("net.dot").read_text(encoding="utf-8") == "old"


def test_options_reach_the_picture(run: Run) -> None:
    assert b"4x30x30" in run()[1]
    assert b"6x14x14" in run("--arg", "width=6", "--input", "3x16x16")[1]
    assert b"Parameters" in run("--color", "params")[1]
    assert b"strict fields" in run("--strict")[1]


GALLERY = [
    line.split()[1:]
    for line in (ROOT / "docs/gallery.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("rfkit graph ")
]


def words(picture: bytes) -> Counter[str]:
    """The texts of a picture; where they stand depends on the version of Graphviz and on the fonts."""
    return Counter(text.text or "" for text in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"))


@needs_dot
@pytest.mark.parametrize("command", GALLERY, ids=lambda command: Path(command[-1]).stem)
def test_the_gallery_shows_what_its_commands_draw(
    command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torchvision")
    monkeypatch.chdir(ROOT)
    *asked, shown = command
    assert main([*asked, str(tmp_path / "new.svg")]) == 0
    assert words((tmp_path / "new.svg").read_bytes()) == words(Path(shown).read_bytes())
    assert f"({shown.removeprefix('docs/')})" in (ROOT / "docs/gallery.md").read_text(encoding="utf-8")


def test_every_picture_of_the_gallery_is_made_by_a_command() -> None:
    assert sorted(path.name for path in (ROOT / "docs/gallery").iterdir()) == sorted(Path(c[-1]).name for c in GALLERY)
