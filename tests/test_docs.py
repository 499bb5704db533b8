"""The documentation is true: its Python runs, its commands print what it shows, and it names every key of a report.

``test_docs_blocks.py`` runs the command lines, and holds that no block of code is run nowhere.

``pytest tests/test_docs.py --renew-goldens`` writes what the commands print into the pages.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
import yaml

import rfkit
from rfkit import cli
from rfkit.report import FLAGS, Layer, Report
from rfkit.rules import TABLE, registry
from tests.benchmarks import exactness, speed
from tests.shared import shared_path
from trainer.cli.app import app as trainer_app
from trainer.models.documents import TwoBranchNet

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("docs/*.md"), ROOT / "README.md"))
BLOCK = re.compile(r"^```([\w{}-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DURATION = re.compile(r"\bin [\d.]+ m?s\b|(?<=radients of )[\d,]+ units")
"""What depends on the machine: how long it took, and how many units there was time for."""
NAMED = re.compile(r"^# ([\w-]+\.\w+)\n")
NARROW = ("index", "quick-start", "targets", "report", "explain", "check", "init", "rule")
WIDTHS = {"README.md": "100", **{f"docs/{name}.md": "88" for name in NARROW}}
"""Columns of the terminal that a page shows; 120, as in a pipe, on all others."""

COMMAND = re.compile(r"^(?:\$ )?(rfkit|trainer) (.+?)(?:\s{3,}.*)?$", re.MULTILINE)
"""A command line; prose may stand beside it, three spaces away."""
PROGRAMS = {"rfkit": typer.main.get_command(cli.app), "trainer": typer.main.get_command(trainer_app)}
READERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "xml": ElementTree.fromstring,
    "yaml": yaml.safe_load,
}
PAGES_OF = {"baseline": ["baseline-and-diff"], "diff": ["baseline-and-diff"], "suggest": ["suggest", "check"]}
"""Pages of commands that do not have one of their own name alone."""
TRAINER_PAGES = ("trainer", "data", "augmentation", "run-folder")
"""Pages on which the options of the trainer's commands stand."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of every code block of a page."""
    return [(match[1], match[2]) for match in BLOCK.finditer(text_of(page))]


def shown_commands(page: str) -> list[str]:
    """Blocks that show a command of rfkit and what it prints."""
    return [text for _, text in blocks(page) if text.startswith("$ rfkit ")]


def workplace(page: str, folder: Path) -> Path:
    """Where the commands of a page run: in a folder with the files whose blocks begin with their name (``# net.py``)."""
    files = {match[1]: text for _, text in blocks(page) if (match := NAMED.match(text))}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder if files else ROOT


def command_lines(page: str) -> Iterator[tuple[str, list[str]]]:
    """Program and words of every command of rfkit or trainer in the code blocks of a page, up to a pipe or a comment."""
    for language, text in blocks(page):
        if language in ("", "bash", "console", "text"):
            yield from commands_of(text)


def commands_of(text: str) -> Iterator[tuple[str, list[str]]]:
    """Likewise of a text."""
    for program, line in COMMAND.findall(text):
        words = shlex.split(line, comments=True)
        ends = [words.index(sign) for sign in ("|", "&&", ">", ";") if sign in words]
        yield program, words[: min(ends, default=len(words))]


def understand(command: Any, name: str, words: list[str], parent: Any = None) -> None:
    """Read the options and arguments of a command without running it. Raises what a mistake in them raises."""
    context = command.make_context(name, list(words), parent=parent)
    if hasattr(command, "commands"):
        name, inner, rest = command.resolve_command(context, context._protected_args + context.args)
        understand(inner, name, rest, context)


def options(command: Any) -> list[list[str]]:
    """The names, long and short, of every option of a command and of those below it."""
    own = [[opt for opt in parameter.opts if opt.startswith("-")] for parameter in command.params]
    below = [names for inner in getattr(command, "commands", {}).values() for names in options(inner)]
    return [names for names in (*own, *below) if names]


