"""JSON, CSV, Markdown and HTML say the same as the table, each by the rules of its form."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rfkit.errors import UsageError
from rfkit.render import as_csv, as_json, markdown, notebook
from rfkit.render.rows import select
from rfkit.report import Report
from tests.rfkit import reports

Make = Callable[[], Report]
Golden = Callable[[str, str], None]
ALL = [reports.two_branch, reports.unet, reports.wavenet, reports.video, reports.gated, reports.odd]
each_report = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)


@each_report
def test_json_round_trips_and_has_a_line_for_every_layer(make: Make) -> None:
    report = make()
    rendered = as_json.render(report)
    assert json.loads(rendered) == report.to_dict()
    assert Report.from_dict(json.loads(rendered)) == report
    assert rendered.endswith("}\n")
    assert sum(line.startswith('    {"name": ') for line in rendered.splitlines()) == len(report)


def test_json_writes_fractions_as_strings_and_keeps_single_units() -> None:
    report = reports.wavenet()
    seen = replace(report.layers[0], units=((tuple(range(150)), tuple(range(150))),))
    data = json.loads(as_json.render(replace(report, layers=(seen, *report.layers[1:]))))
    assert data["layers"][0]["start"] == ["1/2"]
    assert data["layers"][0]["lo"] == [list(range(150))]
    assert "lo" not in data["layers"][1]


@pytest.mark.parametrize("form", [as_json, as_csv, markdown, notebook])
def test_a_pattern_filters_every_form_or_is_an_error(form: object) -> None:
    rendered = form.render(reports.two_branch(), layers="conv3.0")
    assert "conv3.0" in rendered
    assert "conv2.0" not in rendered
    with pytest.raises(UsageError, match="no layer matches 'nothing'"):
        form.render(reports.two_branch(), layers="nothing")


def test_a_filtered_json_keeps_the_totals_of_the_whole_network() -> None:
    data = json.loads(as_json.render(reports.two_branch(), layers="conv1.*"))
    assert [layer["name"] for layer in data["layers"]] == ["conv1.0", "conv1.1", "conv1.2", "conv1.3"]
    assert data["totals"]["params"] == 145_114


@each_report
def test_csv_has_every_layer_and_every_key_of_the_json(make: Make) -> None:
    report = make()
    rows = list(csv.DictReader(io.StringIO(as_csv.render(report))))
    assert [row["name"] for row in rows] == [layer.name for layer in report]
    assert set(rows[0]) == set(report.to_dict()["layers"][0])
    assert [int(row["params"]) for row in rows] == [layer.params for layer in report]


def test_csv_joins_axes_by_x_and_names_by_spaces() -> None:
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(as_csv.render(reports.odd())))}
    stem = rows["backbone.features.stem.convolution"]
    assert (stem["kernel_size"], stem["start"], stem["global"]) == ("5x7", "1/2x1/2", "false false")
    assert (rows["neck.mystery"]["receptive_field"], rows["neck.mystery"]["coverage"]) == ("", "")
    assert rows["backbone.features.denseblock3.add"]["inputs"].split() == [
        "backbone.features.denseblock3.denselayer12.conv1",
        "backbone.features.denseblock3.denselayer12.pooling",
    ]


@each_report
def test_markdown_has_the_rows_of_the_table_in_as_many_cells_as_its_head(make: Make) -> None:
    report = make()
    lines = [line for line in markdown.render(report).splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines]
    assert len({len(row) for row in cells}) == 1
    assert [row[0].strip(" `") for row in cells[2:]] == [row.label for row in select(report).rows]
    assert all(re.fullmatch(r" (:--|--:) ", cell) for cell in cells[1])


def test_markdown_escapes_what_would_be_markup() -> None:
    report = replace(reports.gated(), target="my_net*.py:<Net>", notes=("a | b",))
    rendered = markdown.render(report)
    assert "**my\\_net\\*.py:\\<Net\\>**" in rendered
    assert "A \\| b." in rendered


class Outline(HTMLParser):
    """Tags in balance, text and attributes collected."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.attributes += attrs
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[-1] += data


@each_report
def test_html_is_well_formed_and_holds_every_row(make: Make) -> None:
    report = make()
    outline = Outline(notebook.render(report))
    assert not outline.open
    rows = select(report).rows
    assert outline.cells[::10] == [row.label for row in rows]
    assert outline.cells[4::10] == [row.field for row in rows]


@each_report
def test_html_loads_nothing_and_follows_the_pages_colours(make: Make) -> None:
    page = notebook.render(make())
    assert not {name for name, _ in Outline(page).attributes} & {"src", "href"}
    assert not re.search(r"url\(|@import|<script|https?:", page)
    assert "prefers-color-scheme: dark" in page
    assert "currentColor" in page


def test_html_escapes_names() -> None:
    report = reports.gated()
    strange = replace(report.layers[0], name="<img src=x>", type="A&B")
    page = notebook.render(replace(report, target="<b>.py", layers=(strange, *report.layers[1:]), notes=("x < y",)))
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page
    assert "A&amp;B" in page
    assert "X &lt; y." in page


def test_a_notebook_shows_the_report_as_html() -> None:
    assert reports.gated()._repr_html_() == notebook.render(reports.gated())


def test_the_forms_look_as_they_did(golden: Golden) -> None:
    golden("json_wavenet.json", as_json.render(reports.wavenet()))
    golden("csv_odd.csv", as_csv.render(reports.odd()))
    golden("markdown_two_branch.md", markdown.render(reports.two_branch()))
    golden("markdown_odd.md", markdown.render(reports.odd()))
    golden("notebook_gated.html", notebook.render(reports.gated()))
