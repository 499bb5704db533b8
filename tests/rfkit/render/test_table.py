"""The terminal's table fits, adds up, and says in words what it marks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from rfkit.errors import UsageError
from rfkit.render import table, text
from rfkit.render.rows import MARKS, causes, select
from rfkit.render.summary import MEANINGS
from rfkit.report import FLAGS, Report
from tests.rfkit import reports

ALL = [reports.two_branch, reports.unet, reports.wavenet, reports.video, reports.gated, reports.odd]
Make = Callable[[], Report]
each_report = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)


def column(lines: list[str], title: str) -> list[str]:
    """What stands in a right-aligned column, by where its title ends."""
    heading = next(i for i, line in enumerate(lines) if line.startswith(" layer"))
    end = lines[heading].index(f" {title}") + len(title) + 1
    rows = lines[heading + 1 : lines.index("", heading)]
    return [re.search(r"\S*$", row[:end])[0] if len(row) >= end else "" for row in rows]


@pytest.mark.parametrize(
    ("make", "width"),
    [
        *((make, width) for make in (reports.two_branch, reports.odd) for width in (60, 80, 120)),
        *((make, 80) for make in (reports.unet, reports.wavenet, reports.video, reports.gated)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_table_looks_as_it_did(make: Make, width: int, golden: Callable[[str, str], None]) -> None:
    golden(f"table_{make.__name__}_{width}.txt", table.render(make(), width=width))


def test_the_whole_table_looks_as_it_did(golden: Callable[[str, str], None]) -> None:
    golden("table_two_branch_all.txt", table.render(reports.two_branch(), width=100, all_rows=True))
    golden("table_two_branch_depth.txt", table.render(reports.two_branch(), width=100, depth=1))
    golden("table_odd_color.txt", table.render(reports.odd(), width=100, color=True))


@each_report
@pytest.mark.parametrize("width", [40, 47, 60, 66, 72, 80, 93, 100, 120, 160])
@pytest.mark.parametrize("all_rows", [False, True])
def test_no_line_is_wider_than_the_terminal(make: Make, width: int, all_rows: bool) -> None:
    lines = table.render(make(), width=width, all_rows=all_rows).splitlines()
    assert max(map(text.width, lines)) <= width


@each_report
def test_lines_end_without_spaces_and_the_text_in_a_newline(make: Make) -> None:
    rendered = table.render(make(), width=80)
    assert rendered.endswith("\n")
    assert all(line == line.rstrip() for line in rendered.splitlines())


@each_report
def test_parameters_of_all_rows_add_up_to_the_total_less_what_is_never_used(make: Make) -> None:
    rendered = table.render(make(), width=160, all_rows=True)
    shown = sum(int(cell.replace(",", "")) for cell in column(rendered.splitlines(), "params") if cell)
    idle = re.search(r"([\d,]+) never used", rendered)
    total = int(re.search(r"([\d,]+) parameters", rendered)[1].replace(",", ""))
    assert shown + int(idle[1].replace(",", "") if idle else 0) == total


@each_report
def test_parameters_of_hidden_rows_are_accounted_for(make: Make) -> None:
    report = make()
    rendered = table.render(report, width=160)
    shown = sum(int(cell.replace(",", "")) for cell in column(rendered.splitlines(), "params") if cell)
    hidden = re.search(r"rows? \(([\d,]+) parameters\)", rendered)
    left_out = int(hidden[1].replace(",", "")) if hidden else 0
    assert shown + left_out == sum(layer.params for layer in report)


@each_report
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_folded_rows_add_up_to_the_same_cost(make: Make, depth: int) -> None:
    report = make()
    rows = select(report, depth=depth, all_rows=True).rows
    assert sum(row.params for row in rows) == sum(layer.params for layer in report)
    assert sum(row.macs for row in rows) == sum(layer.macs for layer in report)
    assert [layer for row in rows for layer in row.layers] == list(report.layers)


@each_report
@pytest.mark.parametrize("width", [60, 80, 160])
def test_every_row_shows_its_layers_own_field(make: Make, width: int) -> None:
    report = make()
    rendered = table.render(report, width=width)
    longest_only = "RF is that of the longest path" in rendered
    expected = []
    for row in select(report).rows:
        layer = row.layers[-1]
        shortest = layer.receptive_field if longest_only else layer.receptive_field_min
        expected.append("?" if layer.unknown else text.field(layer.receptive_field, shortest))
    assert column(rendered.splitlines(), "RF") == expected


def test_narrow_tables_that_leave_out_the_shortest_path_say_so() -> None:
    narrow, wide = table.render(reports.odd(), width=80), table.render(reports.odd(), width=160)
    assert "7x8..37x23" in wide
    assert ".." not in narrow
    assert "RF is that of the longest path; with more columns, that of the shortest stands beside it." in (
        " ".join(narrow.split())
    )
    assert "RF is that of the longest path" not in table.render(reports.two_branch(), width=80)


def test_the_documents_network_reads_as_its_authors_would_check_it() -> None:
    lines = table.render(reports.two_branch(), width=100).splitlines()
    fields = column(lines, "RF")
    assert fields == [
        *("3", "11", "19", "23", "11", "19", "23", "23", "27", "27", "31", "39", "31..39", "47..55", "47..55")
    ]
    assert column(lines, "jump") == ["2"] * 10 + ["4"] * 3 + ["", ""]
    assert " 145,114 parameters (0.55 MiB in float32), 18.8M MACs." in lines
    assert (
        " The output sees 55x55 input pixels, all of the 32x32 image; before pooling 39x39, one unit every 4" in lines
    )


def test_what_changes_nothing_is_hidden_until_asked_for() -> None:
    report = reports.two_branch()
    shown = {row.label for row in select(report).rows}
    assert not {layer.label for layer in report if layer.type in ("ReLU", "BatchNorm2d", "Dropout")} & shown
    assert {"cat", "add", "linear", "dsb.1"} <= shown
    assert len(select(report, all_rows=True).rows) == len(report)


def test_colour_changes_no_character() -> None:
    for make in ALL:
        for width in (60, 80, 120):
            coloured = table.render(make(), width=width, color=True)
            assert "\x1b[" in coloured
            assert re.sub(r"\x1b\[\d*m", "", coloured) == table.render(make(), width=width)


@each_report
def test_every_mark_is_explained_below_and_nothing_else_is(make: Make) -> None:
    report = make()
    rendered = table.render(report, width=120, all_rows=True)
    marked = {MARKS[cause] for layer in report for cause in causes(layer)}
    explained = {line[1] for line in rendered.splitlines() if line[1:3] in {f"{mark} " for mark in MARKS.values()}}
    assert explained == marked


def test_every_flag_of_a_report_has_a_mark_and_a_meaning() -> None:
    assert set(FLAGS) <= set(MARKS) == set(MEANINGS)
    assert len(set(MARKS.values())) == len(MARKS)


def test_a_pattern_shows_only_the_layers_it_names() -> None:
    report = reports.two_branch()
    assert [row.label for row in select(report, layers="conv2*").rows] == ["conv2.0", "conv2.4", "conv2.8"]
    assert [row.label for row in select(report, layers="conv2.1").rows] == ["conv2.1"]
    assert [row.label for row in select(reports.unet(), layers="pool").rows] == ["pool", "pool#2"]


def test_a_pattern_that_names_no_layer_is_an_error_with_the_nearest_ones() -> None:
    with pytest.raises(UsageError, match=r"no layer matches 'conf2\.\*'; there are conv2\.") as caught:
        select(reports.two_branch(), layers="conf2.*")
    assert "\n" not in str(caught.value)


def test_blocks_fold_to_one_row_each_and_a_second_call_stays_apart() -> None:
    rows = {row.label: row for row in select(reports.two_branch(), depth=1).rows}
    assert list(rows) == ["conv1", "conv2", "conv3", "cat", "dsb", "conv4", "conv5", "add", "gap.0", "linear"]
    assert (rows["conv2"].type, rows["conv2"].field, rows["conv2"].output) == ("12 rows", "23", "64x12x12")
    assert rows["conv2"].params == 4608 + 18432 + 36864 + 2 * (32 + 64 + 64)
    assert [row.label for row in select(reports.unet(), depth=1).rows][1:4] == ["pool", "down2", "pool#2"]


def test_a_block_called_twice_in_a_row_is_two_rows() -> None:
    net = reports.Drawing(1, 3, 16, 16)
    x = net.image
    for _ in range(2):
        x = net.same("block.act", "ReLU", net.conv("block.conv", x, 3, 3, 1, 1))
    rows = select(net.report("twice.py:Net", None), depth=1).rows
    assert [row.label for row in rows] == ["block", "block#2"]


def test_a_name_with_a_line_break_is_one_row() -> None:
    net = reports.Drawing(1, 3, 16, 16)
    net.conv("first\nsecond", net.image, 3, 3, 1, 1)
    report = net.report("broken.py:Net", None)
    (line,) = (line for line in table.render(report, width=100).splitlines() if "second" in line)
    assert line.startswith(" first second ")
    assert "shortened" not in table.render(report, width=100)
    assert report.layers[0].label == "first\nsecond"


def test_the_sentence_says_how_much_of_the_input_the_output_sees() -> None:
    assert " The output sees 64 input positions, 43% of the 150 there are, one unit per position." in (
        table.render(reports.wavenet(), width=120).splitlines()
    )
    assert " The output sees 46x46 input pixels, 96% of the 48x40 image, one unit per pixel." in (
        table.render(reports.unet(), width=120).splitlines()
    )
    assert " The output sees 7x7x19 input positions, 2% of the 16x56x44 there are, one unit every 1x2x4 positions." in (
        table.render(reports.video(), width=120).splitlines()
    )


def test_a_finer_output_than_the_input_counts_units_per_pixel() -> None:
    net = reports.Drawing(1, 3, 16, 16)
    net.up("up", net.image, 3, 2, 2)
    assert "2 units per pixel." in table.render(net.report("up.py:Net", None), width=120)


def test_what_is_not_known_is_said_with_the_operator_to_blame() -> None:
    rendered = " ".join(table.render(reports.odd(), width=120).split())
    assert "What the output sees is not known: mylib.mystery.default, in neck.mystery, has no rule." in rendered
    assert "teach it with rfkit.rule" in rendered


def test_context_is_named_by_the_layers_that_add_it() -> None:
    rendered = table.render(reports.gated(), width=160)
    assert "+ local fields: the context of the whole map, through se.avgpool, is left out; strict" in rendered


def test_modules_never_called_are_named_by_their_topmost_idle_parent() -> None:
    assert " Never called: aux, backbone.features.spare." in table.render(reports.odd(), width=160).splitlines()


def test_the_head_says_what_was_traced_and_how() -> None:
    report = replace(reports.video(), strict=True, seconds=1.25)
    first = table.render(report, width=120).splitlines()[0]
    assert first == "video.py:Net   input 3x16x56x44 (batch 2)   strict fields, traced on meta in 1.2 s"


def test_shortened_names_are_announced() -> None:
    assert "Names are shortened to fit 80 columns." in table.render(reports.odd(), width=80)
    assert "Names are shortened" not in table.render(reports.odd(), width=200)


def test_an_empty_network_still_makes_a_table() -> None:
    net = reports.Drawing(1, 3, 8, 8)
    net.same("identity", "Identity", net.image)
    rendered = table.render(net.report("id.py:Net", None), width=80)
    assert "identity" in rendered
    assert "0 parameters, 0 MACs." in rendered


def test_a_report_prints_itself_as_this_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert str(reports.unet()) == table.render(reports.unet(), width=80)