def unmentioned(command: Any, pages: Sequence[str], start: str = "") -> list[list[str]]:
    """Options of a command that the pages do not name, in lines that begin so."""
    lines = [line for page in pages for line in text_of(f"docs/{page}.md").splitlines() if line.startswith(start)]
    shown = "\n".join(lines)
    return [names for names in options(command) if not any(re.search(rf"(?<![\w-]){opt}\b", shown) for opt in names)]


def section(page: str, heading: str) -> str:
    """The text under a heading, up to the next one of the same level."""
    return text_of(page).split(f"\n## {heading}\n")[1].split("\n## ")[0]


def cells(line: str) -> list[str]:
    """Cells of a line of a Markdown table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def table(text: str) -> list[list[str]]:
    """Rows of the only Markdown table in a text, as cells."""
    return [cells(line) for line in text.splitlines() if line.startswith("|")][2:]


def documented(page: str, heading: str) -> list[str]:
    return [row[0].strip("`") for row in table(section(page, heading))]


def layer_keys(report: Report) -> list[str]:
    return list(dict.fromkeys(key for layer in report.to_dict()["layers"] for key in layer))


@pytest.fixture(scope="module")
def report() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32), units=True, holes=True)


@pytest.fixture
def own_rules() -> Iterator[None]:
    """Rules that a page teaches are forgotten."""
    before = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(before)
    registry._FOUND.clear()


@pytest.mark.usefixtures("own_rules")
@pytest.mark.parametrize("page", [page for page in PAGES if "python" in dict(blocks(page))])
def test_python_in_the_documentation_runs(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page are one program."""
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {"__name__": "__main__"}
    for language, text in blocks(page):
        if language == "python":
            exec(compile(text, page, "exec"), names)


@pytest.mark.parametrize("page", [page for page in PAGES if shown_commands(page)])
def test_commands_in_the_documentation_print_what_is_shown(
    page: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(workplace(page, tmp_path))
    monkeypatch.delenv("COLUMNS", raising=False)
    if page in WIDTHS:
        monkeypatch.setenv("COLUMNS", WIDTHS[page])
    for shown in shown_commands(page):
        command, printed = shown.split("\n", 1)
        printed, _, code = printed.partition("$ echo $?\n")
        assert cli.main(shlex.split(command.removeprefix("$ rfkit "))) == int(code or 0), capsys.readouterr().err
        captured = capsys.readouterr()
        real = captured.out + (captured.err if code == "2\n" else "")
        if request.config.getoption("--renew-goldens"):
            (ROOT / page).write_text(
                text_of(page).replace(f"{command}\n{printed}", f"{command}\n{real}"), encoding="utf-8"
            )
        else:
            assert DURATION.sub("", printed) == DURATION.sub("", real), f"{command}: renew it with --renew-goldens"


@pytest.mark.parametrize("page", [page for page in PAGES if [*command_lines(page)]])
def test_every_command_line_of_the_documentation_is_understood(page: str) -> None:
    for program, words in command_lines(page):
        try:
            understand(PROGRAMS[program], program, words)
        except Exception as error:
            pytest.fail(f"{page}: {program} {shlex.join(words)}: {error}")


@pytest.mark.parametrize("page", [page for page in PAGES if READERS.keys() & dict(blocks(page))])
def test_every_block_of_data_is_well_formed(page: str) -> None:
    for language, text in blocks(page):
        if language in READERS:
            assert READERS[language](text) is not None


@pytest.mark.parametrize("name", PROGRAMS["rfkit"].commands)
def test_every_option_of_a_command_stands_on_its_page(name: str) -> None:
    """Those that all commands share stand on the page of targets."""
    assert unmentioned(PROGRAMS["rfkit"].commands[name], (*PAGES_OF.get(name, [name]), "targets")) == []


@pytest.mark.parametrize("name", PROGRAMS["trainer"].commands)
def test_every_option_of_the_trainer_stands_in_a_table_of_its_pages(name: str) -> None:
    assert unmentioned(PROGRAMS["trainer"].commands[name], TRAINER_PAGES, start="|") == []


def test_the_page_on_python_names_everything_that_is_public() -> None:
    assert [name for name in rfkit.__all__ if f":: rfkit.{name}" not in text_of("docs/python.md")] == []


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("Keys of the report", lambda report: list(report.to_dict())),
        ("Keys of a layer", layer_keys),
        ("Keys of the totals", lambda report: list(report.to_dict()["totals"])),
        ("Flags", lambda report: list(FLAGS)),
    ],
)
def test_every_key_is_documented_and_every_documented_key_exists(
    heading: str, keys: Callable[[Report], list[str]], report: Report
) -> None:
    found = documented("docs/json.md", heading)
    assert len(found) == len(set(found))
    assert set(found) == set(keys(report))


