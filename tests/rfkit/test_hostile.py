"""Files that do harm by accident: each is refused in one line, or judged rightly, and nothing of it is left.

The files are ``tests/assets/hostile``; the tables of ``docs/isolation.md`` hold what is expected of each.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from rfkit.isolation import Job, Traced, processes, trace_all

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = ROOT / "tests" / "assets" / "hostile"
PAGE = ROOT / "docs" / "isolation.md"
ROW = re.compile(r"^\| `(\w+)\.py` \| (.+) \| (.+) \|$", re.MULTILINE)
SLOW = re.compile("loop|ignores|alarm|by_a_program|grandparent|stack|deeply")
RUNS, TIMEOUT, MEMORY = 200, 3.0, 256 * 2**20

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="what is contained elsewhere is less: docs/isolation.md"
)


@dataclass(frozen=True)
class Row:
    """What the page says of a file: what it does, and what comes of it."""

    does: str
    told: str


ROWS = {name: Row(does, told) for name, does, told in ROW.findall(PAGE.read_text(encoding="utf-8"))}
FILES = sorted(path.stem for path in HOSTILE.glob("*.py"))


@dataclass(frozen=True)
class Outcome:
    """What came of one run over all files: the verdicts of each, and what was left in the folders."""

    verdicts: dict[str, list[Traced]]
    temporary: list[str]
    folder: list[str]
    environment: str


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Two hundred files in one run: each once, and those that are soon done again until there are so many."""
    folder, temporary = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("temporary")
    quick = [name for name in FILES if not SLOW.search(name)]
    names = FILES + [quick[i % len(quick)] for i in range(RUNS - len(FILES))]
    targets = [f"{name}_{i}.py:Net" if i >= len(FILES) else f"{name}.py:Net" for i, name in enumerate(names)]
    for name, target in zip(names, targets, strict=True):
        shutil.copy(HOSTILE / f"{name}.py", folder / target.removesuffix(":Net"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        patch.setenv("RFKIT_TEST", f"hostile-{os.getpid()}")
        patch.setattr(tempfile, "tempdir", None)
        jobs = [Job(target, directory=folder) for target in targets]
        traced = trace_all(jobs, workers=2, timeout=TIMEOUT, memory=MEMORY)
        patch.setattr(tempfile, "tempdir", None)
    verdicts: dict[str, list[Traced]] = {}
    for name, result in zip(names, traced, strict=True):
        verdicts.setdefault(name, []).append(result)
    left = {path.name for path in folder.iterdir()} - {target.removesuffix(":Net") for target in targets}
    return Outcome(verdicts, os.listdir(temporary), sorted(left - {"__pycache__"}), f"RFKIT_TEST=hostile-{os.getpid()}")


def told(name: str, traced: Traced) -> str:
    """What came of a file, as the page says it: without the target; copies are named as their original."""
    if traced.report is not None:
        return f"judged: {traced.report.totals.params} parameters"
    error = re.sub(rf"\b{name}_\d+\b", name, traced.error or "")
    assert error.startswith(f"{name}.py")
    return error.partition(" ")[2]


def agrees(found: str, expected: str) -> bool:
    """Whether a line is the expected one. An ellipsis stands for the rest; which line of a loop runs is left open."""
    found, expected = (re.sub(r"s \((\w+\.py), line \d+\)", r"s (\1, line …)", line) for line in (found, expected))
    return found.startswith(expected[:-1]) if expected.endswith("…") else found == expected


def test_the_page_has_a_row_for_every_file() -> None:
    assert sorted(ROWS) == FILES
    assert len(FILES) >= 30


@pytest.mark.parametrize("name", FILES)
def test_the_page_says_what_a_file_does(name: str) -> None:
    assert ROWS[name].does == ast.get_docstring(ast.parse((HOSTILE / f"{name}.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_gets_the_line_that_the_page_says(outcome: Outcome, name: str) -> None:
    for traced in outcome.verdicts[name]:
        assert (traced.report is None) != (traced.error is None)
        found, expected = told(name, traced), ROWS[name].told.strip("`")
        assert "\n" not in found
        assert found.isprintable()
        if name == "overflows_the_stack" and sys.version_info >= (3, 12):
            assert traced.report is None  # newer versions of Python raise RecursionError in time
        else:
            assert agrees(found, expected), found


def test_two_hundred_hostile_files_leave_no_process(outcome: Outcome) -> None:
    assert sum(map(len, outcome.verdicts.values())) == RUNS
    assert processes.marked(outcome.environment) == []


def test_two_hundred_hostile_files_leave_no_temporary_file(outcome: Outcome) -> None:
    assert outcome.temporary == []
    assert outcome.folder == ["rfkit.toml"]  # which one of them writes where it was run
