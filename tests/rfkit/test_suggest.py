"""``rfkit.suggest``: every suggestion makes the network pass, and the smallest come first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

import rfkit
from rfkit.errors import UsageError
from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.findings import Finding, Severity, Status
from rfkit.gate.judge import judge
from rfkit.gate.spec import read_spec
from rfkit.report import Report, Totals
from rfkit.suggesting import Suggestions, apply_edits, suggest
from rfkit.suggesting.edits import Change, Channels, Geometry, Separable, Swap
from rfkit.suggesting.predict import Predictor
from rfkit.suggesting.rank import distance, missed, resizes
from tests.assets.suggest import variants

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = ROOT / "tests" / "assets" / "suggest" / "variants.py"
ASSIGNMENT = ROOT / "rfkit" / "gate" / "spec" / "assignment.toml"
DOCUMENTS = ROOT / "trainer" / "models" / "documents.py"

NEEDED = {name: 2 if name in variants.NEED_TWO else 1 for name in variants.__all__}


def failures(model: nn.Module) -> list[str]:
    """Messages of the rules of the assignment that a module breaks, by a trace and a verdict of its own."""
    (spec,) = read_spec(ASSIGNMENT).select(("net",))
    report = rfkit.trace(model, (3, 32, 32))
    return [finding.message for finding in judge(spec, report, today=date(2026, 6, 1)) if finding.fails]


def suggestions(name: str, **options: object) -> Suggestions:
    return suggest(f"{VARIANTS}:{name}", spec=ASSIGNMENT, **options)


def test_there_are_twelve_variants_and_each_fails() -> None:
    assert len(variants.__all__) == 12
    assert all(failures(getattr(variants, name)()) for name in variants.__all__)


@pytest.mark.parametrize("name", variants.__all__)
def test_each_variant_is_repaired(name: str) -> None:
    """Every suggestion is made once more, in a copy of a network with real weights, which is traced, judged and run."""
    found = suggestions(name)
    assert found.exit_code == 0
    assert 1 <= len(found.found) <= 5
    for suggestion in found.found:
        assert len(suggestion.edits) == NEEDED[name]
        twin = apply_edits(getattr(variants, name)(), suggestion.edits)
        assert failures(twin) == []
        assert rfkit.trace(twin, (3, 32, 32)).totals == suggestion.report.totals
    with torch.no_grad():
        assert twin.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_a_network_in_spec_needs_nothing() -> None:
    found = suggest(f"{DOCUMENTS}:TwoBranchNet", spec=ASSIGNMENT)
    assert (found.in_spec, found.exit_code, found.found, found.tried) == (True, 0, (), 0)


def test_one_dilation_repairs_a_network_without() -> None:
    """Padded as it is dilated, so that no map changes its size; parameters and MACs stay as they are."""
    found = suggestions("not_dilated")
    for suggestion in found.found:
        assert not resizes(found.report, suggestion.report)
        assert suggestion.report.totals.params == found.report.totals.params
        assert PARTS["dilated"].find(Graph.of(suggestion.report)) == [*suggestion.edits[0].layers]
    fields = [suggestion.report.totals.receptive_field[0] for suggestion in found.found]
    assert fields == sorted(fields)


def test_a_max_pooling_is_replaced_by_the_stride_of_a_convolution_and_otherwise() -> None:
    texts = [suggestion.text for suggestion in suggestions("pooled_by_maximum").found]
    assert "conv4.4: MaxPool2d -> AvgPool2d" in texts
    assert "conv4.4: MaxPool2d -> stride 1 -> 2 in conv4.0" in texts
    assert "conv4.4: MaxPool2d -> 3x3 convolution, stride 2, padding 1" in texts


def test_suggestions_are_of_different_kinds_where_there_are_some() -> None:
    kinds = {tuple(sorted(edit.kind for edit in s.edits)) for s in suggestions("too_heavy").found}
    assert len(kinds) > 2


def test_only_the_kinds_asked_for_are_tried_and_no_more_than_asked_for_are_shown() -> None:
    found = suggestions("wide_and_shallow", only=["dilation", "separable"], limit=2)
    assert len(found.found) == 2
    assert {edit.kind for suggestion in found.found for edit in suggestion.edits} == {"dilation", "separable"}


def test_where_one_edit_does_not_do_the_nearest_is_said() -> None:
    found = suggestions("plain_and_pooled", edits=1)
    assert (found.exit_code, found.found) == (1, ())
    assert found.nearest is not None
    assert distance(found.nearest.findings) < distance(found.findings)


def test_a_rule_that_no_edit_mends_is_named() -> None:
    found = suggest(f"{DOCUMENTS}:TwoBranchNet", spec=ASSIGNMENT, options={"--conv-blocks": ">= 9"})
    assert [finding.code for finding in found.beyond] == ["RF203"]
    assert (found.exit_code, found.tried) == (1, 0)


def written(folder: Path, code: str) -> str:
    (folder / "net.py").write_text(f"import torch\nfrom torch import nn\nfrom torch.nn import functional\n\n\n{code}")
    return f"{folder}/net.py:net"


def test_of_many_edits_the_largest_are_paired_too(tmp_path: Path) -> None:
    """More single edits than are paired; no two save 550,000 parameters but the smallest kernel of the last layer and another."""
    widths = [*[32] * 44, 256, 256]
    layers = ", ".join(f"nn.Conv2d({a}, {b}, 3, padding=1)" for a, b in pairwise([3, *widths]))
    target = written(tmp_path, f"def net():\n    return nn.Sequential({layers})\n")
    limit = sum(9 * a * b + b for a, b in pairwise([3, *widths])) - 550_000
    options = {"--params": f"< {limit}", "--input": "3x8x8"}
    found = suggest(target, options=options, limit=1, only=["width", "kernel"], seconds=600)
    (suggestion,) = found.found
    assert any(edit.text.startswith("45: kernel 3 -> 1") for edit in suggestion.edits)
    assert len(suggestion.edits) == 2


def test_widths_of_neighbouring_layers_are_changed_together(tmp_path: Path) -> None:
    """The second layer is given fewer channels by one edit and makes fewer by the other; no other two edits are enough."""
    target = written(
        tmp_path,
        "def net():\n"
        "    wide = nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU()\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 512), *wide, nn.Linear(512, 10))\n",
    )
    found = suggest(target, options={"--params": "< 270k", "--input": "3x8x8"}, only=["width"])
    assert found.found
    for suggestion in found.found:
        one, other = suggestion.edits
        assert one.layers & other.layers == {"2"}
        assert suggestion.report.totals.params < 270_000


def test_what_changes_nothing_is_not_the_nearest() -> None:
    """A ReLU less leaves as many layers without use as there were; so would a few other edits of that kind."""
    found = suggest(
        "torchvision.models:resnet18", options={"--input": "3x32x32", "--no-unproductive-layers": True}, edits=1
    )
    assert found.found or found.nearest is None or distance(found.nearest.findings) < distance(found.findings)
    if found.nearest is not None:
        assert found.nearest.findings[0].value < found.findings[0].value


def test_rules_without_a_gap_are_missed_by_the_number_of_layers() -> None:
    def broken(**found: object) -> Finding:
        return Finding("RF301", Status.BROKEN, Severity.ERROR, "no_unproductive_layers", "", **found)

    shares = [missed(broken(value=number)) for number in (1, 2, 3)]
    assert shares == sorted(set(shares))
    assert shares[-1] < missed(broken(value="[1, 10, 3, 3]")) == 1
    fields = [missed(broken(value="9x7", gap=gap)) for gap in (1, 9, 24)]
    assert fields == sorted(set(fields))
    assert missed(replace(broken(value=3), status=Status.HELD)) == 0


def test_where_an_operator_has_no_rule_no_edit_is_proposed(tmp_path: Path) -> None:
    target = written(
        tmp_path,
        "class net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 4, 3)\n\n"
        "    def forward(self, x):\n"
        "        return self.conv(torch.linalg.matrix_exp(x))\n",
    )
    found = suggest(target, options={"--rf": "> 10", "--input": "3x16x16"})
    assert (found.tried, found.nearest, [finding.code for finding in found.beyond]) == (0, None, ["RF101"])
    assert "teach rfkit\naten.linalg_matrix_exp with @rfkit.rule, or replace it" in str(found)


def test_what_is_left_alone_is_named_with_the_reason(tmp_path: Path) -> None:
    target = written(
        tmp_path,
        "class net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.hooked = nn.Conv2d(3, 4, 3)\n"
        "        self.hooked.register_forward_pre_hook(lambda _, x: x)\n"
        "        self.one, self.other, self.up = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3), nn.ConvTranspose2d(4, 4, 2)\n"
        "        self.other.weight = self.one.weight\n\n"
        "    def forward(self, x):\n"
        "        return functional.max_pool2d(self.up(self.other(self.one(self.hooked(x)))), 2)\n",
    )
    found = suggest(target, options={"--rf": "> 90", "--input": "3x16x16"})
    assert (found.exit_code, found.tried) == (1, 0)
    assert found.left_alone == {
        "with hooks": ("hooked",),
        "sharing weights": ("one", "other"),
        "transposed, not padded with zeros, or of a class of its own": ("up",),
        "called as a function": ("max_pool2d",),
    }
    said = " ".join(str(found).split())
    assert "There is no edit to try." in said
    assert "with hooks (they can be changed when these are removed): hooked" in said


def test_when_its_time_is_over_the_search_says_what_it_has() -> None:
    found = suggestions("plain_and_pooled", seconds=0.0)
    assert (found.out_of_time, found.found, found.tried) == (True, (), 0)
    assert "--seconds gives the search longer" in " ".join(str(found).split())
    assert "longer" not in str(suggestions("plain_and_pooled", seconds=600.0))


def test_what_its_time_was_too_short_for_is_told_by_kind() -> None:
    found = suggestions("too_heavy", seconds=0.0)
    assert {"kernel", "layer", "separable", "width"} <= found.untried.keys()
    said = " ".join(str(found).split())
    assert f"{found.untried['width']} of kind width" in said
    assert not suggestions("too_heavy", seconds=600.0).untried


def test_no_kind_of_edit_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first four edits that are tried for a network with too many parameters are of the four kinds that may help."""
    tried: list[tuple[Change, ...]] = []
    outline = Predictor.outline

    def noted(self: Predictor, changes: tuple[Change, ...], sight: bool = True) -> Totals:
        tried.append(changes)
        return outline(self, changes, sight)

    monkeypatch.setattr(Predictor, "outline", noted)
    suggest(f"{DOCUMENTS}:FourBlockNet", options={"--params": "< 1k"}, edits=1)
    assert {type(changes[0]) for changes in tried[:4]} == {Separable, Channels, Geometry, Swap}