def test_keys_that_the_documentation_calls_per_axis_have_an_entry_per_axis(report: Report) -> None:
    rows = table(section("docs/json.md", "Keys of a layer"))
    per_axis = [name.strip("`") for name, value, _ in rows if value.startswith("per axis")]
    for layer in report.to_dict()["layers"]:
        assert {len(layer[key]) for key in per_axis} == {len(report.spatial)}


def test_the_example_of_the_json_page_is_a_report() -> None:
    (shown,) = shown_commands("docs/json.md")
    data = json.loads(shown.split("\n", 1)[1])
    assert isinstance(Report.from_dict(data)["conv2.0"], Layer)


def test_the_hand_calculation_is_quoted_as_it_was_written(report: Report) -> None:
    """Kernels, dilations, jumps and sizes of the table that arrives at 47; its numbers of units are right."""
    with shared_path("documents", "000_receptive_field_table.csv").open() as file:
        first_path = list(csv.DictReader(file))[:9]
    quoted = table(section("docs/receptive-fields.md", "Two hand calculations"))
    columns = ("k", "dilation", "j_in", "r_out")
    assert [row[1:5] for row in quoted] == [[row[column] for column in columns] for row in first_path]
    assert [report[row[0]].output_shape[2] for row in quoted] == [int(row["n_out"]) for row in first_path]


def test_the_columns_of_the_quoted_table_follow_from_its_figures(report: Report) -> None:
    before = 1
    for row in table(section("docs/receptive-fields.md", "Two hand calculations")):
        k, d, j, size = map(int, row[1:5])
        sums = [size - before, (k - 1) * j, (k - 1) * d, (k - 1) * d * j, report[row[0]].receptive_field[0]]
        assert [int(cell) for cell in row[5:]] == sums
        before = size


def test_the_speed_benchmark_prints_the_table_of_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    """Same columns, and of a network the same side and bar; times are not compared."""
    speed.main(["resnet18", "--rounds", "1"])
    header, _, resnet18 = (line for line in capsys.readouterr().out.splitlines() if line.startswith("|"))
    shown = section("docs/benchmarks.md", "Speed")
    assert cells(header) in [cells(line) for line in shown.splitlines()]
    (row,) = (row for row in table(shown) if row[0] == cells(resnet18)[0])
    assert row[-2] == cells(resnet18)[-2]
    assert [name.split()[0] for name, *_ in table(shown)] == list(speed.NETWORKS)


def test_the_exactness_command_prints_the_table_of_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    shared_path("cases")
    assert exactness.main(["functional", "two_branch_net"]) == 0
    printed = [cells(line) for line in capsys.readouterr().out.splitlines()]
    shown = [cells(line) for line in text_of("docs/exactness.md").splitlines()]
    assert [row for row in printed if row[0] in ("network", "functional", "two_branch_net")] == [
        row for row in shown if row and row[0] in ("network", "functional", "two_branch_net")
    ]


def test_every_measured_network_has_a_row_whose_units_are_all_equal() -> None:
    rows = table(text_of("docs/exactness.md"))
    assert {row[0] for row in rows} == {path.stem for path in shared_path("cases").glob("*.json")} | {"all"}
    assert [row[0] for row in rows if row[3] != row[4]] == []
    units = [int(row[3].replace(",", "")) for row in rows]
    assert units[-1] == sum(units[:-1])
