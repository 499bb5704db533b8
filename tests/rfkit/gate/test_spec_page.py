"""``docs/spec.md`` names every key, part and option, and its examples are right."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from rfkit.errors import SpecError
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.limits import parse_limits
from rfkit.gate.quantities import COUNT, MEMORY, SHARE, SIZE
from rfkit.gate.spec.flags import RULES, SETTINGS
from rfkit.gate.spec.tables import ExceptionTable, LayerRules, ModelTable, SpecTable, toml
from tests.rfkit.gate.specs import read
from tests.test_docs import ROOT, blocks, section, table, text_of

PAGE = "docs/spec.md"
EXAMPLES = [text for language, text in blocks(PAGE) if language == "toml"]


def rows(heading: str) -> list[list[str]]:
    """The rows of all tables under a heading, without those of their heads."""
    lines = section(PAGE, heading).splitlines()
    return [row for block in "\n".join(lines).split("\n\n") if "|---" in block for row in table(block)]


def first_column(heading: str) -> list[str]:
    return [row[0].strip("`") for row in rows(heading)]


def keys(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_are_right(tmp_path: Path, text: str) -> None:
    read(tmp_path, text)


def test_every_key_is_documented_once() -> None:
    assert sorted(first_column("The whole file")) == sorted(keys(SpecTable))
    assert sorted(first_column("Exceptions")) == sorted(keys(ExceptionTable))
    of_models = [*first_column("How a network is run"), *first_column("What a network must be")]
    assert sorted(of_models) == sorted([*keys(ModelTable), *PARTS])
    assert [key for key in LayerRules.model_fields if f"`{key}`" not in section(PAGE, "Single layers")] == []


def test_every_example_of_a_key_is_a_right_value(tmp_path: Path) -> None:
    whole, run, asked = ("The whole file", "How a network is run", "What a network must be")
    tried = 0
    for heading in (whole, run, asked):
        for name, example, *_ in (row for row in rows(heading) if len(row) == 3 and row[1].startswith("`")):
            for value in example.strip("`").split("`, `"):
                head = "" if heading == whole else '[models.net]\ntarget = "model.py:Net"\n'
                line = f"{name.strip('`')} = {value}\n"
                read(tmp_path, line if heading == whole else head.replace('target = "model.py:Net"\n', "") + line
                     if name == "`target`" else head + line)  # fmt: skip
                tried += 1
    assert tried > 25


def test_every_part_is_described_as_the_tool_does(request: pytest.FixtureRequest) -> None:
    head = "| part | what counts |\n|---|---|\n"
    lines = "".join(f"| `{name}` | {part.description} |\n" for name, part in sorted(PARTS.items()))
    before, _, after = text_of(PAGE).partition(head)
    shown, _, rest = after.partition("\n\n")
    if request.config.getoption("--renew-goldens"):
        (ROOT / PAGE).write_text(f"{before}{head}{lines}\n{rest}", encoding="utf-8", newline="\n")
        shown = lines.rstrip("\n")
    assert shown + "\n" == lines


def test_every_option_is_listed_with_its_key() -> None:
    listed = {row[0].strip("`"): row[1].strip("`") for row in rows("On the command line and in Python")}
    assert listed == {**RULES, **SETTINGS}


def test_every_limit_shown_is_one() -> None:
    for shown, *_ in rows("Limits"):
        for text in shown.strip("`").split("`, `"):
            value = tomllib.loads(f"value = {text}")["value"]
            assert any(accepted(value, quantity) for quantity in (SIZE, COUNT, MEMORY, SHARE)), text


def accepted(value: object, quantity: object) -> bool:
    try:
        return bool(parse_limits(value, quantity))  # type: ignore[arg-type]
    except ValueError:
        return False


def test_the_mistakes_shown_are_those_that_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"recptive_field": "> 44", "params": "< 200q", "require": ["dilatd"]}
    lines = "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
    with pytest.raises(SpecError) as raised:
        read(tmp_path, f'[models.net]\ntarget = "model.py:Net"\n{lines}')
    (shown,) = [text for language, text in blocks(PAGE) if language == "text"]
    assert str(raised.value) == shown.strip()
