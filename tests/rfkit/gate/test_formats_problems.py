"""What the forms share: places, fingerprints, the order of problems, the words that count rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfkit.gate.findings import Finding, Outcome
from rfkit.gate.fingerprint import distinct, fingerprint
from rfkit.gate.formats import FORMATS, words
from rfkit.gate.formats.lines import wrapped
from rfkit.gate.formats.problems import NOT_RUN, locate, problems, worst_first
from rfkit.render import text
from tests.rfkit.gate import outcomes
from tests.rfkit.gate.outcomes import FIXED, NOT_EXACT, TOO_MANY, TOO_SMALL, WASTED

each_outcome = pytest.mark.parametrize("make", outcomes.ALL, ids=lambda make: make.__name__)
Make = Callable[[], Outcome]


@each_outcome
def test_every_finding_is_counted_once(make: Make) -> None:
    outcome = make()
    assert words.counted_all(outcome).rules == sum(len(verdict.findings) for verdict in outcome.verdicts)
    failing = sum(finding.fails for verdict in outcome.verdicts for finding in verdict.findings)
    assert words.counted_all(outcome).failing == failing


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ((), "no rule was checked"),
        (outcomes.RULES[:1], "1 rule holds"),
        (outcomes.RULES, "5 rules hold"),
        ((*outcomes.RULES, WASTED), "5 of 6 rules hold, 1 warning"),
        ((*outcomes.RULES, TOO_SMALL), "1 of 6 rules broken"),
        ((*outcomes.RULES, TOO_SMALL, TOO_MANY, NOT_EXACT), "2 of 8 rules broken, 1 undecided"),
        ((*outcomes.RULES, NOT_EXACT), "1 of 6 rules undecided"),
        ((outcomes.EXCUSED,), "0 of 1 rule hold, 1 excepted"),
    ],
)
def test_standing(findings: tuple[Finding, ...], line: str) -> None:
    assert words.standing(words.counted(findings)) == line


def test_conclusion_of_several_networks_says_how_many_are_at_fault() -> None:
    passing, failing, refused = outcomes.passing(), outcomes.failing(), outcomes.refused()
    assert words.conclusion(Outcome((passing, passing))) == "10 rules hold in 2 networks"
    assert words.conclusion(Outcome((refused, refused))) == "2 networks could not be run"
    assert words.conclusion(Outcome((passing, failing, refused))).endswith(
        "in 1 of 2 networks; 1 network could not be run"
    )
    assert words.conclusion(Outcome(())) == "no network was checked"


def test_a_layer_is_named_once() -> None:
    assert [problem.message.count("conv") for problem in problems(outcomes.one_failing())] == [1, 0, 1, 1, 0]


def test_paths_inside_the_root_are_relative_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inside = tmp_path / "models"
    inside.mkdir()
    monkeypatch.chdir(inside)
    here = Outcome((replace(outcomes.failing(), findings=(TOO_SMALL, replace(TOO_SMALL, place=f"{inside}/a/b.py:5"))),))
    outside = Outcome((replace(outcomes.failing(), findings=(replace(TOO_SMALL, place="/elsewhere/net.py:3"),)),))
    assert [str(problem.place) for problem in problems(here)] == ["net.py:31", "a/b.py:5"]
    assert [str(problem.place) for problem in problems(here, tmp_path)] == ["models/net.py:31", "models/a/b.py:5"]
    assert [str(problem.place) for problem in problems(outside, tmp_path)] == ["/elsewhere/net.py:3"]
    for form in ("sarif", "gitlab", "github", "markdown", "json"):
        assert "models/net.py" in FORMATS[form](here, replace(FIXED, root=tmp_path))


@pytest.mark.parametrize(
    ("place", "defined", "target", "expected"),
    [
        ("net.py:31", "net.py:9", "net.py:Net", "net.py:31"),
        (None, "net.py:9", "net.py:Net", "net.py:9"),
        (None, None, "sub/net.py:Net", "sub/net.py:1"),
        (None, None, "sub/net.py", "sub/net.py:1"),
        (None, None, "torchvision.models:resnet18", "rfkit.toml:1"),
        ("odd name", None, "net.py:Net", "odd name:1"),
        ("./sub/../net.py:4", None, "net.py:Net", "net.py:4"),
    ],
)
def test_the_nearest_known_place_is_named(place: str | None, defined: str | None, target: str, expected: str) -> None:
    report = replace(outcomes.passing().report, place=defined)
    verdict = replace(outcomes.passing(), target=target, report=report)
    assert str(locate(verdict, replace(TOO_SMALL, place=place), "rfkit.toml")) == expected


def test_a_module_without_a_spec_is_its_own_place() -> None:
    verdict = outcomes.refused("net", "torchvision.models:resnet18")
    assert str(locate(verdict, None)) == "torchvision.models:1"


def test_a_fingerprint_is_the_same_for_ever() -> None:
    assert fingerprint("net", "RF101", "receptive_field > 44", "conv4.0") == "cdb00c306dd8fa945647e475977d56f9"
    assert fingerprint("net", "RF101", "receptive_field > 44", None) == "788ab90858bc75d30dd77cad75ad9172"


def test_a_fingerprint_does_not_depend_on_the_value_the_line_or_the_words() -> None:
    moved = replace(
        TOO_SMALL, value=39, gap=6, message="receptive field 39 is not > 44", place="other.py:1", help=(), note=None
    )
    before, after = (
        problems(Outcome((replace(outcomes.passing(), findings=(one,)),)))[0] for one in (TOO_SMALL, moved)
    )
    assert before.fingerprint == after.fingerprint


@given(st.lists(st.tuples(st.text(), st.text(), st.text(), st.none() | st.text()), unique=True))
def test_different_findings_have_different_fingerprints(parts: list[tuple[str, str, str, str | None]]) -> None:
    assert len({fingerprint(*part) for part in parts}) == len(parts)


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_repeated_fingerprints_are_told_apart_and_the_first_stays(names: list[str]) -> None:
    marks = distinct(names)
    assert len(set(marks)) == len(names)
    for name in set(names):
        assert marks[names.index(name)] == name


def test_the_worst_comes_first() -> None:
    far = replace(TOO_SMALL, value=10, gap=35)
    missing = replace(TOO_SMALL, code="RF201", value=None, gap=None)
    verdict = replace(outcomes.passing(), findings=(outcomes.UNEVEN, WASTED, NOT_EXACT, TOO_SMALL, far, missing))
    found = worst_first(problems(Outcome((verdict, outcomes.refused()))))
    assert [problem.finding for problem in found] == [
        None, missing, far, TOO_SMALL, NOT_EXACT, WASTED, outcomes.UNEVEN,
    ]  # fmt: skip


@given(st.text(max_size=60), st.integers(1, 20))
def test_wrapping_loses_no_word_and_keeps_to_the_width(said_words: str, columns: int) -> None:
    lines = wrapped(said_words, columns)
    assert "".join("".join(lines).split()) == "".join(said_words.split())
    assert all(text.width(line) <= columns or len(line) == 1 for line in lines)


@pytest.mark.parametrize(
    ("given_text", "line"),
    [
        ("plain", "plain"),
        ("two\nlines\tand\r\ntabs", "two lines and  tabs"),
        ("\x1b[31mred\x1b[0m\x07", "[31mred[0m"),
        ("\u202eevil\u2066", "evil"),
        ("é 网络 🙂", "é 网络 🙂"),
        ("\ud800x\uffff\U0001fffe\ufdd0", "x"),
        ("a\u2028b\x85c", "a b c"),
    ],
)
def test_one_line(given_text: str, line: str) -> None:
    assert words.one_line(given_text) == line


def test_a_network_that_could_not_be_run_has_a_code_of_its_own() -> None:
    assert [problem.code for problem in problems(outcomes.one_refused())] == [NOT_RUN]
