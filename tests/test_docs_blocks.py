"""Every code block of the documentation runs here or in a test that is named here, or stands here with the reason why not.

Trainings are those of the pages but for their length: an epoch of a few drawn shapes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from glob import glob
from pathlib import Path
from typing import NamedTuple

import pytest
import safetensors.torch
import torch
from markdown_it import MarkdownIt
from PIL import Image

import rfkit
from rfkit import cli
from rfkit.render import graph
from tests.test_docs import PAGES, PROGRAMS, READERS, ROOT, blocks, text_of, understand, workplace
from tests.trainer.trees import picture
from trainer import cli as trainer_cli
from trainer.data import shapes
from trainer.models.documents import TwoBranchNet
from trainer.models.lean_net import LeanNet


class Block(NamedTuple):
    """A block of code, between fences or indented."""

    language: str
    text: str


def code_blocks(page: str) -> list[Block]:
    """Of a page, as Markdown has them."""
    tokens = MarkdownIt().parse(text_of(page))
    return [Block(token.info.strip(), token.content) for token in tokens if token.type in ("fence", "code_block")]


# -- what runs elsewhere, and what does not ----------------------------------------------------------------------------

ELSEWHERE = {
    "docs/baseline-and-diff.md": ("tests/rfkit/gate/test_baseline_and_diff_page.py", ("net   main (1a2b3c4)",)),
    "docs/check-formats.md": (
        "tests/rfkit/gate/test_formats_docs.py",
        ("net  5 rules hold", "net.py:31: RF101", "::error file=", "<!-- rfkit -->", "model,target,status"),
    ),
    "docs/gallery.md": ("tests/rfkit/test_graph_command.py", ("rfkit graph ",)),
    "docs/graph.md": ("tests/test_docs_blocks.py", ("conv2.0           32x14x14",)),
    "docs/in-ci.md": ("tests/rfkit/test_in_ci.py", ("pytest --rfkit", "rfkit check --quiet", "::error file=")),
    "docs/run-folder.md": ("tests/test_docs_blocks.py", ("model.load_state_dict",)),
    "docs/spec.md": ("tests/rfkit/gate/test_spec_page.py", ("rfkit.toml:3:",)),
}
"""Blocks that a test of the page runs, or holds against what is printed, by how they begin."""

NO_CODE = {
    "docs/data.md": ("PATH/train/CLASS/NAME.png",),
    "docs/erf.md": ("s(x) = sum over c",),
    "docs/isolation.md": ("net.py:Net needs einops",),
    "docs/trainer.md": ("trainer: net.py:Net gives 2x10",),
}
"""A folder, a formula, an error's text."""

_LONG = "it measures for minutes, on an idle machine"
NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/rfkit report trainer/models/documents.py:TwoBranchNet": (
        "it downloads PyTorch"
    ),
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/python -m pytest -n 2": (
        "it is the first step of .ci/run, and runs this test"
    ),
    "pip install .": "it downloads PyTorch",
    "pip install '.[train]'": "it downloads PyTorch",
    "trainer evaluate docs/weights/lean-net --data cifar10": "it downloads CIFAR-10",
    "torchrun --standalone --nproc-per-node 2 -m -- trainer fit net.py:Net --data shapes --batch-size 64": (
        "tests/trainer/test_processes.py runs several processes"
    ),
    "accelerate launch --multi_gpu --num_processes 2 -m trainer fit net.py:Net --data shapes --batch-size 64": (
        "tests/trainer/test_processes.py starts it"
    ),
    "python -m tests.benchmarks.augmentation": _LONG,
    "python -m tests.benchmarks.command": _LONG,
    "python -m tests.benchmarks.exactness": f"{_LONG}; tests/test_docs.py runs a part of it",
    "python -m tests.benchmarks.memory": _LONG,
    "python -m tests.benchmarks.speed": f"{_LONG}; tests/test_docs.py runs a part of it",
    "python -m tests.benchmarks.suggest": _LONG,
    "python -m tests.benchmarks.suggest_networks": _LONG,
    "python -m tests.benchmarks.training --seconds 8 --rounds 2": _LONG,
    "python -m tests.benchmarks.training_memory": _LONG,
    "python -m tests.benchmarks.verify": _LONG,
}
"""Lines that no test runs whole, and why; their options are read."""


def begins(block: Block, starts: tuple[str, ...]) -> bool:
    return block.text.startswith(starts)


def runs_elsewhere(page: str, block: Block) -> bool:
    """As a program, as a command with what it prints, as data, or as a part of the site."""
    known = ("python", "{eval-rst}", *READERS)
    return (
        block.language in known
        or block.text.startswith("$ rfkit ")
        or begins(block, ELSEWHERE.get(page, ("", ()))[1])
        or begins(block, NO_CODE.get(page, ()))
    )


