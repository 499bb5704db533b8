"""All mistakes in a spec are told at once: file, line, key, what was found, what is allowed, what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfkit.errors import SpecError
from rfkit.gate.spec import read_spec
from tests.rfkit.gate.specs import read


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes(folder: Path, text: str, name: str = "rfkit.toml") -> list[str]:
    with pytest.raises(SpecError) as raised:
        read(folder, text, name).select()
    return str(raised.value).splitlines()


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    said = mistakes(
        folder,
        """\
        basline = "b.json"
        timeout = "soon"
        memory = 4
        select = ["RF9"]
        [defaults]
        input = "3x32xq"
        receptive_field = "> fourty"
        require = ["dilatd", { part = "grouped", cont = 3 }, { part = "dilated", count = "lots" }]
        aligned = "yes"
        [models.net]
        recptive_field = 3
        params = { limt = "< 200k", severity = "warn" }
        conv_blocks = "C1C3"
        forbid = ["MaxPol2d", "max_pool"]
        macs = true
        output_shape = [1, -10]
        layers = 3
        jump = {}
        [[models.net.exceptions]]
        rule = "RF999"
        [models."a b"]
        target = 3
        [models."a b".layers."x.*"]
        stide = 3
        """,
    )
    assert said == [
        "rfkit.toml:1: basline: unknown key; did you mean baseline?",
        'rfkit.toml:2: timeout: "soon" is no time in seconds; expected e.g. timeout = 60',
        'rfkit.toml:3: memory: 4 is 4 bytes, too little for anything to run; did you mean "4 GiB"?',
        'rfkit.toml:4: select: no rule has the code "RF9"; rfkit rule lists them; expected e.g. select = ["RF1", "RF201"]',
        'rfkit.toml:6: defaults.input: "3x32xq" is no shape: "q" is no whole number above 0; expected e.g. '
        'input = "3x32x32"',
        "rfkit.toml:7: defaults.receptive_field: \"> fourty\" is no limit: 'fourty' is no number; expected e.g. "
        'receptive_field = "> 44"',
        'rfkit.toml:8: defaults.require[0]: "dilatd" is no known part; did you mean dilated?',
        "rfkit.toml:8: defaults.require[1].cont: unknown key; did you mean count?",
        "rfkit.toml:8: defaults.require[2].count: \"lots\" is no limit: 'lots' is no number; expected e.g. "
        'count = ">= 2"',
        'rfkit.toml:9: defaults.aligned: "yes" is neither true nor false nor a table; expected e.g. aligned = true',
        'rfkit.toml:10: models.net.target: missing; expected e.g. target = "model.py:Net"',
        "rfkit.toml:11: models.net.recptive_field: unknown key; did you mean receptive_field?",
        'rfkit.toml:12: models.net.params.severity: "warn" is no severity; did you mean warning?',
        "rfkit.toml:12: models.net.params.limt: unknown key; did you mean limit?",
        'rfkit.toml:13: models.net.conv_blocks: "C1C3" does not number its blocks from 1; did you mean "C1C20"?',
        'rfkit.toml:14: models.net.forbid[0]: "MaxPol2d" is no known part, operator or layer; did you mean MaxPool2d? '
        '(for a class of your own write "MaxPol2d*")',
        'rfkit.toml:15: models.net.macs: true is no limit; expected e.g. macs = "< 60M"',
        "rfkit.toml:16: models.net.output_shape: [1, -10] is no shape: -10 is no whole number above 0; expected e.g. "
        "output_shape = [1, 10]",
        "rfkit.toml:17: models.net.layers: 3 is not a table",
        'rfkit.toml:18: models.net.jump.limit: missing; expected e.g. jump = "<= 8"',
        'rfkit.toml:19: models.net.exceptions[0].reason: missing; expected e.g. reason = "kept for the pretrained weights"',
        'rfkit.toml:20: models.net.exceptions[0].rule: no rule has the code "RF999"; rfkit rule lists them; expected e.g. '
        'rule = "RF301"',
        'rfkit.toml:22: models."a b".target: 3 is no text; expected e.g. target = "model.py:Net"',
        'rfkit.toml:24: models."a b".layers."x.*".stide: unknown key; did you mean stride?',
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('device = "gpu"', '"gpu" is no device; did you mean cpu?'),
        ("strict = 1", "1 is neither true nor false; expected e.g. strict = true"),
        ("arguments = 3", "3 is neither a table of arguments by name nor a list of them by position; expected e.g. "
         "arguments = { dropout = 0.1 }"),
        ("arguments = { day = 2027-01-01 }", "2027-01-01 is a date or a time, which no argument can be; put it in quotes"),
        ('arguments = { "a b" = 1 }', '"a b" is no name of an argument'),
        ("require = 3", "3 is neither a list nor a table of parts"),
        ("require = [3]", "3 names no part: expected a name, or a table with one, e.g. { part = ... }"),
        ('require = ["dilated", "dilated"]', '"dilated" is named twice'),
        ('require = ["gap"]', '"gap" is no known part; did you mean global_average_pooling?'),
        ('require = ["Depthwise Separable"]', '"Depthwise Separable" is no known part; did you mean depthwise_separable?'),
        ('forbid = ["Conv 2d"]', '"Conv 2d" is no name of a part, an operator or a class'),
        ('params = ["< 1", "< 2"]', '["< 1", "< 2"] is a list, but it is one number, not one per axis'),
        ("params = { }", "missing"),
        ("output_shape = []", "[] is no shape"),
        ("input = 32", "32 is no shape"),
        ('exceptions = [{ rule = "RF301", reason = " " }]', "the text is empty"),
        ('exceptions = [{ rule = "RF301", reason = "x", until = "soon" }]', '"soon" is no day'),
        ('exceptions = [{ rule = "RF3001", reason = "x" }]', 'no rule has the code "RF3001"; did you mean RF301?'),
        ('exceptions = { rule = "RF301" }', "a table is not a list"),
        ('layers = { " " = { jump = 1 } }', "the text is empty"),
        ('layers = { "a.*" = { input = "3x3" } }', "unknown key; expected one of receptive_field, jump"),
    ],
)  # fmt: skip
def test_a_mistake_quotes_what_was_found(folder: Path, written: str, said: str) -> None:
    (found,) = mistakes(folder, f'[models.net]\ntarget = "model.py:Net"\n{written}\n')
    assert found.startswith("rfkit.toml:3: models.net.")
    assert said in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.net\n", "rfkit.toml:1: no valid TOML: expected ']' at the end of a table declaration: [models.net"),
        (
            "a = 1\n\nparams < 5\n",
            "rfkit.toml:3: no valid TOML: expected '=' after a key in a key/value pair: params < 5",
        ),
        ("a = 1\na = 2\n", "rfkit.toml:2: no valid TOML: cannot overwrite a value: a = 2"),
        ('a = "x', "rfkit.toml:1: no valid TOML: "),
        ("a = '''\nx\n", "rfkit.toml:2: no valid TOML: "),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(folder: Path, text: str, said: str) -> None:
    (found,) = mistakes(folder, text)
    assert found.startswith(said)


def test_a_file_that_is_no_text(folder: Path) -> None:
    path = folder / "rfkit.toml"
    path.write_bytes(b"# a\n# \xff\n")
    with pytest.raises(SpecError, match=r"^rfkit\.toml:2: not UTF-8 text; save it as UTF-8$"):
        read_spec(path)


def test_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"^cannot read none\.toml: no such file or directory$"):
        read_spec(folder / "none.toml")


def test_a_pyproject_without_the_section_named_on_purpose(folder: Path) -> None:
    with pytest.raises(
        SpecError, match=r"^pyproject\.toml has no \[tool\.rfkit\]; put the spec there, or name another file$"
    ):
        read(folder, "[project]\nname = 'x'\n", "pyproject.toml")


def test_the_line_of_a_key_behind_values_over_several_lines(folder: Path) -> None:
    said = mistakes(
        folder,
        """\
        # [models.none] "
        [defaults]
        require = [
          "dilated", # not ] this
          "grouped",
        ]
        input = '''3x32x32'''
        params = "< 200k # ["
        """,
    )
    assert said[0].startswith("rfkit.toml:8: defaults.params: ")


def test_what_is_required_and_forbidden_at_once_is_a_mistake(folder: Path) -> None:
    said = mistakes(
        folder,
        """\
        [defaults]
        require = ["dilated"]
        [models.net]
        target = "model.py:Net"
        forbid = ["dilated"]
        [models.other]
        target = "model.py:Other"
        require = ["max_pooling"]
        conv_blocks = "C1C2C3C40"
        """,
    )
    assert said == [
        "rfkit.toml:5: models.net.forbid.dilated: dilated is forbidden here and required by defaults.require.dilated",
        "rfkit.toml:9: models.other.conv_blocks: max_pooling is forbidden here and required by "
        "models.other.require.max_pooling",
    ]
