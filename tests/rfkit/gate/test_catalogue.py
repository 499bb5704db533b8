"""Every rule is explained, in a terminal and in ``docs/rules.md``, and every code that a check can give is a rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rfkit.errors import UsageError
from rfkit.gate import catalogue
from rfkit.gate.catalogue import CATALOGUE, explain, listing, selected
from rfkit.gate.checks import check as checks
from rfkit.gate.checks.measurable import MEASURES

ROOT = Path(__file__).parents[3]
NAMED_IN_THE_DESIGN = {
    "RF101": "receptive-field-too-small",
    "RF110": "parameters-out-of-range",
    "RF201": "required-part-missing",
    "RF202": "forbidden-part-used",
    "RF301": "unproductive-layer",
    "RF401": "unknown-operator",
    "RF501": "worse-than-baseline",
    "RF502": "stale-exception",
    "RF503": "not-in-baseline",
}


def test_codes_stand_for_what_they_always_stood_for() -> None:
    assert {code: CATALOGUE[code].name for code in NAMED_IN_THE_DESIGN} == NAMED_IN_THE_DESIGN
    assert list(CATALOGUE) == sorted(CATALOGUE)


def test_every_code_that_the_gate_writes_is_a_rule_and_every_rule_is_written_somewhere() -> None:
    sources = [p for p in (ROOT / "rfkit").rglob("*.py") if "rules" not in p.parts and p.name != "findings.py"]
    written = {code for path in sources for code in re.findall(r'"(RF\d{3})"', path.read_text(encoding="utf-8"))}
    assert written == CATALOGUE.keys()


def test_every_check_has_a_code_in_the_catalogue() -> None:
    codes = {code for measure in MEASURES.values() for code in measure.codes} | set(checks._CODES.values())
    assert codes <= CATALOGUE.keys()
    assert set(MEASURES) | set(checks._CODES) == set(checks.CHECKS)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_rule_says_what_it_means_why_it_matters_and_what_to_do(code: str) -> None:
    rule = CATALOGUE[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)
    assert not rule.summary.endswith(".")
    for text in (rule.meaning, rule.why, rule.fix):
        assert text.endswith(".")
        assert len(text.split()) > 5
        assert "!" not in text
    assert rule.reference


@pytest.mark.parametrize("code", CATALOGUE)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_an_explanation_fits_its_width(code: str, width: int) -> None:
    text = explain(code, width)
    first, *rest = text.splitlines()
    assert first.startswith(f"{code} {CATALOGUE[code].name}: ")
    unbreakable = max(map(len, text.split()))
    assert max(map(len, rest)) <= max(width, unbreakable)
    assert " ".join(CATALOGUE[code].fix.split()) in " ".join(text.split())


@pytest.mark.parametrize(
    "name", ["RF101", "rf101", " RF101 ", "receptive-field-too-small", "Receptive-Field-Too-Small"]
)
def test_a_rule_is_found_by_code_and_by_name(name: str) -> None:
    assert explain(name) == explain("RF101")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("RF1O1", "RF101"), ("RF11", "RF110"), ("RF2O4", "RF204"), ("unproductive-layers", "unproductive-layer")],
)
def test_a_rule_that_is_nearly_one_is_suggested(name: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"^there is no rule '{name}'; did you mean {meant}\?$"):
        explain(name)


def test_a_rule_that_is_like_none_is_only_refused() -> None:
    with pytest.raises(UsageError, match=r"^there is no rule 'x'; rfkit rule lists them all$"):
        explain("x")


def test_the_listing_has_a_line_for_each_rule() -> None:
    lines = listing().splitlines()
    assert [line.split()[:2] for line in lines] == [[rule.code, rule.name] for rule in CATALOGUE.values()]
    columns = {line.index(CATALOGUE[line[:5]].summary) for line in lines}
    assert len(columns) == 1


@pytest.mark.parametrize(
    ("select", "ignore", "codes"),
    [
        ([], [], {"RF101", "RF110", "RF201"}),
        (["RF1"], [], {"RF101", "RF110"}),
        (["rf101"], [], {"RF101"}),
        (["RF1", "RF201"], ["RF110"], {"RF101", "RF201"}),
        ([], ["RF"], set()),
    ],
)
def test_codes_are_selected_by_their_beginnings(select: list[str], ignore: list[str], codes: set[str]) -> None:
    assert {code for code in ("RF101", "RF110", "RF201") if selected(code, select, ignore)} == codes


def test_the_page_of_rules_is_the_catalogue(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "rules.md"
    if request.config.getoption("--renew-goldens"):
        page.write_text(catalogue.as_markdown(), encoding="utf-8", newline="\n")
    assert page.read_text(encoding="utf-8") == catalogue.as_markdown()


def test_the_links_of_the_page_lead_to_its_sections() -> None:
    text = catalogue.as_markdown()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.*)$", text, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links == headings
    assert len(links) == len(CATALOGUE)
