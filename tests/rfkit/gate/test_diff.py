"""The forms of a diff: aligned, signed, no wider than the terminal; machine forms that other readers can read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from rfkit.gate.formats.options import Options
from rfkit.gate.history.changes import Changes, Compared, Failure, Kind, Side, compare
from rfkit.gate.history.diff_formats import FORMATS, Settings, render
from rfkit.gate.history.diff_formats.wording import MARKS
from rfkit.render import text
from rfkit.report import Report
from tests.rfkit import reports
from tests.rfkit.gate.networks import BASE, base, diff, inserted, network, wider

FAILED = Failure("broken", "broken.py:Net", "broken.py: ZeroDivisionError: division by zero")


def pull_request() -> list[Compared]:
    """What a pull request may bring: a change of everything, nothing, a new network, one that is gone, a failure."""
    old, new = Side("main (1a2b3c4)", base()), replaced_blocks()
    return [
        compare(old, Side("the working tree", new), "net"),
        compare(old, Side("the working tree", base()), "same"),
        compare(
            Side("main (1a2b3c4)", None), Side("the working tree", inserted()), "new", ["new.py:Net is not in main"]
        ),
        compare(Side("main (1a2b3c4)", base()), Side("the working tree", None), "gone"),
        FAILED,
    ]


def replaced_blocks() -> Report:
    """Another stem, a block taken out, a dilated one put in, a wider end; two modules that are no longer called."""
    blocks = [
        ("down5", 16),
        *BASE[1:3],
        ("wide3", 24),
        ("relu", 24),
        *BASE[6:7],
        ("norm", 64),
        ("relu", 64),
        ("conv3", 96),
    ]
    report = network(*blocks, size=32)
    return replace(report, totals=replace(report.totals, unused_modules=("aux.conv", "aux.fc")))


def odd() -> Changes:
    """Everything that is not usual: per-axis values, unknown ones, long names, another input, another output."""
    old = reports.odd()
    layers = tuple(
        replace(layer, stride=(1, 1), groups=1) if layer.name.endswith("conv1") else layer
        for layer in old
        if layer.name != "neck.mixer"
    )
    totals = replace(
        old.totals, receptive_field=(37, 23), jump_features=(4, 2), output_shapes=((1, 10),), params=200_000
    )
    new = replace(old, layers=layers, totals=totals, input_shape=(1, 3, 64, 64), spatial=(64, 64))
    return compare(Side("feature/a-very-long-name-of-a-branch~12 (1a2b3c4)", old), Side("the working tree", new))


def shown(compared: Compared | Sequence[Compared], form: str = "full", width: int = 80, **settings: object) -> str:
    found = [compared] if isinstance(compared, Changes | Failure) else compared
    return render(form, found, Settings(Options(width=width), **settings))


@pytest.mark.parametrize("width", [80, 120])
def test_the_form_for_a_terminal_looks_as_it_did(width: int, golden: Callable[[str, str], None]) -> None:
    golden(f"diff_{width}.txt", shown(pull_request(), width=width, fails=True))
    golden(f"diff_odd_{width}.txt", shown(odd(), width=width))


def test_colours_and_all_layers_look_as_they_did(golden: Callable[[str, str], None]) -> None:
    golden("diff_all.txt", shown(pull_request()[0], width=100, all_layers=True))
    colored = render("full", pull_request(), Settings(Options(width=80, color=True), fails=True))
    golden("diff_color.txt", colored)
    assert re.sub(r"\x1b\[\d+m", "", colored) == shown(pull_request(), fails=True)


@pytest.mark.parametrize("form", ["concise", "json", "markdown", "csv"])
def test_the_other_forms_look_as_they_did(form: str, golden: Callable[[str, str], None]) -> None:
    suffix = {"concise": "txt", "markdown": "md"}.get(form, form)
    golden(f"diff_{form}.{suffix}", shown(pull_request()[: 2 if form == "csv" else None], form))


@pytest.mark.parametrize("width", [60, 66, 72, 80, 93, 100, 120, 160])
@pytest.mark.parametrize("all_layers", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, all_layers: bool) -> None:
    for compared in (*pull_request(), odd(), diff(base(), network(*BASE, names=["x" * 40 + str(i) for i in range(8)]))):
        lines = shown(compared, width=width, all_layers=all_layers).splitlines()
        assert max(map(text.width, lines), default=0) <= width
        assert all(line == line.rstrip() for line in lines)


def test_what_is_the_same_is_one_quiet_line() -> None:
    assert shown(diff(base(), base())) == "net.py:Net: no difference between before and after\n"


def test_figures_stand_below_each_other_with_their_signs() -> None:
    lines = shown(diff(wider(), base())).splitlines()
    table = lines[2:10]
    ends = {match.end() for line in table[1:] for match in re.finditer(r"%$", line)}
    assert len(ends) == 1
    old, new = wider().totals, base().totals
    (params,) = [line.split() for line in table if line.startswith(" params")]
    step = new.params - old.params
    assert params == ["params", f"{old.params:,}", f"{new.params:,}", f"{step:,}", f"{100 * step / old.params:.1f}%"]


def test_fields_are_told_per_axis_where_they_differ() -> None:
    old = base()
    new = replace(old, totals=replace(old.totals, receptive_field=(64, 70)))
    (line,) = [line.split() for line in shown(diff(old, new)).splitlines() if line.startswith(" RF")]
    size = old.totals.receptive_field[0]
    shares = "x".join(f"{100 * (value - size) / size:+.1f}%" for value in (64, 70))
    assert line == ["RF", str(size), "64x70", f"+{64 - size}x+{70 - size}", shares]


def test_a_share_is_never_rounded_to_nothing() -> None:
    old = base()
    new = replace(old, totals=replace(old.totals, macs=old.totals.macs + 1))
    assert re.search(r"MACs .* \+1  \+<0\.1%$", shown(diff(old, new)), re.MULTILINE)


def test_every_layer_that_was_added_removed_or_changed_has_a_line_with_its_mark() -> None:
    changes = pull_request()[0]
    lines = shown(changes, width=160).splitlines()
    for change in changes.of(Kind.ADDED, Kind.REMOVED, Kind.CHANGED):
        assert sum(line.startswith(f" {MARKS[change.kind]} ") and change.layer.label in line for line in lines) == 1


def test_parameters_in_the_lines_add_up_to_the_difference_of_the_whole() -> None:
    changes = pull_request()[0]
    lines = shown(changes, width=160).splitlines()
    start = next(i for i, line in enumerate(lines) if line.split() == ["layer", "RF", "params"])
    column = [line.split()[-1] for line in lines[start + 1 : lines.index("", start)]]
    steps = [int(cell.replace(",", "")) for cell in column if re.fullmatch(r"[+-][\d,]+", cell)]
    assert sum(steps) == changes.new.report.totals.params - changes.old.report.totals.params


def test_what_is_left_out_is_counted_and_shown_with_all() -> None:
    changes = diff(base(), inserted())
    assert "5 layers only have another name (features.3 -> features.5); --all lists them." in shown(changes)
    assert "2 other layers are as before, but see more or less; --all lists them." in shown(changes)
    whole = shown(changes, all_layers=True, width=120)
    assert "--all" not in whole
    assert sum(line.startswith((" = ", " . ")) for line in whole.splitlines()) == 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kernel_size": (5, 5), "padding": (2, 2)}, "kernel 3 -> 5, padding 1 -> 2"),
        ({"stride": (1, 2)}, "stride 2 -> 1x2"),
        ({"dilation": (2, 2)}, "dilation 1 -> 2"),
        ({"groups": 16}, "groups 1 -> 16"),
        ({"transposed": True}, "transposed"),
        ({"channels": (4, 20)}, "in 3 -> 4, out 16 -> 20"),
        ({"type": "LazyConv2d"}, "Conv2d -> LazyConv2d"),
        ({"params": 448}, "params 432 -> 448"),
        ({"kernel_size": None, "type": "Linear"}, "Conv2d -> Linear, kernel 3 -> none"),
    ],
)
def test_a_change_is_told_in_words(change: dict[str, object], said: str) -> None:
    old = network(*BASE, names="abcdefgh")
    new = replace(old, layers=(replace(old.layers[0], **change), *old.layers[1:]))
    (line,) = [line for line in shown(diff(old, new), width=160).splitlines() if line.startswith(" ~ a")]
    assert f"  {said}  " in f"{line}  "


def test_a_hostile_name_breaks_no_line() -> None:
    old = network(*BASE, names=["a\nb", "\x1b[31mred", "`|`", *"defgh"])
    for form in FORMATS:
        rendered = shown([diff(old, base()), diff(old, old)], form, all_layers=True)
        assert "\x1b" not in rendered
        assert "a\nb" not in rendered


def test_only_what_makes_the_command_fail_is_told_as_worse() -> None:
    changes = diff(base(), wider())
    assert "worse than before: params, MACs" in shown(changes, fails=True)
    assert "worse than" not in shown(changes)
    assert "worse than" not in shown(changes, fails=True, tolerance=5)


def test_the_json_holds_every_difference_and_reads_back() -> None:
    compared = pull_request()
    data = json.loads(shown(compared, "json"))
    assert (data["schema"], len(data["diffs"]), data["errors"][0]["error"]) == ("rfkit.diff/1", 4, FAILED.error)
    first, changes = data["diffs"][0], compared[0]
    assert sum(first["counts"].values()) == len(changes.layers)
    assert len(first["layers"]) == len(changes.layers) - first["counts"]["same"]
    (params,) = [total for total in first["totals"] if total["metric"] == "params"]
    assert params["new"] - params["old"] == params["change"]
    assert params["share"] == pytest.approx(params["change"] / params["old"], abs=1e-6)
    (stem,) = [layer for layer in first["layers"] if layer["new"] == "features.0"]
    assert stem["own"]["kernel_size"] == [[3, 3], [5, 5]]
    assert [entry["identical"] for entry in data["diffs"]] == [False, True, False, False]
    assert data["diffs"][2]["old"]["report"] is None


def test_the_csv_has_a_line_per_difference() -> None:
    rows = list(csv.DictReader(io.StringIO(shown(pull_request(), "csv"))))
    totals = {
        row["property"]: (row["old"], row["new"]) for row in rows if (row["model"], row["kind"]) == ("net", "total")
    }
    old, new = base().totals, replaced_blocks().totals
    assert totals["params"] == (str(old.params), str(new.params))
    assert {row["kind"] for row in rows} <= {"total", *map(str, Kind)}
    assert not [row for row in rows if row["model"] == "same"]


def test_the_markdown_is_tables_with_a_row_per_figure_and_per_layer() -> None:
    changes = pull_request()[0]
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(shown(changes, "markdown"))
    rows = sum(token.type == "tr_open" for token in tokens)
    assert rows == 2 + len(changes.totals) + len(changes.of(Kind.ADDED, Kind.REMOVED, Kind.CHANGED))
    assert shown(changes, "markdown").startswith("<!-- rfkit diff -->\n### rfkit diff: `net`\n")


def test_a_comment_stays_below_what_github_takes() -> None:
    huge = network(*[("conv3", 4), ("relu", 4)] * 150)
    small = network(("conv5", 4))
    for compared in ([diff(small, huge)] * 12, [diff(None, huge)] * 40):
        assert len(shown(compared, "markdown").encode()) < 2**16
    assert "more layers are in the log" in shown(diff(small, huge), "markdown")


def test_the_gates_forms_tell_what_is_worse() -> None:
    changes = diff(base(), wider())
    suite = ElementTree.fromstring(shown(changes, "junit", fails=True)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("7", "2")
    (run,) = json.loads(shown(changes, "sarif", fails=True))["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["RF501", "RF501"]
    assert shown(changes, "github", fails=True).count("::error ") == 2
    assert shown(changes, "github").count("::warning ") == 2
    assert len(json.loads(shown(changes, "gitlab"))) == 2


def test_a_network_that_failed_is_told_in_the_machine_forms() -> None:
    for form in ("json", "markdown", "junit", "sarif", "github", "gitlab"):
        assert "division by zero" in shown([FAILED], form)
