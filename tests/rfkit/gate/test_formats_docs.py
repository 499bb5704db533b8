"""The page on the forms shows what they really print. ``--renew-goldens`` writes it there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rfkit.gate.formats import FORMATS
from rfkit.gate.formats.problems import problems
from tests.rfkit.gate import outcomes

PAGE = Path(__file__).parents[3] / "docs" / "check-formats.md"
EXAMPLE = re.compile(r"^<!-- (\w+) -->\n(```\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> dict[str, str]:
    """The example of each form."""
    return {found[1]: found[3] for found in EXAMPLE.finditer(PAGE.read_text(encoding="utf-8"))}


def test_every_form_has_an_example_and_a_line_in_the_list() -> None:
    assert list(shown()) == list(FORMATS)
    assert re.findall(r"^\| `(\w+)` \| a", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[:2] == ["full", "concise"]


@pytest.mark.parametrize("form", FORMATS)
def test_the_examples_are_what_is_printed(form: str, request: pytest.FixtureRequest) -> None:
    real = FORMATS[form](outcomes.documented(), outcomes.FIXED)
    if request.config.getoption("--renew-goldens"):
        page = PAGE.read_text(encoding="utf-8")
        example = next(found for found in EXAMPLE.finditer(page) if found[1] == form)
        renewed = f"<!-- {form} -->\n{example[2]}\n{real}```"
        PAGE.write_text(page[: example.start()] + renewed + page[example.end() :], encoding="utf-8")
    assert shown()[form] == real


def test_the_example_has_a_problem_of_each_kind() -> None:
    kinds = [problem.finding and str(problem.finding.status) for problem in problems(outcomes.documented())]
    assert kinds == ["broken", "undecided", None]