def lines(block: Block) -> list[str]:
    """Its command lines, without the prose that stands beside them, three spaces or a # away."""
    shown = (re.split(r"\s{3,}|\s+# ", line.removeprefix("$ "))[0].rstrip() for line in block.text.splitlines())
    return [line for line in shown if line]


def lines_of(page: str) -> list[str]:
    return [line for block in code_blocks(page) if not runs_elsewhere(page, block) for line in lines(block)]


RUN_HERE = re.compile(r"(?:rfkit|trainer|git) ")
"""How a line begins that this file runs."""


def unknown(page: str) -> list[str]:
    """Lines that are neither run nor in a list above."""
    return [line for line in lines_of(page) if not RUN_HERE.match(line) and line not in NOT_RUN]


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_code_is_run_or_stands_here_with_the_reason_why_not(page: str) -> None:
    assert unknown(page) == []


def test_a_new_line_and_a_new_block_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    added = "\n```bash\nmake all\nrfkit report net.py:Net\n```\n\n```text\nhello\n```\n\n    pip install other\n"
    monkeypatch.setitem(globals(), "text_of", lambda page, read=text_of: read(page) + added)
    assert unknown("docs/suggest.md") == ["make all", "hello", "pip install other"]


def test_every_fence_is_seen_by_the_tests_that_run_them() -> None:
    """Those that find blocks by an expression find what Markdown does."""
    for page in PAGES:
        fenced = [
            block.text for block in code_blocks(page) if f"\n```{block.language}\n{block.text}```" in text_of(page)
        ]
        assert fenced == [text for _, text in blocks(page)], page


def test_no_reason_is_of_a_line_that_no_page_has() -> None:
    assert NOT_RUN.keys() - {line for page in PAGES for line in lines_of(page)} == set()
    for page, starts in [*((page, starts) for page, (_, starts) in ELSEWHERE.items()), *NO_CODE.items()]:
        for start in starts:
            assert [block for block in code_blocks(page) if begins(block, (start,))], f"{page}: {start}"


@pytest.mark.parametrize("page", ELSEWHERE)
def test_the_test_that_is_named_is_about_the_page(page: str) -> None:
    assert Path(page).name in (ROOT / ELSEWHERE[page][0]).read_text(encoding="utf-8")


def parses(monkeypatch: pytest.MonkeyPatch, module: str, words: list[str]) -> None:
    """Call a program of ours for its options alone."""
    read = argparse.ArgumentParser.parse_args

    class ReadError(Exception):
        pass

    def only_read(parser: argparse.ArgumentParser, given: list[str] | None = None) -> None:
        read(parser, given)
        raise ReadError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_read)
    monkeypatch.setattr(sys, "argv", [module, *words])
    with pytest.raises(ReadError):
        importlib.import_module(module).main()


