"""``rfkit.suggest``: every suggestion makes the network pass, and the smallest come first."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import torch
from torch import nn

import rfkit
from rfkit.errors import UsageError
from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.judge import judge
from rfkit.gate.spec import read_spec
from rfkit.suggesting import Suggestions, apply_edits, suggest
from rfkit.suggesting.rank import distance, resizes
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
