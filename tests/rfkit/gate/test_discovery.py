"""The spec is the nearest one up to the root of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfkit.errors import SpecError, UsageError
from rfkit.gate.spec.discovery import expand, find_spec, split_target
from tests.rfkit.gate.specs import write

SECTION = "[tool.rfkit]\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("name", ["rfkit.toml", ".rfkit.toml", "pyproject.toml"])
@pytest.mark.parametrize("folder", ["", "a", "a/b"])
def test_a_spec_in_this_folder_or_above(repository: Path, name: str, folder: str) -> None:
    path = write(repository / folder / name, SECTION)
    assert find_spec(repository / "a" / "b") == path


def test_the_nearest_comes_first(repository: Path) -> None:
    write(repository / "rfkit.toml", "")
    near = write(repository / "a" / "pyproject.toml", SECTION)
    assert find_spec(repository / "a" / "b") == near
    assert find_spec(repository) == repository / "rfkit.toml"


def test_the_order_within_a_folder(repository: Path) -> None:
    for name in ("pyproject.toml", ".rfkit.toml", "rfkit.toml"):
        path = write(repository / name, SECTION)
        assert find_spec(repository) == path


@pytest.mark.parametrize("text", ["", "[tool.ruff]\n", "tool = 3\n", "[project]\nname = 'rfkit'\n"])
def test_a_pyproject_without_the_section_is_passed_over(repository: Path, text: str) -> None:
    path = write(repository / "rfkit.toml", "")
    write(repository / "a" / "pyproject.toml", text)
    assert find_spec(repository / "a" / "b") == path


def test_a_pyproject_that_cannot_be_read_is_not(repository: Path) -> None:
    write(repository / "a" / "pyproject.toml", "[tool.rfkit\n")
    with pytest.raises(SpecError, match=r"pyproject\.toml:1: no valid TOML: "):
        find_spec(repository / "a" / "b")


@pytest.mark.parametrize("as_file", [False, True])
def test_what_lies_above_the_repository_does_not_count(repository: Path, as_file: bool) -> None:
    write(repository / "rfkit.toml", "")
    mark = repository / "a" / ".git"
    if as_file:
        mark.write_text("gitdir: elsewhere\n")
    else:
        mark.mkdir()
    assert find_spec(repository / "a" / "b") is None


def test_a_folder_of_that_name_is_no_spec(repository: Path) -> None:
    (repository / "rfkit.toml").mkdir()
    assert find_spec(repository) is None


def test_without_a_repository_the_search_goes_on_to_the_top(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = write(tmp_path / "rfkit.toml", "")
    assert find_spec(tmp_path / "a" / "b") == path


@pytest.fixture
def submissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("bo/model.py", "al/model.py", "al/deep/model.py", "al/notes.txt", "odd[1]/model.py"):
        write(tmp_path / "submissions" / name, "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("submissions/[ab]*/model.py:Net", ["submissions/al/model.py:Net", "submissions/bo/model.py:Net"]),
        ("submissions/?o/model.py", ["submissions/bo/model.py"]),
        ("submissions/al/**/*.py:Net", ["submissions/al/deep/model.py:Net", "submissions/al/model.py:Net"]),
        ("submissions/odd[1]/model.py:Net", ["submissions/odd[1]/model.py:Net"]),
        ("no/such/model.py:Net", ["no/such/model.py:Net"]),
        ("package.module:factory", ["package.module:factory"]),
    ],
)
def test_a_pattern_stands_for_the_files_that_match(submissions: Path, target: str, expected: list[str]) -> None:
    assert expand(target) == expected


def test_a_pattern_for_nothing_is_a_mistake(submissions: Path) -> None:
    with pytest.raises(UsageError, match=r"^no file matches submissions/z\*/model\.py; the pattern is relative to /"):
        expand("submissions/z*/model.py:Net")


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("model.py:Net", ("model.py", ":Net")),
        ("model.py", ("model.py", "")),
        ("a.b:make", ("a.b", ":make")),
        (r"C:\nets\model.py", (r"C:\nets\model.py", "")),
        (r"C:\nets\model.py:Net", (r"C:\nets\model.py", ":Net")),
    ],
)
def test_the_two_parts_of_a_target(target: str, parts: tuple[str, str]) -> None:
    assert split_target(target) == parts