def test_no_layer_is_looked_at_for_edits_that_leave_a_figure_of_the_network_outside_its_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for those that come nearer than all before them, which may be shown."""
    whole: list[Report] = []
    report = Predictor.report

    def counted(self: Predictor, changes: tuple[Change, ...]) -> Report:
        whole.append(report(self, changes))
        return whole[-1]

    monkeypatch.setattr(Predictor, "report", counted)
    found = suggest(f"{DOCUMENTS}:FourBlockNet", options={"--params": "< 1k"})
    assert found.tried > 50
    params = [each.totals.params for each in whole]
    assert 0 < len(params) < found.tried / 5
    assert params == sorted(params, reverse=True)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"--rf-features": "> 44"}, "dilation"),
        ({"--rf": "45..47"}, "kernel"),
        ({"--macs": "< 18M"}, "separable"),
        ({"--jump": "<= 2"}, "stride"),
        ({"--activation-memory": "< 700 KiB"}, "width"),
        ({"--require": ["dilated>=5"]}, "dilation"),
    ],
)
def test_other_demands_are_met_too(options: dict[str, object], kind: str) -> None:
    found = suggest(f"{DOCUMENTS}:TwoBranchNet", spec=None, options=options)
    kinds = {edit.kind for suggestion in found.found for edit in suggestion.edits}
    assert (found.exit_code, kind in kinds) == (0, True), found


def test_holes_are_filled(tmp_path: Path) -> None:
    """Of two convolutions of dilation 2 the second reaches every other position of 9; one less dilated reaches all."""
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n"
        "def net():\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=2, dilation=2), nn.Conv2d(4, 4, 3, padding=2, dilation=2))\n"
    )
    found = suggest(f"{tmp_path}/net.py:net", options={"--max-hole": "< 1", "--input": "3x32x32"}, limit=2)
    assert {suggestion.edits[0].text for suggestion in found.found} == {
        "0: dilation 2 -> 1, padding 2 -> 1",
        "1: dilation 2 -> 1, padding 2 -> 1",
    }


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean dilation"):
        suggestions("not_dilated", only=["dilatation"])
