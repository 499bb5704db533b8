"""The page in a browser: what it draws is what the report says, and it can be used with a mouse, a keyboard and a filter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rfkit
from rfkit.render import html
from rfkit.report import Layer, Report
from tests.browser import Open, Opened
from tests.rfkit import reports
from trainer.models.documents import TwoBranchNet

EVIL = "</script><img src=x onerror=alert('1')>\"&é🎨"

FRAME = """() => Object.fromEntries(["x", "y", "width", "height"].map(
    (name) => [name, Number(document.querySelector("#views .seen").getAttribute(name))]))"""

STEP_THROUGH = """(units) => units.map((unit) => {
    unit.forEach((number, dim) => {
        const input = document.querySelector(`#places input[data-dim="${dim}"]`);
        input.value = number;
        input.dispatchEvent(new Event("change"));
    });
    return [...document.querySelectorAll("#views .seen")].map((rect) => rect.hasAttribute("hidden") ? null :
        ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name))));
})"""


class Wave(nn.Module):
    """A long signal, made shorter and longer again."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv1d(1, 4, 9, padding=4)
        self.down = nn.Conv1d(4, 4, 4, 2, 1)
        self.deep = nn.Conv1d(4, 4, 3, dilation=300, padding=300)
        self.up = nn.ConvTranspose1d(4, 4, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.wide(x)
        return x + self.up(self.deep(self.down(x)))


class TwoSizes(nn.Module):
    """Two inputs of different sizes, added."""

    def __init__(self) -> None:
        super().__init__()
        self.large = nn.Conv2d(3, 4, 3, 2, 1)
        self.small = nn.Conv2d(1, 4, 5, padding=2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.large(x) + self.small(y)


@pytest.fixture(scope="module")
def report() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32), units=True, holes=True)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return html.render(report)


def frame_of(layer: Layer, unit: Sequence[int]) -> dict[str, int]:
    """What a unit of a layer with rows and columns sees, as a frame."""
    (top, bottom), (left, right) = ((lo[i], hi[i]) for (lo, hi), i in zip(layer.units or (), unit, strict=True))
    return {"x": left, "y": top, "width": right - left + 1, "height": bottom - top + 1}