@pytest.mark.parametrize("line", [line for line in NOT_RUN if "tests.benchmarks" in line])
def test_a_benchmark_that_is_not_run_has_the_options_of_its_line(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, *words = shlex.split(line.removeprefix("python -m "))
    parses(monkeypatch, module, words)


@pytest.mark.parametrize("line", [line for line in NOT_RUN if " trainer fit " in line or line.startswith("trainer ")])
def test_a_training_that_is_not_run_has_options_that_are_understood(line: str) -> None:
    understand(PROGRAMS["trainer"], "trainer", shlex.split(f" {line}".partition(" trainer ")[2]))


def test_what_pip_is_asked_to_install_is_there() -> None:
    extras = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
    asked = [word for line in NOT_RUN for word in re.findall(r"\.\[(\w+)\]", line)]
    assert sorted(asked) == ["dev", "train"]
    assert set(asked) <= set(extras)


def test_the_first_step_of_the_checks_is_the_line_of_the_readme() -> None:
    (line,) = [line for line in NOT_RUN if "pytest" in line]
    assert re.search(r"^(python3 -m venv .*pytest.*)$", text_of("README.md"), re.MULTILINE)[1] == line  # type: ignore[index]
    assert "README.md | head -n 1" in text_of(".ci/run")


# -- blocks that are neither commands nor programs -----------------------------------------------------------------------


def test_the_box_that_the_page_on_graphs_explains_is_drawn() -> None:
    (legend,) = [block for block in code_blocks("docs/graph.md") if block.text.startswith("conv2.0")]
    words = [word for line in legend.text.splitlines()[:3] for word in re.split(r"\s{2,}", line)[:2]]
    assert len(words) == 6
    report = rfkit.trace(TwoBranchNet(), (1, 3, 32, 32))
    drawn = graph.source(report, color="params") + graph.source(report, color="macs")
    assert [word for word in words if word not in re.sub(r"<[^>]*>", "", drawn)] == []


def test_the_page_on_html_reports_names_the_largest_picture() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert f"up to {2 * Image.MAX_IMAGE_PIXELS:,} pixels" in text_of("docs/html-report.md")


def test_the_line_on_the_page_of_the_run_folder_loads_the_weights_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = [block.text for block in code_blocks("docs/run-folder.md") if block.text.startswith("model.load_state")]
    shutil.copytree(ROOT / "docs/weights/lean-net", tmp_path / "runs" / "NAME")
    monkeypatch.chdir(tmp_path)
    model = LeanNet()
    before = next(iter(model.parameters())).clone()
    exec(line, {"model": model, "safetensors": safetensors})
    assert not torch.equal(before, next(iter(model.parameters())))


# -- lines that are run ------------------------------------------------------------------------------------------------

RUN = "runs/Net-20260101-120000"
NET = '''from trainer.models.documents import TwoBranchNet


class Net(TwoBranchNet):
    """The network of the documents under a short name."""
'''
SPEC = '[defaults]\nparams = "< 200k"\n[models.net]\ntarget = "net.py:Net"\ninput = "3x32x32"\n'
TABLE = "layer,k,s,r_out\nconv1.0,3,2,3\n"
FEW = ["--batch-size", "16", "--precision", "float32", "--layout", "contiguous", "--threads", "1"]
"""For few images, and without the steps that measure which way is the fastest."""
VERDICTS = {"rfkit audit net.py:Net --claim 47": 1}
"""Exit codes of lines that find something; of all others it is 0."""


def words_of(line: str) -> list[str]:
    """As a shell splits it: names of files in the place of a pattern that is not quoted."""
    words = []
    for raw in shlex.split(line, posix=False):
        (word,) = shlex.split(raw)
        words += (sorted(glob(word)) if raw == word else []) or [word]
    return words


def adapted(words: list[str]) -> list[str]:
    """A training of one epoch, or one more, on drawn shapes where the data would be downloaded; a second spec is printed."""
    if words[0] == "init" and Path("rfkit.toml").exists():
        return [*words, "-o", "-"]
    if words[0] not in ("data", "fit", "lr-find"):
        return words
    if "--resume" in words:
        return [*words, "--epochs", "2", "--no-report"]
    here = any(word.startswith(("shapes", "folder:")) for word in words)
    more = {"data": [], "lr-find": FEW, "fit": [*FEW, "--epochs", "1", "--workers", "0", "--no-report"]}
    return [*words, *([] if here else ["--data", "shapes"]), *more[words[0]]]


def run(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a line; what stands behind a pipe gets what it prints."""
    command, _, rest = line.partition(" | ")
    program, *words = words_of(command)
    if program == "git":
        git(*words)
        return
    main = cli.main if program == "rfkit" else trainer_cli.main
    code = main(adapted(words))
    printed = capsys.readouterr()
    assert code == VERDICTS.get(line, 0), f"{line}: {printed.out}{printed.err}"
    if rest:
        subprocess.run(rest, shell=True, check=True, input=printed.out.encode())


def git(*words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


def lay_out(folder: Path) -> None:
    """The files of the repository, without the pictures that commands draw anew."""
    (folder / "docs" / "images").mkdir(parents=True)
    for name in ("rfkit", "tests", "trainer"):
        (folder / name).symlink_to(ROOT / name)
    for path in (ROOT / "docs").iterdir():
        if path.name not in ("images", "gallery"):
            (folder / "docs" / path.name).symlink_to(path)


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def photo(name: str, number: int = 0) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    picture(number, (32, 32)).save(name)


def labelled(folder: str, classes: Iterable[str]) -> None:
    """Two images of each class to train on, and two to test."""
    places = [f"{folder}/{split}/{name}/{row}.png" for split in ("train", "test") for name in classes for row in "ab"]
    for number, place in enumerate(places):
        photo(place, number)


def trained(name: str) -> None:
    """A run of ``net.py:Net``."""
    assert trainer_cli.main(adapted(["fit", "net.py:Net", "--data", "shapes", "--run", name])) == 0


def weights(name: str) -> None:
    safetensors.torch.save_file(rfkit.load("net.py:Net").state_dict(), name)


def spreadsheet(name: str) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="reading .xlsx needs openpyxl: pip install 'rfkit[xlsx]'")
    book = openpyxl.Workbook()
    for row in TABLE.splitlines():
        book.active.append([int(cell) if cell.isdigit() else cell for cell in row.split(",")])
    book.save(name)


def published(name: str) -> None:
    """A copy of the published run."""
    shutil.copytree(ROOT / "docs/weights/lean-net", name)


def branch() -> None:
    """A repository whose second revision has a wider network; both are tagged, the second is on a branch."""
    git("init", "-q", "-b", "main")
    for tag, text in (("v1", NET.replace("TwoBranchNet", "FourBlockNet")), ("v2", NET)):
        write("net.py", text)
        git("add", "net.py")
        git("commit", "-qm", tag)
        git("tag", tag)
        if tag == "v1":
            git("checkout", "-qb", "other")


def two_versions() -> None:
    for name in ("old", "new"):
        write(f"{name}.py", NET)
        assert cli.main(["report", f"{name}.py:Net", "--format", "json", "-o", f"{name}.json"]) == 0


def submissions() -> None:
    for name in "ab":
        write(f"submissions/{name}/model.py", NET)


NEEDS: dict[str, list[Callable[[], object]]] = {
    "README.md": [
        branch,
        partial(write, "rfkit.toml", SPEC),
        partial(write, "calculation.csv", TABLE),
        submissions,
        partial(trained, RUN),
    ],
    "docs/audit.md": [partial(write, "rf.csv", TABLE), partial(spreadsheet, "rf.xlsx")],
    "docs/augmentation.md": [
        lambda: write("my_augmentation.yaml", dict(blocks("docs/augmentation.md"))["yaml"]),
    ],
    "docs/baseline-and-diff.md": [branch, partial(write, "rfkit.toml", SPEC), two_versions],
    "docs/data.md": [partial(labelled, "pets", ["cat", "dog"])],
    "docs/erf.md": [
        partial(published, "runs/Net-1"),
        partial(weights, "best.safetensors"),
        partial(photo, "photos/a.png"),
        partial(photo, "photos/b.jpg"),
    ],
    "docs/html-report.md": [partial(photo, "photo.jpg"), partial(write, "rfkit.toml", SPEC)],
    "docs/lean-net.md": [partial(published, "runs/lean-net-0")],
    "docs/suggest.md": [partial(write, "rfkit.toml", SPEC)],
    "docs/trainer.md": [
        partial(trained, RUN),
        partial(labelled, "pets", [f"breed-{number}" for number in range(37)]),
        partial(labelled, "elsewhere/pets", shapes.OUTLINES),
        partial(photo, "cat.jpg"),
        partial(photo, "dog.jpg"),
    ],
}
"""What must be there before the lines of a page are run, besides the repository's files and those that the page shows."""

MADE = {
    "README.md": ["report.json", "net.svg", "marks.csv", "rfkit-baseline.json", "growth.png", "net.onnx"],
    "docs/audit.md": ["fixed.csv"],
    "docs/baseline-and-diff.md": ["rfkit-baseline.json"],
    "docs/erf.md": ["erf.png", "growth.png", "erf.json", "all.png", "training.png", "docs/images/erf-growth.png"],
    "docs/graph.md": ["net.svg", "resnet18.pdf", "overview.svg", "net.jpg"],
    "docs/html-report.md": ["report.html", "resnet50.html"],
    "docs/lean-net.md": ["docs/images/lean-net-erf.png", "docs/images/lean-net.svg"],
    "docs/recipes.md": ["rfkit.toml"],
    "docs/trainer.md": [
        "figures/shapes/samples.png",
        "runs/a/report.html",
        "runs/b/result.json",
        "runs.png",
        "net.pt",
        "net.onnx",
    ],
}
"""Files that the lines of a page leave behind."""


@pytest.fixture
def threads() -> Iterator[None]:
    """A training sets how many PyTorch uses; afterwards they are as many as before."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("page", [page for page in PAGES if any(map(RUN_HERE.match, lines_of(page)))])
def test_the_command_lines_of_a_page_run(
    page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if any(line.startswith("rfkit graph") for line in lines_of(page)) and shutil.which("dot") is None:
        pytest.skip("the dot program of Graphviz is not installed")
    place = tmp_path / "place"
    lay_out(place)
    workplace(page, place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shapes, "COUNTS", {"train": 60, "test": 20})
    if not Path("net.py").exists():
        write("net.py", NET)
    for prepare in NEEDS.get(page, []):
        prepare()
    capsys.readouterr()
    for line in lines_of(page):
        if RUN_HERE.match(line) and line not in NOT_RUN:
            run(line, capsys)
    assert [name for name in MADE.get(page, []) if not Path(name).is_file()] == []
