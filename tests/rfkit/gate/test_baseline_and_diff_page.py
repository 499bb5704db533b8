"""``docs/baseline-and-diff.md`` shows what is really written, and names every figure and every key."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from rfkit.gate.formats.options import Options
from rfkit.gate.history import baseline_file
from rfkit.gate.history.baseline import Baseline, Entry
from rfkit.gate.history.diff_formats import FORMATS, Settings, render
from rfkit.gate.history.metrics import METRICS
from tests.rfkit import reports
from tests.rfkit.gate.test_diff import pull_request

PAGE = Path(__file__).resolve().parents[3] / "docs" / "baseline-and-diff.md"


def measured() -> Entry:
    report = reports.two_branch()
    return Entry.of(replace(report, totals=replace(report.totals, activation_bytes=827_984)))


def example(name: str) -> str:
    if name == "baseline":
        return baseline_file.render(Baseline({"net": measured()}, "0.1.0"))
    return render("full", pull_request()[:1], Settings(Options(width=80)))


@pytest.mark.parametrize("name", ["baseline", "diff"])
def test_the_page_shows_what_is_written(name: str, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n\n```\w+\n(.*?)```\n", page, re.DOTALL)
    assert found is not None
    if request.config.getoption("--renew-goldens"):
        PAGE.write_text(page[: found.start(1)] + example(name) + page[found.end(1) :], encoding="utf-8")
    else:
        assert found[1] == example(name)


def first_column(after: str) -> list[str]:
    """Words in code in the first cells of the first table below a line."""
    rows = PAGE.read_text(encoding="utf-8").split(after, 1)[1].lstrip("\n").split("\n\n", 1)[0].splitlines()[1:]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_the_page_names_every_figure_in_its_direction() -> None:
    assert first_column("| figure | what it is | worse when it is |") == [metric.key for metric in METRICS]
    page = PAGE.read_text(encoding="utf-8")
    for metric in METRICS:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{metric.key}` ")]
        assert row.split("|")[3].strip().startswith("larger" if metric.grows_worse else "smaller")


def test_the_page_names_every_form_and_every_key_of_the_json() -> None:
    data = json.loads(render("json", pull_request(), Settings()))
    assert first_column("none is renamed.\n\n| key | |") == list(data)
    assert first_column("| key of an entry | |") == list(data["diffs"][0])
    (row,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `--format FORM`")]
    assert [word for word in re.findall(r"`(\w+)`", row) if word != "RF501"] == list(FORMATS)