def centre(layer: Layer) -> tuple[int, ...]:
    return tuple(len(lo) // 2 for lo, _ in layer.units or ())


def named(found: Opened) -> str:
    return str(found.page.text_content("#field-name"))


def shown(found: Opened) -> list[str]:
    """Names in the rows that are visible, from top to bottom."""
    rows = found.page.eval_on_selector_all(
        "#table tbody tr:not([hidden]) th a", "links => links.map(a => a.textContent)"
    )
    return [str(name) for name in rows]


def link(found: Opened, label: str) -> Any:
    return found.page.locator("#table tbody th a").filter(has_text=re.compile(f"^{re.escape(label)}$"))


def lead_to(found: Opened, label: str) -> None:
    """Change the address to that of another layer."""
    found.page.evaluate("label => { location.hash = `#layer=${label}`; }", label)
    found.page.wait_for_selector(f"#field-name:text-is('{label}')")


def node(found: Opened, label: str) -> Any:
    return found.page.locator(f'#graph a[aria-label="{label}"]')


def test_the_page_logs_nothing_and_loads_nothing(page: str, opened: Open) -> None:
    found = opened(page, "#layer=conv2.0")
    found.page.hover("#plane")
    assert found.said == []
    assert [address[:5] for address in found.requested if not address.startswith("data:")] == ["file:"]
    assert len([address for address in found.requested if address.startswith("file:")]) == 1


def test_fields_are_those_of_the_report_for_every_unit_looked_at(report: Report, page: str, opened: Open) -> None:
    found = opened(page)
    for label in ("conv1.0", "conv2.4", "dsb.0", "add"):
        lead_to(found, label)
        layer = report[label]
        (rows, _), (columns, _) = layer.units or ()
        units = [(i, j) for i in {0, 1, len(rows) - 1} for j in {0, len(columns) // 2, len(columns) - 1}]
        drawn = [
            dict(zip(("x", "y", "width", "height"), rects[0], strict=True))
            for rects in found.page.evaluate(STEP_THROUGH, units)
        ]
        assert drawn == [frame_of(layer, unit) for unit in units]


@pytest.mark.parametrize("unit", [(6, 6), (0, 3), (11, 1)])
def test_the_holes_of_the_unit_pointed_at_are_the_reports(
    report: Report, page: str, opened: Open, unit: tuple[int, int]
) -> None:
    found = opened(page, "#layer=conv2.4")
    found.page.evaluate(STEP_THROUGH, [unit])
    path = found.page.get_attribute("#plane .outside", "d")
    rows = {
        row for top, count in re.findall(r"M0 (\d+)h32v(\d+)", path) for row in range(int(top), int(top) + int(count))
    }
    columns = {
        c for left, count in re.findall(r"M(\d+) 0h(\d+)v32", path) for c in range(int(left), int(left) + int(count))
    }
    sets = [units[u] for units, u in zip(report["conv2.4"].runs or (), unit, strict=True)]
    assert all(len(runs) > 1 for runs in sets)
    reached = [{p for first, last in runs for p in range(first, last + 1)} for runs in sets]
    assert [set(range(32)) - rows, set(range(32)) - columns] == reached
    assert "with holes" in str(found.page.text_content("#readout"))


def test_the_pointer_on_a_row_or_a_node_draws_its_field_and_leaving_brings_the_chosen_one_back(
    report: Report, page: str, opened: Open
) -> None:
    found = opened(page, "#layer=conv1.0")
    link(found, "conv3.8").hover()
    assert named(found) == "conv3.8"
    assert found.page.evaluate(FRAME) == frame_of(report["conv3.8"], centre(report["conv3.8"]))
    node(found, "conv2.0").hover()
    assert named(found) == "conv2.0"
    found.page.hover("h1")
    assert named(found) == "conv1.0"


def test_a_click_on_a_row_a_node_or_a_link_keeps_the_layer(page: str, opened: Open) -> None:
    found = opened(page)
    found.page.click("#table tbody tr:has-text('dsb.1') td.output")
    found.page.hover("h1")
    assert named(found) == "dsb.1"
    assert found.page.url.endswith("#layer=dsb.1")
    node(found, "conv2.4").click()
    found.page.hover("h1")
    assert named(found) == "conv2.4"
    found.page.click("#links a:has-text('conv2.3')")
    assert named(found) == "conv2.3"


def test_the_keyboard_alone_reaches_every_layer_and_unit(report: Report, page: str, opened: Open) -> None:
    found = opened(page)
    press = found.page.keyboard.press
    press("Tab")
    assert found.page.evaluate("document.activeElement.className") == "skip"
    link(found, "conv1.0").focus()
    press("ArrowDown")
    press("ArrowDown")
    assert named(found) == "conv2.4"
    press("End")
    assert named(found) == "linear"
    press("Home")
    press("Tab")
    assert found.page.evaluate("document.activeElement.getAttribute('aria-label')") == "conv1.0"
    press("ArrowDown")
    assert named(found) == "conv2.0"
    found.page.focus("#map")
    press("ArrowUp")
    press("ArrowRight")
    assert found.page.evaluate(FRAME) == frame_of(report["conv2.0"], (6, 8))
    for _ in range(3):
        press("Shift+ArrowLeft")
    assert found.page.evaluate(FRAME) == frame_of(report["conv2.0"], (6, 0))


def test_units_are_pointed_at_on_the_map_and_on_the_picture(report: Report, page: str, opened: Open) -> None:
    found = opened(page, "#layer=conv1.0")
    box = found.page.locator("#map").bounding_box()
    found.page.mouse.move(box["x"] + box["width"] * 3.5 / 16, box["y"] + box["height"] * 12.5 / 16)
    assert found.page.evaluate(FRAME) == frame_of(report["conv1.0"], (12, 3))
    box = found.page.locator("#plane").bounding_box()
    found.page.mouse.move(box["x"] + box["width"] * 10.5 / 32, box["y"] + box["height"] * 20.5 / 32)
    assert found.page.evaluate(FRAME) == frame_of(report["conv1.0"], (10, 5))
    assert found.page.text_content("#readout") == "Sees rows 19 to 21 and columns 9 to 11."


def test_a_number_beyond_the_last_unit_is_the_last_unit(report: Report, page: str, opened: Open) -> None:
    found = opened(page, "#layer=conv1.0")
    found.page.fill("#places input[data-dim='0']", "99")
    found.page.keyboard.press("Enter")
    assert found.page.input_value("#places input[data-dim='0']") == "15"
    assert found.page.evaluate(FRAME) == frame_of(report["conv1.0"], (15, 8))


def test_a_border_that_cuts_a_field_is_named(page: str, opened: Open) -> None:
    found = opened(page, "#layer=conv2.8")
    found.page.fill("#places input[data-dim='0']", "0")
    found.page.keyboard.press("Enter")
    assert "cut by the border: top" in found.page.text_content("#readout")


def test_the_filter_looks_at_names_and_types(report: Report, page: str, opened: Open) -> None:
    found = opened(page)
    found.page.fill("#filter", "conv3 conv2d")
    assert shown(found) == ["conv3.0", "conv3.4", "conv3.8"]
    assert found.page.text_content("#count") == "3 of 46 rows"
    found.page.fill("#filter", "batchnorm")
    assert shown(found) == []
    norms = sum(layer.type == "BatchNorm2d" for layer in report)
    assert found.page.text_content("#count") == f"0 of 46 rows, {norms} more among all rows"
    words = f"No row here has “batchnorm” in its name or type, but {norms} among all rows."
    assert found.page.inner_text("#nothing") == words
    found.page.check("#all")
    assert len(shown(found)) == norms
    assert found.page.locator("#graph a").count() == norms
    assert found.page.locator("#nothing").is_hidden()
    found.page.fill("#filter", "absent")
    assert found.page.inner_text("#nothing") == "No row here has “absent” in its name or type."


def test_without_a_script_the_table_is_there_and_what_needs_one_is_not(page: str, opened: Open) -> None:
    found = opened(page)
    context = found.page.context.browser.new_context(java_script_enabled=False, offline=True)
    plain = context.new_page()
    plain.goto(found.page.url)
    scripted = ("#theme", "#filter", "#all", "#growth", "#plane", "#facts")
    assert all(found.page.locator(place).is_visible() for place in scripted)
    assert not any(plain.locator(place).is_visible() for place in scripted)
    assert plain.locator("#table tbody tr:visible").count() == found.page.locator("#table tbody tr").count()
    assert plain.locator("noscript .alone").is_visible()
    context.close()


def test_rows_that_change_nothing_are_shown_when_asked_for(report: Report, page: str, opened: Open) -> None:
    found = opened(page)
    assert "conv1.1" not in shown(found)
    found.page.check("#all")
    assert shown(found) == [layer.label for layer in report]


@pytest.mark.parametrize(
    ("column", "figure"),
    [
        ("params", lambda layer: layer.params),
        ("macs", lambda layer: layer.macs),
        ("field", lambda layer: layer.receptive_field[0]),
        ("sees", lambda layer: layer.coverage),
        ("label", lambda layer: layer.label),
    ],
)
def test_headings_sort_both_ways(column: str, figure: Any, report: Report, page: str, opened: Open) -> None:
    found = opened(page)
    head = found.page.locator(f"thead th.{column}")
    head.locator("button").click()
    first = [figure(report[label]) for label in shown(found)]
    assert head.get_attribute("aria-sort") == ("ascending" if column == "label" else "descending")
    assert first == sorted(first, reverse=column != "label")
    head.locator("button").click()
    second = [figure(report[label]) for label in shown(found)]
    assert second == sorted(second, reverse=column == "label")
    assert found.page.locator("[aria-sort]").count() == 1


def test_an_address_leads_to_its_layer_even_where_its_row_is_left_out(page: str, opened: Open) -> None:
    found = opened(page, "#layer=conv3.9")
    assert named(found) == "conv3.9"
    assert "conv3.9" in shown(found)
    lead_to(found, "dsb.0")
    assert found.page.locator("tbody [aria-current=true]").get_attribute("title") == "dsb.0"


def test_an_address_without_a_layer_shows_the_first(page: str, opened: Open) -> None:
    assert named(opened(page, "#layer=nothing%E0")) == "conv1.0"


def test_nodes_stand_beside_their_rows_and_branches_in_lanes_of_their_own(page: str, opened: Open) -> None:
    found = opened(page)
    places = {}
    for label in shown(found):
        box, row = node(found, label).locator(".shell").bounding_box(), link(found, label).locator("xpath=ancestor::tr")
        middle = row.bounding_box()["y"] + row.bounding_box()["height"] / 2
        assert abs(box["y"] + box["height"] / 2 - middle) < 2
        places[label] = box["x"] + box["width"] / 2
    assert places["conv2.0"] == places["conv2.8"] != places["conv3.0"] == places["conv3.8"]


def test_the_system_decides_between_light_and_dark_until_the_button_does(page: str, opened: Open) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = opened(page).page.evaluate(paper), opened(page, dark=True).page.evaluate(paper)
    assert light == "rgb(255, 255, 255)" != dark
    found = opened(page)
    found.page.click("#theme")
    assert found.page.evaluate(paper) == dark
    assert found.page.get_attribute("#theme", "aria-pressed") == "true"
    found.page.click("#theme")
    assert found.page.evaluate(paper) == light


def test_the_chart_has_the_size_of_the_input_and_a_point_for_every_row(page: str, opened: Open) -> None:
    found = opened(page)
    assert found.page.locator("#growth .dot").count() == len(shown(found))
    assert found.page.text_content("#growth text.limit") == "input 32"
    box = found.page.locator("#growth .dot").last.bounding_box()
    found.page.mouse.click(box["x"] + 2, box["y"] + 2)
    assert named(found) == "linear"


def test_10_000_units_are_drawn_as_the_report_has_them(opened: Open) -> None:
    report = rfkit.trace(Wave(), (1, 1, 10_000), units=True)
    text = html.render(report)
    assert len(text) < 100_000
    found = opened(text)
    for label in ("wide", "deep", "up", "add"):
        lead_to(found, label)
        ((lo, hi),) = report[label].units or ()
        units = [0, 1, 299, 300, len(lo) // 2, len(lo) - 301, len(lo) - 1]
        drawn = [(x, x + width - 1) for ((x, _, width, _),) in found.page.evaluate(STEP_THROUGH, [[u] for u in units])]
        assert drawn == [(lo[unit], hi[unit]) for unit in units]
        assert found.said == []


def test_further_axes_are_strips_beside_the_picture(opened: Open) -> None:
    net = nn.Sequential(nn.Conv3d(3, 4, (3, 5, 7), padding=(1, 2, 3)), nn.Conv3d(4, 4, 3, 2, 1))
    report = rfkit.trace(net, (1, 3, 8, 20, 30), units=True)
    found = opened(html.render(report), "#layer=1")
    (frames, _), *_ = report["1"].units or ()
    (plane, strip), *_ = found.page.evaluate(STEP_THROUGH, [[0, 0, 3]])
    (first, last), (top, bottom), (left, right) = (
        (lo[i], hi[i]) for (lo, hi), i in zip(report["1"].units or (), (0, 0, 3), strict=True)
    )
    assert plane == [left, top, right - left + 1, bottom - top + 1]
    assert strip == [first, 0, last - first + 1, 1]
    assert found.page.locator("#places input").count() == 3
    assert found.page.input_value("#places input[data-dim='0']") == "0"
    assert len(frames) == 4


def test_inputs_of_different_sizes_are_seen_each_from_the_same_unit(opened: Open) -> None:
    images = torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 16, 16)
    report = rfkit.trace(TwoSizes(), example_inputs=images, units=True)
    found = opened(html.render(report), "#layer=large")
    assert "input 3x32x32 and 1 more of 16x16" in found.page.text_content(".under")
    assert found.page.text_content("#readout") == "Sees rows 15 to 17 and columns 15 to 17."
    for label, strips in (("large", False), ("small", True), ("add", True)):
        lead_to(found, label)
        assert found.page.locator("#places input").count() == 2
        ((plane, down, across),) = found.page.evaluate(STEP_THROUGH, [[2, 9]])
        layer = report[label]
        seen = [(units[0][i], units[1][i]) for units, i in zip(layer.units or (), (2, 9, 2, 9), strict=True)]
        if label == "small":
            assert plane is None
        else:
            assert plane == list(frame_of(replace(layer, units=(layer.units or ())[:2]), (2, 9)).values())
        drawn = [strip and (strip[0], strip[0] + strip[2] - 1) for strip in (down, across)]
        assert drawn == (seen[2:] if strips else [None, None])
        assert "nothing" not in found.page.text_content("#readout")
    found.page.locator("#views .strip").first.click(position={"x": 1, "y": 5})
    assert found.page.input_value("#places input[data-dim='0']") == "0"
    assert found.said == []


def test_units_whose_inputs_are_not_in_the_image_see_nothing(opened: Open) -> None:
    report = rfkit.trace(nn.Conv2d(3, 4, 3, padding=(0, 4)), (1, 3, 8, 8), units=True)
    found = opened(html.render(report))
    (_, units) = report.layers[0].units or ()
    assert units[0][0] < 0
    ((rect,),) = found.page.evaluate(STEP_THROUGH, [[3, 0]])
    assert rect is None
    assert found.page.text_content("#readout") == "This unit sees nothing of the input."


@pytest.mark.parametrize("size", [4, 9, 32, 500])
def test_the_line_of_the_input_is_drawn_and_named_whatever_its_size(size: int, opened: Open) -> None:
    report = rfkit.trace(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)), (1, 3, size, size)
    )
    found = opened(html.render(report))
    line, words = found.page.locator("#growth line.limit"), found.page.locator("#growth text.limit")
    assert line.count() == 1
    assert words.text_content().startswith(f"input {size}")
    assert found.page.locator(".key .limit").is_visible()
    tops = [dot.bounding_box()["y"] for dot in found.page.locator("#growth .dot").all()]
    far = found.page.locator("#growth .break").count() == 1
    assert far == ("far above" in words.text_content())
    assert (line.bounding_box()["y"] < min(tops)) == (size > 5)
    if far:
        low = words.bounding_box()["y"] + words.bounding_box()["height"]
        crossed = [*tops, *(rule.bounding_box()["y"] for rule in found.page.locator("#growth .rule").all())]
        assert low <= min(crossed)


def test_where_nothing_is_known_a_sentence_stands_for_the_chart(opened: Open) -> None:
    layers = tuple(
        replace(layer, receptive_field=(None, None), receptive_field_min=(None, None)) for layer in reports.odd()
    )
    found = opened(html.render(replace(reports.odd(), layers=layers)))
    assert found.page.inner_text("#growth") == "No layer has a known receptive field."
    assert found.page.locator("#growth svg").is_hidden()
    assert found.page.locator(".key").is_hidden()


def test_a_name_with_a_line_break_is_one_line(opened: Open) -> None:
    net = nn.Sequential()
    net.add_module("first\nsecond", nn.Conv2d(3, 4, 3))
    net.add_module("plain", nn.Conv2d(4, 4, 3))
    found = opened(html.render(rfkit.trace(net, (1, 3, 16, 16))))
    broken, plain = (row.bounding_box()["height"] for row in found.page.locator("#table tbody tr").all())
    assert broken == plain
    assert shown(found) == ["first second", "plain"]
    link(found, "first second").click()
    assert found.page.evaluate("document.getElementById('field-name').textContent") == "first\nsecond"


def test_names_with_markup_are_text_everywhere(opened: Open) -> None:
    net = nn.Sequential()
    net.add_module(EVIL, nn.Conv2d(3, 4, 3))
    net.add_module("last", nn.Conv2d(4, 4, 3))
    report = rfkit.trace(net, (1, 3, 16, 16), units=True, target=EVIL)
    rule = html.Rule("broken", EVIL, EVIL, EVIL, (EVIL,))
    found = opened(html.render(report, verdict=html.Verdict(EVIL, EVIL, (rule,))))
    assert shown(found) == [EVIL, "last"]
    assert found.page.text_content("h1") == EVIL
    found.page.click(".findings li a")
    assert named(found) == EVIL
    node(found, "last").click()
    assert named(found) == "last"
    assert found.page.text_content("#links a") == EVIL
    assert found.page.locator("img").count() == 0
    assert found.said == []


def test_what_is_not_known_is_said_and_not_drawn(opened: Open) -> None:
    found = opened(html.render(reports.odd()), "#layer=neck.mystery")
    assert found.page.text_content("#readout") == "What it sees is not known."
    assert "mylib.mystery.default has no rule" in found.page.text_content("#said")
    assert found.page.locator("#units").is_hidden()
    assert found.page.locator("#views .seen").is_hidden()
    assert found.said == []


@pytest.mark.parametrize("width", [1280, 900, 390])
def test_nothing_is_wider_than_the_window(width: int, page: str, opened: Open) -> None:
    found = opened(page, "#layer=conv2.4", width=width)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    table = found.page.locator("#table").bounding_box()
    assert table["x"] + table["width"] <= width


def test_who_wants_less_motion_gets_none(page: str, opened: Open) -> None:
    found = opened(page)
    found.page.emulate_media(reduced_motion="reduce")
    assert found.page.evaluate("getComputedStyle(document.querySelector('#views .seen')).transitionDuration") == "0s"
