"""The picture of a graph: what is written into it, escaped and coloured, and what Graphviz makes of it."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import pytest

from rfkit.errors import UsageError
from rfkit.render import graph
from rfkit.render.graph.dot import source
from rfkit.render.graph.legend import heading
from rfkit.render.graph.scales import STEPS, UNKNOWN, scale
from rfkit.render.graph.words import node_words, short_name
from rfkit.report import Report
from tests.rfkit import reports
from tests.rfkit.render.test_graph import traced

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the dot program of Graphviz is not installed")

ALL = [reports.two_branch, reports.unet, reports.wavenet, reports.video, reports.gated, reports.odd, reports.shifted]
SVG = "{http://www.w3.org/2000/svg}"
STRANGE = '<script>alert("x")</script>&amp; \\" \\N \x07 ü 层 🙂'


def strange() -> Report:
    """A network of which every name is hostile."""
    report = reports.gated()
    layers = [
        replace(
            layer, name=f"{STRANGE}.{layer.name}", type=STRANGE, inputs=tuple(f"{STRANGE}.{i}" for i in layer.inputs)
        )
        for layer in report
    ]
    totals = replace(report.totals, outputs=(layers[-1].label,))
    return replace(report, target=STRANGE, layers=tuple(layers), totals=totals)


def drawn(report: Report, **options: object) -> ElementTree.Element:
    return ElementTree.fromstring(graph.draw(source(report, **options), "svg"))


def texts(element: ElementTree.Element) -> list[str]:
    return [(text.text or "").replace("\xa0", " ").strip() for text in element.iter(f"{SVG}text")]


def groups(picture: ElementTree.Element, kind: str) -> dict[str, ElementTree.Element]:
    """The nodes or edges of a picture by their titles."""
    found = [group for group in picture.iter(f"{SVG}g") if group.get("class") == kind]
    return {group.findtext(f"{SVG}title") or "": group for group in found}


def contrast(color: str, other: str = "#000000") -> float:
    """Contrast of two colours (WCAG 2.1, relative luminance)."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(color), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_the_same_report_is_the_same_text(make: object) -> None:
    assert source(make()) == source(make())


def test_black_and_muted_text_can_be_read_on_every_colour_and_colours_darken_without_their_hue() -> None:
    from rfkit.render.graph.label import MUTED, PALE, WARNING

    assert min(contrast(step) for step in STEPS) >= 7
    assert min(contrast(step, MUTED) for step in STEPS) >= 4
    assert contrast(PALE, WARNING) >= 4.5
    against_black = [contrast(step) for step in STEPS]
    assert against_black == sorted(against_black, reverse=True)
    assert min(a / b for a, b in pairwise(against_black)) >= 1.15


LOWEST = {
    ("two branches", "params"): 10,  # the largest is 36,864
    ("two branches", "macs"): 1_000,  # 5,308,416
    ("resnet18", "params"): 1_000,  # 2,359,296
    ("resnet18", "macs"): 100_000,  # 118,013,952
}
"""The lowest of the four bounds, of which the highest is the power of ten below the largest count."""


