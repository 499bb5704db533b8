"""The published JSON schema, read by a validator that knows nothing of rfkit."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rfkit.gate.spec.schema import json_schema
from rfkit.gate.spec.tables import SpecTable
from rfkit.gate.spec.templates import TEMPLATES, template
from tests.rfkit.gate.test_spec import EVERY_KEY

PAGE = Path(__file__).parents[3] / "docs" / "rfkit.schema.json"


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(PAGE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_schema_is_that_of_the_tables(request: pytest.FixtureRequest) -> None:
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if request.config.getoption("--renew-goldens"):
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == text


def as_json(text: str) -> Any:
    """TOML as an editor hands it to a validator: dates are texts."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


GOOD = [
    EVERY_KEY,
    *(template(name) for name in TEMPLATES),
    "",
    'defaults.require = "dilated"',
    'defaults.require = ["dilated", { part = "grouped", count = ">= 2", severity = "info" }]',
    "defaults.require = false",
    'defaults.require = { dilated = true, grouped = 2, attention = ">= 1", skip_connection = false }',
    'defaults.forbid = { MaxPool2d = true, attention = { severity = "warning" } }',
    'defaults.receptive_field = ["> 44", 60]',
    'defaults.receptive_field = { limit = "45..64" }',
    'defaults.receptive_field = "> 44x60"',
    "defaults.params = 200_000",
    'defaults.params = "> 44, <= 200,000"',
    "defaults.params = false",
    'defaults.conv_blocks = "C1C2C3C40"',
    'defaults.output_shape = "1x10"',
    "defaults.coverage = 0.9",
    "defaults.aligned = { message = 'why' }",
    "defaults.arguments = [1, 'a']",
    "timeout = '2 min'\nmemory = 1073741824\ntolerance = 0.02",
]

BAD = [
    "basline = 'x'",
    "defaults.parms = '< 5'",
    "defaults.params = 'few'",
    "defaults.params = '< 5 MiB'",
    "defaults.params = true",
    "defaults.params = ['< 5']",
    "defaults.params = { lmit = '< 5' }",
    "defaults.params = { limit = '< 5', severity = 'fatal' }",
    "defaults.coverage = 90",
    "defaults.receptive_field = []",
    "defaults.receptive_field = '>'",
    "defaults.require = ['dilatd']",
    "defaults.require = { dilatd = true }",
    "defaults.require = [{ count = 3 }]",
    "defaults.aligned = 'yes'",
    "defaults.device = 'gpu'",
    "defaults.output_shape = [0, 10]",
    "defaults.input = 'large'",
    "defaults.exceptions = [{ rule = 'RF301' }]",
    "defaults.exceptions = [{ rule = 'RF999', reason = 'x' }]",
    "defaults.exceptions = [{ rule = 'RF301', reason = 'x', until = 'soon' }]",
    "models.net.params = '< 5'",
    "models.net = { target = 3 }",
    "models.net = { target = 'm.py', layers = { 'a.*' = { input = '3x3' } } }",
    "memory = 4",
    "timeout = 0",
    "select = 'rules'",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_right_spec_is_valid(validator: Any, text: str) -> None:
    validator.validate(as_json(text))
    SpecTable.model_validate(tomllib.loads(text))


@pytest.mark.parametrize("text", BAD)
def test_a_wrong_spec_is_not(validator: Any, text: str) -> None:
    assert list(validator.iter_errors(as_json(text)))
    with pytest.raises(ValueError, match="validation error"):
        SpecTable.model_validate(tomllib.loads(text))


def test_every_key_of_the_schema_is_described(validator: Any) -> None:
    tables = {"spec": validator.schema, **validator.schema["$defs"]}
    nameless = [
        f"{name}.{key}"
        for name, table in tables.items()
        for key, value in table.get("properties", {}).items()
        if "description" not in value and key not in ("limit", "shape")
    ]
    assert nameless == []
