"""The page as a file: nothing is loaded, names are harmless, the table is complete without its script, what the gate found."""

from __future__ import annotations

import base64
import io
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

import rfkit
from rfkit.cli import main
from rfkit.errors import UsageError
from rfkit.render import html
from rfkit.render.html import data, runs, words
from rfkit.render.rows import select
from rfkit.report import Report
from tests.rfkit import reports
from trainer.models.documents import TwoBranchNet

EVIL = '</script><script>alert("1")</script>&\''


class Page(HTMLParser):
    """Rows of the table with the kinds of their cells, addresses of whatever is loaded, the data for the script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str | None]]] = []
        self.cells: list[str] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside.append(tag)
        self.addresses += [value for key, value in attrs if key in ("src", "href") and value and tag != "a"]
        if tag == "script":
            self.scripts.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append((tag, given.get("scope")))
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, text: str) -> None:
        if self.inside and self.inside[-1] == "script":
            self.scripts[-1] += text
        elif {"td", "th"} & set(self.inside):
            self.cells[-1] += text


@pytest.fixture(scope="module")
def two_branch() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32), units=True, holes=True)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [7],
        [-1, -1, 0, 0, 1, 1],
        list(range(0, 900, 3)),
        [max(0, i // 4 - 3) for i in range(1000)],
        [min(99, i - i % 5) for i in range(200)],
        random.Random(0).sample(range(1000), 300),
    ],
    ids=["none", "one", "nothing seen", "strided", "upsampled", "repeated", "random"],
)
def test_coded_numbers_are_decoded_to_the_same(values: list[int]) -> None:
    assert runs.decode(runs.encode(values)) == values


@pytest.mark.parametrize("step", [1, 2, 3, 4, 8, 16])
def test_what_10_000_upsampled_units_see_takes_few_numbers(step: int) -> None:
    low = [max(0, (i - i % step) // step * 2 - 40) for i in range(10_000)]
    assert len(runs.encode(low)) <= 2 * 3 * 16 + 17


def test_equal_ranges_are_written_once(two_branch: Report) -> None:
    rows = select(two_branch, all_rows=True).rows
    coded = data.page_data(two_branch, rows, [True] * len(rows))["ranges"]
    assert len(coded) == len({units for layer in two_branch for units in layer.units or ()})


def test_the_data_holds_the_names_and_nothing_that_ends_a_script() -> None:
    text = data.embedded({"name": EVIL + "\u2028é🎨"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": EVIL + "\u2028é🎨"}


def test_names_of_a_network_stay_text() -> None:
    net = nn.Sequential()
    net.add_module(EVIL, nn.Conv2d(3, 4, 3))
    page = Page(html.render(rfkit.trace(net, (1, 3, 16, 16), units=True, target=EVIL)))
    assert len(page.scripts) == 2
    assert json.loads(page.scripts[0])["layers"][0]["label"] == EVIL
    assert any(EVIL in cell for cell in page.cells)


def test_nothing_is_loaded_and_nothing_may_be(two_branch: Report) -> None:
    text = html.render(two_branch)
    assert all(address.startswith("data:") for address in Page(text).addresses)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-")
    assert "unsafe" not in policy[1]


def test_the_table_is_complete_without_the_script(two_branch: Report) -> None:
    page = Page(html.render(two_branch))
    head, *body = page.rows
    assert head == [("th", "col")] * 10
    assert body == [[("td", None), ("th", "row"), *[("td", None)] * 8]] * len(two_branch)
    shown = [cell.strip() for cell in page.cells[10:]]
    by_row = [shown[i : i + 10] for i in range(0, len(shown), 10)]
    for cells, row in zip(by_row, select(two_branch, all_rows=True).rows, strict=True):
        assert cells[1] == row.label + row.marks
        assert cells[5] == row.field


@pytest.mark.parametrize("make", [reports.odd, reports.gated, reports.video, reports.unet, reports.shifted])
def test_a_report_without_units_has_a_page_too(make) -> None:
    report = make()
    page = json.loads(Page(html.render(report)).scripts[0])
    assert [layer["ranges"] for layer in page["layers"]] == [None] * len(report)
    assert [layer["label"] for layer in page["layers"]] == [layer.label for layer in report]


def test_a_report_without_layers_has_a_page_too() -> None:
    report = rfkit.trace(nn.Identity(), (1, 3, 8, 8), units=True)
    assert "<table" in html.render(report)


@pytest.mark.parametrize("name", ["resnet50", "densenet201"])
def test_the_page_of_a_large_network_takes_less_than_a_megabyte(name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    with torch.device("meta"):
        net = models.get_model(name)
    report = rfkit.trace(net, (1, 3, 224, 224), units=True, holes=True)
    assert len(html.render(report).encode()) < 1_000_000


def test_tokens_are_one_row_of_units_and_maps_are_not() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 4, 4)
            self.mix = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mix(self.patches(x).flatten(2).transpose(1, 2))

    report = rfkit.trace(Tokens(), (1, 3, 32, 32), units=True)
    rows = select(report, all_rows=True).rows
    layers = {layer["label"]: layer for layer in data.page_data(report, rows, [True] * len(rows))["layers"]}
    assert layers["patches"]["dims"] == [[0], [1]]
    assert layers["mix"]["dims"] == [[0, 1]]


def test_what_is_not_usual_is_said_in_words() -> None:
    odd, gated = reports.odd(), reports.gated()
    said = {layer.label: " ".join(words.remarks(odd, layer)) for layer in odd}
    assert "mylib.mystery.default has no rule" in said["neck.mystery"]
    assert "Global along one axis (row)" in said["neck.mixer"]
    assert "disagree in jump or centre" in said["backbone.features.denseblock3.add"]
    assert "through se.avgpool, is left out" in " ".join(words.remarks(gated, gated["head"]))
    assert "every unit sees the same" in " ".join(words.remarks(gated, gated["se.avgpool"]))


def test_holes_are_said_and_drawn_only_where_there_are_some(two_branch: Report) -> None:
    assert "skips one position" in " ".join(words.remarks(two_branch, two_branch["conv2.4"]))
    rows = select(two_branch, all_rows=True).rows
    layers = data.page_data(two_branch, rows, [True] * len(rows))["layers"]
    assert [layer["sets"] is not None for layer in layers] == [layer.runs is not None for layer in two_branch]
    assert all(layer.runs for layer in two_branch if any(layer.max_hole or ()))


def test_units_that_skip_alike_share_what_they_skip() -> None:
    net = nn.Conv1d(1, 1, 3, dilation=40, padding=40)
    report = rfkit.trace(net, (1, 1, 2000), units=True, holes=True)
    rows = select(report, all_rows=True).rows
    ((ways, chosen),) = data.page_data(report, rows, [True])["sets"]
    assert [runs.decode(firsts) for firsts, _ in ways] == [[0, 40], [0, 40, 80]]
    assert runs.decode(chosen) == [1] * 40 + [2] * 1920 + [1] * 40


def test_holes_of_more_units_than_can_be_looked_at_are_those_of_the_centre() -> None:
    net = nn.Conv1d(1, 1, 3, dilation=40, padding=40)
    report = rfkit.trace(net, (1, 1, 3000), units=True, holes=True)
    assert report.layers[0].runs is None
    rows = select(report, all_rows=True).rows
    ((_, chosen),) = data.page_data(report, rows, [True])["sets"]
    assert [unit for unit, way in enumerate(runs.decode(chosen)) if way] == [1500]


def opened(picture: html.Picture) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture.address.partition(",")[2])))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 32), (50, 200), (300, 90), (2000, 1000)])
def test_the_drawn_picture_has_the_size_of_the_input_up_to_a_limit(height: int, width: int) -> None:
    image = opened(html.sample(height, width))
    assert image.size == ((width, height) if height < 2000 else (320, 640))


def test_one_channel_makes_the_picture_grey() -> None:
    assert opened(html.sample(28, 28, channels=1)).mode == "L"


def test_a_picture_of_the_reader_is_cut_to_the_shape_of_the_input(tmp_path: Path) -> None:
    """White, with a red square in its middle: the white to its left and right is what is cut."""
    image = Image.new("RGB", (300, 100), "white")
    image.paste("red", (80, 0, 220, 100))
    image.save(tmp_path / "photo.png")
    picture = html.from_file(tmp_path / "photo.png", 20, 20)
    assert opened(picture).convert("RGB").getcolors() == [(400, (255, 0, 0))]
    assert picture.caption == "photo.png, its middle resized to 20x20"


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert opened(html.from_file(tmp_path / "clear.png", 4, 4)).convert("RGB").getcolors() == [(16, (255, 255, 255))]


def test_a_file_that_is_no_picture_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(UsageError, match=r"notes\.txt: not a picture"):
        html.from_file(tmp_path / "notes.txt", 4, 4)
    with pytest.raises(UsageError, match=r"none\.png: there is no such file"):
        html.from_file(tmp_path / "none.png", 4, 4)


TARGET = "trainer/models/documents.py:TwoBranchNet"
ROOT = Path(__file__).resolve().parents[3]


def test_the_command_writes_the_page_with_the_readers_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "sea.png")
    page = tmp_path / "report.html"
    assert main(["report", TARGET, "--format", "html", "-o", str(page), "--image", str(tmp_path / "sea.png")]) == 0
    assert capsys.readouterr() == ("", "")
    assert "sea.png, its middle resized to 32x32" in page.read_text(encoding="utf-8")
    assert json.loads(Page(page.read_text(encoding="utf-8")).scripts[0])["layers"][0]["ranges"]


def test_broken_rules_are_shown_and_make_no_difference_to_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    spec = tmp_path / "rfkit.toml"
    spec.write_text('[defaults]\ninput = "3x48x48"\nreceptive_field = "> 90"\nparams = "< 200k"\n', encoding="utf-8")
    assert main(["report", TARGET, "--format", "html", "--spec", str(spec)]) == 0
    text = capsys.readouterr().out
    assert "1 of 2 rules broken" in text
    assert re.search(r'class="broken">\s*<span class="word">broken</span>\s*<code>RF101</code>', text)
    assert "1 rule that holds" in text
    assert "input 3x48x48" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "html", "--image", "none.png"], "image none.png: there is no such file"),
        (["--format", "html", "--spec", "none.toml"], "none.toml"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_exit_code_2(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["report", TARGET, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rfkit: ")
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_options_of_other_forms_are_said_to_be_idle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["report", TARGET, "--image", "photo.png", "--layers", "linear"]) == 0
    assert "--image makes no difference to --format table; it is for html" in capsys.readouterr().err