@pytest.mark.parametrize("color", graph.COLORS)
@pytest.mark.parametrize("name", ["two branches", "resnet18"])
def test_every_box_has_the_colour_of_the_class_its_value_is_in(color: str, name: str) -> None:
    report = traced(name)
    rows = [node.row for node in graph.build(report).nodes]
    shades = scale(report, rows, color)
    side = report.spatial[0]

    def expected(row: object) -> int:
        if color == "coverage":
            return max(0, -(-row.coverage * 100 // 20) - 1)
        if color == "rf":
            size = row.layers[-1].receptive_field[0]
            return sum(size > side * share for share in (0.25, 0.5, 1, 2))
        count = row.params if color == "params" else row.macs
        return sum(count >= LOWEST[name, color] * 10**i for i in range(4))

    assert [shades.step(row) for row in rows] == [expected(row) for row in rows]
    assert shades.step(max(rows, key=expected)) == 4 or color == "rf"
    assert len(shades.classes) == len(STEPS)


def test_the_scale_of_a_field_says_pixels_or_shares_of_unequal_sides() -> None:
    square, oblong = traced("two branches"), reports.unet()
    assert scale(square, [], "rf").classes == ("to 8", "to 16", "to 32", "to 64", "more")
    assert scale(oblong, [], "rf").classes == ("to 1/4", "to 1/2", "to 1", "to 2", "more")


def test_what_is_not_known_is_white_and_dashed_and_says_where_it_begins() -> None:
    report = reports.odd()
    made = graph.build(report)
    by_label = {layer.label: layer for layer in report}
    words = {node.row.label: node_words(node, "", by_label) for node in made.nodes}
    assert words["neck.mystery"].warnings == ("? no rule",)
    assert "? no rule" not in words["head.classifier"].warnings
    shades = scale(report, [node.row for node in made.nodes], "coverage")
    assert {shades.color(node.row) for node in made.nodes if node.row.unknown} == {UNKNOWN}
    line = next(line for line in source(report).splitlines() if line.strip().startswith('"neck.mystery" ['))
    assert "dashed" in line


def test_a_box_says_shape_window_field_jump_and_parameters() -> None:
    report = traced("two branches")
    node = next(node for node in graph.build(report).nodes if node.key == "conv2.0")
    words = node_words(node, "conv2", {layer.label: layer for layer in report}, macs=True)
    assert words.lines == (("conv2.0", "32x14x14"), ("Conv2d k3 d2", "4.6k params"), ("RF 11, jump 2", "903k MACs"))
    assert words.warnings == ()


def test_signs_are_words_in_the_box_and_sentences_in_the_heading() -> None:
    four, shifted = traced("four blocks"), reports.shifted()
    assert source(four).count("○ unproductive</B>") == sum("unproductive" in layer.flags for layer in four) > 0
    assert source(shifted).count("≠ misaligned</B>") == 1
    assert "≠ misaligned: the paths joined here disagree in jump or centre." in source(shifted)
    assert "≠" not in source(four)


def test_a_folded_box_counts_its_warnings() -> None:
    four = traced("four blocks")
    count = sum("unproductive" in layer.flags for layer in four if layer.name.startswith("block4"))
    assert f"○ {count} unproductive" in source(four, depth=1)


def test_sizes_that_are_not_exact_or_leave_context_out_have_their_sign() -> None:
    assert "RF ~" in source(traced("swin_t"))
    assert "~ measured: " in source(traced("swin_t"))
    assert re.search(r"RF [\d.]+\+, jump", source(traced("mobilenet_v3_small")))


def test_names_are_not_repeated_inside_a_frame_but_never_a_mere_number() -> None:
    assert short_name("layer1.0.conv1", "layer1.0") == "conv1"
    assert short_name("features.3.0", "features.3") == "features.3.0"
    assert short_name("layer2.0.downsample.0", "layer2.0") == "downsample.0"
    assert short_name("layer1.0", "") == "layer1.0"
    assert len(short_name("very_long_name_" * 9, "")) <= 34


def test_the_heading_says_what_is_left_out_and_how_to_see_it() -> None:
    report = traced("densenet121")
    made = graph.build(report)
    said = heading(made, scale(report, [], "coverage"), 1).replace("\xa0", " ")
    assert "folded to 2 of the components" in said
    assert f"{made.hidden} layers ({made.hidden_params:,} parameters)" in said
    everything = graph.build(report, depth=99, all_rows=True)
    assert "--" not in heading(everything, scale(report, [], "coverage"), 1)


@needs_dot
@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_a_picture_has_every_box_and_every_line(make: object) -> None:
    report = make()
    made = graph.build(report)
    picture = drawn(report)
    nodes, edges = groups(picture, "node"), groups(picture, "edge")
    assert {node.key for node in made.nodes} <= nodes.keys()
    crossing = [key for key in edges if "->to " in key or key.startswith("from ")]
    assert {f"{edge.source}->{edge.target}" for edge in made.edges} >= edges.keys() - set(crossing)
    by_label = {layer.label: layer for layer in report}
    for node in made.nodes:
        words = node_words(node, node.modules[-1] if node.modules else "", by_label)
        said = " ".join(texts(nodes[node.key]))
        assert all(part in said for line in words.lines[1:] for part in line), (node.key, said)


@needs_dot
def test_lines_of_context_are_dashed_and_no_others() -> None:
    report = traced("mobilenet_v3_small")
    edges = groups(drawn(report, depth=99), "edge")
    dashed = {key for key, edge in edges.items() if edge.find(f"{SVG}path").get("stroke-dasharray")}
    made = graph.build(report, depth=99)
    assert dashed == {f"{edge.source}->{edge.target}" for edge in made.edges if edge.context}


@needs_dot
def test_hostile_names_are_text() -> None:
    picture = drawn(strange())
    tags = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert tags <= {"svg", "g", "a", "title", "polygon", "path", "polyline", "text", "ellipse"}
    assert not any(
        name.lower().startswith("on") or ("href" in name and value.strip())
        for e in picture.iter()
        for name, value in e.attrib.items()
    )
    said = " ".join(texts(picture))
    assert '<script>alert("x")</script>&amp;' in said
    assert "ü 层 🙂" in said


@needs_dot
def test_the_columns_of_a_box_are_apart_whatever_becomes_of_spaces() -> None:
    """Letters are at most 10 points wide at this size, digits and small ones hardly more than 6."""
    for node in groups(drawn(traced("two branches"), color="macs"), "node").values():
        lines: dict[str, list[ElementTree.Element]] = {}
        for part in node.iter(f"{SVG}text"):
            assert part.text == (part.text or "").strip(" \xa0")
            lines.setdefault(part.get("y", ""), []).append(part)
        for left, right in (parts for parts in lines.values() if len(parts) == 2):
            assert float(right.get("x", 0)) - float(left.get("x", 0)) > 8 + 3 * len(left.text or "")


@needs_dot
def test_frames_are_named_after_their_modules() -> None:
    clusters = groups(drawn(traced("resnet18"), depth=99), "cluster").values()
    named = [text for cluster in clusters for text in texts(cluster)]
    assert sorted(named) == sorted([f"layer{i}{block}" for i in range(1, 5) for block in ("", ".0", ".1")])


@needs_dot
@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small", "swin_t", "googlenet", "repeated"])
def test_a_page_holds_the_picture_with_letters_of_five_points(name: str) -> None:
    """A4 inside margins of half an inch; letters are drawn with 10 points."""
    picture = drawn(traced(name))
    width, height = (float(picture.get(side).removesuffix("pt")) for side in ("width", "height"))
    assert min(523 / width, 770 / height) >= 0.5


@needs_dot
@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_every_form_is_drawn(form: str, begins: bytes) -> None:
    assert graph.draw(source(reports.wavenet()), form).startswith(begins)


@needs_dot
def test_what_dot_refuses_is_an_error_of_one_line() -> None:
    with pytest.raises(UsageError, match=r"^dot cannot draw it: .*syntax error"):
        graph.draw("digraph {", "svg")
