"""Which networks are checked, and what options of the command line and keywords of Python ask of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfkit.errors import SpecError, UsageError
from rfkit.gate.spec import Spec, read_spec, show
from rfkit.gate.spec.flags import from_flags, from_keywords
from tests.rfkit.gate.specs import asked, line, net, read, write


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


TWO = """
    [defaults]
    params = "< 200k"
    [models.net]
    target = "model.py:Net"
    macs = "< 60M"
    [models.big]
    target = "model.py:Big"
"""


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ([], ["net", "big"]),
        (["big"], ["big"]),
        (["model.py:Net"], ["net"]),
        (["./model.py:Net"], ["net"]),
        (["model.py"], ["net", "big"]),
        (["net", "model.py:Net"], ["net"]),
        (["model.py:Other"], ["model.py:Other"]),
        (["other.py:Net", "net"], ["other.py:Net", "net"]),
        (["package.module:Net"], ["package.module:Net"]),
    ],
)
def test_targets_select_networks(folder: Path, targets: list[str], names: list[str]) -> None:
    spec = read(folder, TWO)
    models = spec.select(targets)
    assert [model.name for model in models] == names
    assert all("params < 200k" in asked(model) for model in models)
    assert [model.name for model in models if "macs < 60M" in asked(model)] == [name for name in names if name == "net"]


def test_a_word_that_is_nearly_a_network_is_a_mistake(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"^no network 'nett'; did you mean net\? in rfkit\.toml: net, big$"):
        read(folder, TWO).select(["nett"])


def test_a_pattern_stands_for_all_files_that_match(folder: Path) -> None:
    for name in ("bo", "al"):
        write(folder / "submissions" / name / "model.py", "")
    spec = read(folder, '[models.all]\ntarget = "submissions/*/model.py:Net"\nparams = "< 5"\n')
    expected = ["submissions/al/model.py:Net", "submissions/bo/model.py:Net"]
    for models in (spec.select(), spec.select(["submissions/*/model.py:Net"]), spec.select(["all"])):
        assert [model.target for model in models] == expected
        assert [model.name for model in models] == expected
        assert [asked(model) for model in models] == [["params < 5"]] * 2


def test_a_pattern_that_matches_nothing_is_told_with_its_place(folder: Path) -> None:
    spec = read(folder, '[models.all]\ntarget = "submissions/*.py:Net"\n')
    with pytest.raises(UsageError, match=r"^rfkit\.toml:2: models\.all\.target: no file matches submissions/\*\.py"):
        spec.select()


def test_targets_are_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "package" / "net.py", "")
    (folder / "inner").mkdir()
    text = '[models.a]\ntarget = "model.py:Net"\n[models.b]\ntarget = "package.net:Net"\n[models.c]\ntarget = "torch.nn:ReLU"\n'
    path = write(folder / "rfkit.toml", f'baseline = "b.json"\n{text}')
    monkeypatch.chdir(folder / "inner")
    spec = read_spec(path)
    assert [model.target for model in spec.select()] == ["../model.py:Net", "../package/net.py:Net", "torch.nn:ReLU"]
    assert [model.name for model in spec.select(["../model.py:Net"])] == ["a"]
    assert spec.settings.baseline == Path("../b.json")


def test_options_go_before_the_file(folder: Path) -> None:
    spec = read(folder, TWO).with_flags(
        {
            "--params": "< 5",
            "--require": ["dilated", "grouped>=2", "attention=3", "pointwise=>= 4"],
            "--forbid": ["MaxPool2d,dropout"],
            "--input": "1x28x28",
            "--arg": ["dropout=0.1", "10"],
            "--strict": True,
            "--aligned": False,
            "--rf": None,
            "--timeout": "2 min",
            "--select": ["RF1,RF2"],
        }
    )
    model = net(spec)
    assert asked(model) == [
        "params < 5",
        "macs < 60M",
        "require dilated >= 1",
        "require grouped >= 2",
        "require attention == 3",
        "require pointwise >= 4",
        "forbid MaxPool2d",
        "forbid dropout",
    ]
    assert (model.input_shape, model.arguments, model.strict) == ((1, 28, 28), ("dropout=0.1", "10"), True)
    assert [each.key for each in model.requirements if each.check == "params"] == ["--params"]
    assert (spec.settings.timeout, spec.settings.select) == (120.0, ("RF1", "RF2"))


def test_options_without_a_file() -> None:
    spec = Spec().with_flags({"--rf": "> 44"})
    assert spec.select() == ()
    assert [asked(model) for model in spec.select(["model.py:Net"])] == [["receptive_field > 44"]]
    assert [line(each) for each in from_flags({"--rf": "> 44", "--aligned": True})] == [
        "receptive_field > 44",
        "aligned",
    ]


def test_mistakes_in_options_name_the_option() -> None:
    with pytest.raises(SpecError) as raised:
        from_flags(
            {
                "--rf": "> fourtyfour",
                "--output-shape": "1xq",
                "--require": ["dilatd=2", "grouped>=x"],
                "--forbid": ["MaxPol2d"],
                "--memory": "4",
            }
        )
    assert str(raised.value).splitlines() == [
        "--rf '> fourtyfour': \"> fourtyfour\" is no limit: 'fourtyfour' is no number; expected e.g. --rf '> 44'",
        '--output-shape 1xq: "1xq" is no shape: "q" is no whole number above 0; expected e.g. --output-shape 1x10',
        '--require dilatd: "dilatd" is no known part; did you mean dilated?',
        "--require grouped: \">=x\" is no limit: 'x' is no number",
        '--forbid MaxPol2d: "MaxPol2d" is no known part, operator or layer; did you mean MaxPool2d? '
        '(for a class of your own write "MaxPol2d*")',
        '--memory 4: "4" is 4 bytes, too little for anything to run; did you mean "4 GiB"?',
    ]


def test_options_that_contradict_each_other_or_the_file(folder: Path) -> None:
    with pytest.raises(
        SpecError, match=r"^--forbid dilated: dilated is forbidden here and required by --require dilated$"
    ):
        from_flags({"--require": ["dilated"], "--forbid": ["dilated"]})
    spec = read(folder, '[models.net]\ntarget = "model.py:Net"\nrequire = ["dilated"]\n').with_flags(
        {"--forbid": ["dilated"]}
    )
    with pytest.raises(SpecError, match=r"^--forbid dilated: dilated is forbidden here and required by models\.net\."):
        spec.select()


def test_an_option_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"^no option --parms; did you mean --params\?$"):
        from_flags({"--parms": "< 5"})


def test_keywords_are_the_keys_of_a_spec() -> None:
    found = from_keywords({"receptive_field": "> 44", "params": 5, "require": ("dilated",), "macs": None})
    assert [line(each) for each in found] == ["receptive_field > 44", "params == 5", "require dilated >= 1"]
    with pytest.raises(SpecError) as raised:
        from_keywords({"receptive_feld": "> 44", "params": "< 5q", "require": ["dilatd"]})
    assert str(raised.value).splitlines() == [
        "params='< 5q': \"< 5q\" is no limit: no unit 'q'; there are k, K, M, G; expected e.g. params='< 200k'",
        "require=['dilatd']: \"dilatd\" is no known part; did you mean dilated?",
        "receptive_feld='> 44': unknown key; did you mean receptive_field?",
    ]


def test_the_configuration_is_shown_with_the_origin_of_every_key(folder: Path) -> None:
    spec = read(
        folder,
        """\
        timeout = 30
        [defaults]
        input = "3x32x32"
        params = "< 200k"
        [models.net]
        target = "model.py:Net"
        receptive_field = ["> 44", "> 60"]
        conv_blocks = "C1C2C3C40"
        output_shape = [1, 10]
        aligned = { severity = "warning" }
        exceptions = [{ rule = "RF301", reason = "why" }]
        """,
    ).with_flags({"--macs": "< 1M", "--memory": "1 GiB"})
    assert show.render(show.describe(spec, net(spec))).splitlines() == [
        "input               3x32x32           rfkit.toml:3: defaults.input",
        "arguments           none              default",
        "strict              false             default",
        "device              meta              default",
        "params              < 200k            rfkit.toml:4: defaults.params",
        'receptive_field     ["> 44", "> 60"]  rfkit.toml:7: models.net.receptive_field',
        "output_shape        [1, 10]           rfkit.toml:9: models.net.output_shape",
        "conv_blocks         >= 4              rfkit.toml:8: models.net.conv_blocks",
        "forbid.max_pooling  true              rfkit.toml:8: models.net.conv_blocks",
        "aligned             true (warning)    rfkit.toml:10: models.net.aligned",
        "macs                < 1M              --macs",
        "exceptions          RF301, why        rfkit.toml:11: models.net.exceptions[0]",
    ]
    origins = {row.key: (row.value, row.origin) for row in show.describe_settings(spec)}
    assert origins["timeout"] == ("30 s", "rfkit.toml:1: timeout")
    assert origins["memory"] == ("1 GiB", "--memory")
    assert origins["tolerance"] == ("0%", "default")
