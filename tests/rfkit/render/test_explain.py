"""Every equation of a hand calculation is true, and ends at the report's own number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest

from rfkit.errors import UsageError
from rfkit.render import explain
from rfkit.report import Report
from tests.rfkit import reports

Make = Callable[[], Report]
ALL = [reports.two_branch, reports.unet, reports.wavenet, reports.video, reports.gated, reports.odd, reports.shifted]
NAMES = {"floor": floor, "ceil": ceil, "max": max, "min": min, "F": Fraction}


def parts(line: str) -> Iterator[str]:
    """What stands between the commas and semicolons outside parentheses, labels and remarks left out."""
    depth, part = 0, ""
    for char in line.partition(": ")[2]:
        depth += (char == "(") - (char == ")")
        if char in ",;" and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += char
    yield part.strip()


def numbers(line: str) -> dict[str, Fraction]:
    """The values that a line arrives at, after working out each of its equations anew."""
    found = {}
    for part in parts(line):
        equation = re.fullmatch(r"([rjn]) = (?:(.+) = )?(-?\d+(?:/\d+)?)(?: \(.*\))?", part)
        if equation is None:
            assert "=" not in part, f"not an equation: {part!r}"
            continue
        name, expression, value = equation.groups()
        found[name] = Fraction(value)
        if expression is not None:
            assert eval(re.sub(r"\d+", r"F(\g<0>)", expression), NAMES) == found[name], part
    return found


def steps(rendered: str) -> list[str]:
    return [line for line in rendered.splitlines() if re.match(r"\s*\S+: ", line) and "along one axis" not in line]


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_every_equation_of_every_layer_is_true_and_gives_the_reports_number(make: Make) -> None:
    report = make()
    for layer in report:
        lines = steps(explain.render(report, layer.label))
        ends = [line for line in lines if line.split(": ")[0].strip() == layer.label]
        assert ends or layer.unknown
        for line in lines:
            values = numbers(line)
            step = line.split(": ")[0].strip()
            if step != "input" and not report[step].unknown:
                assert values["r"] in report[step].receptive_field
                assert values.get("j") in (None, *report[step].jump)
                assert values.get("n") in (None, *report[step].output_shape)


def test_a_dilated_convolution_is_worked_out_as_in_the_textbook() -> None:
    lines = explain.render(reports.two_branch(), "conv2.0").splitlines()
    assert ("conv2.0: r = 3 + (3-1)*2*2 = 11, j = 2*1 = 2, n = floor((16 + 2*1 - 2*(3-1) - 1)/1) + 1 = 14") in lines
    assert lines[-1] == "conv2.0 sees 11x11 input pixels, 12% of 32x32, one unit every 2 pixels."


def test_only_the_path_that_decides_is_followed() -> None:
    rendered = explain.render(reports.two_branch(), "add")
    assert [line.split(": ")[0].strip() for line in steps(rendered)] == [
        "input", "conv1.0", "conv2.0", "conv2.4", "conv2.8", "cat", "dsb.0", "dsb.1", "conv4.0", "conv5.0", "add",
    ]  # fmt: skip


def test_a_join_names_its_paths_and_the_shortest() -> None:
    rendered = explain.render(reports.two_branch(), "add")
    assert "r = max(23, 23) = 23, largest of 23 (conv2.8), 23 (conv3.8); j = 2, n = 12" in rendered
    assert "r = max(31, 39) = 39, largest of 31 (conv4.0), 39 (conv5.0); the shortest path sees 31;" in rendered


def test_a_join_of_many_paths_names_the_largest_and_the_smallest() -> None:
    net = reports.Drawing(1, 3, 32, 32)
    paths = [net.conv(f"path{k}", net.image, 4, k, 1, k // 2) for k in (5, 3, 11, 9, 7)]
    net.join("cat", "cat", *paths, channels=20)
    rendered = explain.render(net.report("many.py:Net", None), "cat")
    assert "r = max(11, 3) = 11, largest of 5 paths: 11 (path11), the smallest 3 (path3)" in rendered


def test_paths_off_centre_reach_from_the_first_left_edge_to_the_last_right_edge() -> None:
    rendered = explain.render(reports.shifted(), "add")
    assert (
        "r = max(2, 4) - min((-1), 1) = 5, from the first left edge to the last right edge of 3 (left), 3 (slice)"
        in (rendered)
    )


def test_a_transposed_convolution_brings_the_jump_down() -> None:
    rendered = explain.render(reports.unet(), "up1")
    assert "up1: r = 40 + (ceil((1*(4-1) + 1)/2) - 1)*2 = 42, j = 2/2 = 1, n = (24-1)*2 - 2*1 + 1*(4-1) + 1 = 48" in (
        rendered
    )


def test_axes_that_differ_are_worked_out_one_by_one() -> None:
    rendered = explain.render(reports.video(), "deep")
    assert [line for line in rendered.splitlines() if line.endswith(":")] == ["Depth:", "Height:", "Width:"]
    assert " wide: r = 7 + (7-1)*1*2 = 19, j = 2*2 = 4, n = floor((22 + 2*3 - 1*(7-1) - 1)/2) + 1 = 11" in rendered
    assert "Height:" not in explain.render(reports.two_branch(), "linear")


def test_pooling_over_everything_counts_all_units() -> None:
    assert "r = 3 + (32-1)*2 = 65, n = 1 (all 32 units at once)" in explain.render(reports.gated(), "se.avgpool")


def test_a_gate_is_not_on_the_path_of_the_local_field() -> None:
    rendered = explain.render(reports.gated(), "head")
    assert [line.split(": ")[0].strip() for line in steps(rendered)] == ["input", "stem", "head"]
    assert rendered.splitlines()[-1].endswith("The context of the whole map, through se.avgpool, is left out.")


def test_a_layer_that_changes_nothing_says_so() -> None:
    rendered = explain.render(reports.two_branch(), "conv2.11")
    assert "conv2.11: r = 23, j = 2, n = 12 (changes nothing)" in rendered
    assert "conv2.9" not in rendered


def test_rounding_up_and_uneven_padding_are_written_as_they_are() -> None:
    net = reports.Drawing(1, 3, 17, 17)
    up = net.slide("up", "MaxPool2d", net.image, 2, 2)
    net.put(up, output_shape=(1, 3, 9, 9))
    even = net.conv("even", net.layers[-1], 3, 2, 1, 0)
    net.put(even, output_shape=(1, 3, 9, 9))
    rendered = explain.render(net.report("ceil.py:Net", None), "even")
    assert "n = ceil((17 + 2*0 - 1*(2-1) - 1)/2) + 1 = 9" in rendered
    assert "n = floor((9 + 0 + 1 - 1*(2-1) - 1)/1) + 1 = 9" in rendered


def test_a_number_that_no_formula_gives_is_called_measured_and_never_derived() -> None:
    report = reports.two_branch()
    for layer in report:
        wrong = replace(layer, receptive_field=tuple(r + 1 for r in layer.receptive_field))
        changed = replace(report, layers=tuple(wrong if x is layer else x for x in report))
        line = next(x for x in steps(explain.render(changed, layer.label)) if x.split(": ")[0].strip() == layer.label)
        assert f"r = {wrong.receptive_field[0]}" in line
        assert "(measured: no textbook formula)" in line


def test_an_operator_without_a_rule_ends_the_calculation() -> None:
    rendered = explain.render(reports.odd(), "head.classifier")
    assert "neck.mystery: not known: mylib.mystery.default has no rule" in rendered
    assert rendered.splitlines()[-1] == "What head.classifier sees is not known: mylib.mystery.default has no rule."


@pytest.mark.parametrize("kind", ["Upsample", "interpolate"])
@pytest.mark.parametrize(
    ("taps", "remark"), [(1, ""), (2, " (2 neighbours per unit)"), (4, " (4 neighbours per unit)")]
)
def test_interpolation_says_how_many_neighbours_it_reads(kind: str, taps: int, remark: str) -> None:
    net = reports.Drawing(1, 3, 16, 16)
    x = net.conv("conv", net.image, 3, 3, 2, 1)
    size = (3 + (taps - 1) * 2,) * 2
    net.add("up", kind, [x], output_shape=(1, 3, 16, 16), receptive_field=size, receptive_field_min=size, jump=(1, 1))
    rendered = explain.render(net.report("up.py:Net", None), "up")
    assert f"up: r = 3 + ({taps}-1)*2 = {size[0]}, j = 2/2 = 1, n = 16{remark}\n" in rendered


def test_shuffles_crops_and_steps_are_worked_out() -> None:
    net = reports.Drawing(1, 4, 16, 16)
    x = net.conv("conv", net.image, 4, 3, 2, 1)
    x = net.add("fine", "PixelShuffle", [x], output_shape=(1, 1, 16, 16), jump=(1, 1))
    x = net.add("coarse", "PixelUnshuffle", [x], output_shape=(1, 4, 8, 8), jump=(2, 2), receptive_field=(4, 4))
    x = net.add("crop", "slice", [x], output_shape=(1, 4, 6, 6))
    net.add("skip", "slice", [x], output_shape=(1, 4, 3, 3), jump=(4, 4))
    rendered = explain.render(net.report("shuffle.py:Net", None), "skip")
    assert "fine: r = 3 + (1-1)*2 = 3, j = 2/2 = 1, n = 16" in rendered
    assert "coarse: r = 3 + (2-1)*1 = 4, j = 1*2 = 2, n = 8" in rendered
    assert "crop: n = 6; r and j stay" in rendered
    assert "skip: r = 4, j = 2*2 = 4, n = 3 (one of 2 units)" in rendered


def test_adaptive_pooling_into_even_bins_is_a_window() -> None:
    net = reports.Drawing(1, 3, 12, 12)
    net.add("pool", "AdaptiveAvgPool2d", [net.image], output_shape=(1, 3, 4, 4), receptive_field=(3, 3), jump=(3, 3))
    assert "pool: r = 1 + (3-1)*1 = 3, j = 1*3 = 3, n = 12/3 = 4" in (
        explain.render(net.report("bins.py:Net", None), "pool")
    )


def test_channels_last_layers_count_positions_not_channels() -> None:
    net = reports.Drawing(1, 3, 32, 32)
    x = net.conv("patches", net.image, 8, 4, 4)
    x = net.add("permute", "permute", [x], output_shape=(1, 8, 8, 96))
    rendered = explain.render(net.report("last.py:Net", None), "permute")
    assert "permute: r = 4, j = 4, n = 8 (changes nothing)" in rendered


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_lines_fit_the_terminal_and_only_break_where_an_equation_ends(make: Make, width: int) -> None:
    report = make()
    rendered = explain.render(report, report.layers[-1].label, width=width)
    assert max(map(len, rendered.splitlines())) <= width
    if width >= 80 and make is not reports.odd:
        whole = explain.render(report, report.layers[-1].label)
        assert " ".join(rendered.split()) == " ".join(whole.split())
        assert all(line.count("(") == line.count(")") for line in steps(rendered))


def test_an_unknown_label_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no layer 'conv2\.99'; did you mean conv2\.9") as caught:
        explain.render(reports.two_branch(), "conv2.99")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "label"), [(reports.two_branch, "linear"), (reports.unet, "head"), (reports.shifted, "add")]
)
def test_the_calculation_looks_as_it_did(make: Make, label: str, golden: Callable[[str, str], None]) -> None:
    golden(f"explain_{make.__name__}.txt", explain.render(make(), label))
