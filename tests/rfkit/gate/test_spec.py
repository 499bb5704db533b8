"""A spec file says which networks there are and what is asked of them; all its mistakes are told at once."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from rfkit.gate.requirements import Exemption
from rfkit.gate.spec import Settings, read_spec
from tests.rfkit.gate.specs import asked, line, net, read

EVERY_KEY = """
    baseline = "rfkit-baseline.json"
    tolerance = "2%"
    timeout = 30
    memory = "2 GiB"
    stub_missing = true
    select = ["RF1", "RF201"]
    ignore = ["rf106"]

    [defaults]
    input = "3x32x32"

    [models.net]
    target = "model.py:Net"
    arguments = { dropout = 0.1, name = "a", deep = true }
    strict = true
    device = "cpu"
    receptive_field = "> 44"
    receptive_field_features = [">= 32", ">= 30"]
    params = { limit = "< 200k", severity = "warning", message = "The course's limit" }
    macs = "< 60M"
    jump = "<= 8"
    coverage = ">= 90%"
    activation_memory = "< 2 MiB"
    output_shape = [1, 10]
    require = { dilated = ">= 2", depthwise_separable = true }
    forbid = ["MaxPool2d", { part = "attention", severity = "info" }]
    conv_blocks = ">= 4"
    kernel_size = "<= 7"
    stride = "<= 2"
    dilation = "<= 4"
    no_unused_modules = true
    no_unproductive_layers = { severity = "warning" }
    aligned = true

    [models.net.layers."backbone.*"]
    receptive_field = "<= 99"
    forbid = ["attention"]

    [[models.net.exceptions]]
    rule = "RF301"
    layer = "conv5.*"
    reason = "kept for the pretrained weights"
    until = 2027-01-01
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_key_is_read(folder: Path) -> None:
    spec = read(folder, EVERY_KEY)
    model = net(spec)
    assert asked(model) == [
        "receptive_field > 44",
        "jump <= 8",
        "coverage >= 90%",
        "params < 200k (warning) (The course's limit)",
        "macs < 60M",
        "activation_memory < 2 MiB",
        "kernel_size <= 7",
        "stride <= 2",
        "dilation <= 4",
        "require dilated >= 2",
        "require depthwise_separable >= 1",
        "forbid MaxPool2d",
        "forbid attention (info)",
        "receptive_field_features >= 32 >= 30",
        "output_shape (1, 10)",
        "conv_blocks >= 4",
        "no_unused_modules",
        "no_unproductive_layers (warning)",
        "aligned",
        "receptive_field <= 99 in backbone.*",
        "forbid attention in backbone.*",
    ]
    assert model.target == "model.py:Net"
    assert model.arguments == ("dropout=0.1", "name='a'", "deep=True")
    assert (model.input_shape, model.strict, model.device) == ((3, 32, 32), True, "cpu")
    assert model.exemptions == (
        Exemption(
            "RF301", "conv5.*", "kept for the pretrained weights", date(2027, 1, 1), "models.net.exceptions[0]"
        ),
    )  # fmt: skip
    assert spec.settings == Settings(
        baseline=Path("rfkit-baseline.json"),
        tolerance=Fraction(2, 100),
        timeout=30.0,
        memory=2 * 2**30,
        stub_missing=True,
        select=("RF1", "RF201"),
        ignore=("RF106",),
    )


def test_every_requirement_says_where_it_stands(folder: Path) -> None:
    spec = read(folder, EVERY_KEY)
    keys = {line(requirement): requirement.key for requirement in net(spec).requirements}
    assert keys["macs < 60M"] == "models.net.macs"
    assert keys["require dilated >= 2"] == "models.net.require.dilated"
    assert keys["receptive_field <= 99 in backbone.*"] == 'models.net.layers."backbone.*".receptive_field'
    before_macs = textwrap.dedent(EVERY_KEY).split("macs = ")[0]
    assert spec.place(("models", "net", "macs")) == f"rfkit.toml:{before_macs.count(chr(10)) + 1}"


@pytest.mark.parametrize(
    ("name", "head"),
    [("rfkit.toml", ""), (".rfkit.toml", ""), ("pyproject.toml", "tool.rfkit."), ("strict.toml", "")],
)
def test_the_same_spec_in_any_file(folder: Path, name: str, head: str) -> None:
    spec = read(folder, f'[{head}defaults]\nparams = "< 5"\n[{head}models.net]\ntarget = "model.py:Net"\n', name)
    assert asked(net(spec)) == ["params < 5"]
    assert spec.named(("models", "net", "target")) == f"{name}:4: {head}models.net.target"


def test_arguments_by_position(folder: Path) -> None:
    spec = read(folder, 'models.net = { target = "model.py:Net", arguments = [10, "relu", [1, 2]] }')
    assert net(spec).arguments == ("10", "'relu'", "[1, 2]")


@pytest.mark.parametrize("written", ['"3x32x32"', "[3, 32, 32]", '"3, 32, 32"', '"(3,32,32)"'])
def test_an_input_as_people_write_it(folder: Path, written: str) -> None:
    spec = read(folder, f'[models.net]\ntarget = "model.py:Net"\ninput = {written}\n')
    assert net(spec).input_shape == (3, 32, 32)


def test_a_byte_order_mark_is_no_mistake(folder: Path) -> None:
    path = folder / "rfkit.toml"
    path.write_bytes(b'\xef\xbb\xbf[models.net]\r\ntarget = "model.py:Net"\r\nparams = "< 5"\r\n')
    spec = read_spec(path)
    assert asked(net(spec)) == ["params < 5"]
    assert spec.place(("models", "net", "params")) == "rfkit.toml:3"


def test_a_key_of_a_model_replaces_the_default(folder: Path) -> None:
    spec = read(
        folder,
        """
        [defaults]
        input = "3x32x32"
        params = "< 200k"
        macs = "< 60M"
        aligned = true
        require = ["dilated", "grouped"]
        forbid = ["max_pool"]
        layers."a.*" = { jump = "<= 2", params = "< 5" }
        [models.net]
        target = "model.py:Net"
        params = "< 100k"
        aligned = false
        require = { dilated = ">= 3", grouped = false, attention = true }
        forbid = ["dropout"]
        layers."a.*" = { jump = "<= 4" }
        [models.bare]
        target = "model.py:Bare"
        require = false
        params = false
        forbid = { max_pool = false }
        """,
    )
    assert asked(net(spec)) == [
        "params < 100k",
        "macs < 60M",
        "require dilated >= 3",
        "forbid max_pool",
        "jump <= 4 in a.*",
        "params < 5 in a.*",
        "require attention >= 1",
        "forbid dropout",
    ]
    assert asked(net(spec, "bare")) == ["macs < 60M", "aligned", "jump <= 2 in a.*", "params < 5 in a.*"]


@pytest.mark.parametrize("written", ["C1C2C3C40", "C1C2C3C4O", "C1C2C3C4", "c1 c2 c3 c4 0", "C1-C2-C3-C4-O"])
def test_the_assignments_shorthand_for_four_blocks_without_max_pooling(folder: Path, written: str) -> None:
    spec = read(folder, f'[models.net]\ntarget = "model.py:Net"\nconv_blocks = "{written}"\n')
    assert asked(net(spec)) == ["conv_blocks >= 4", "forbid max_pooling"]


def test_the_shorthand_forbids_max_pooling_only_once(folder: Path) -> None:
    for name in ("max_pool", "max_pooling"):
        spec = read(folder, f'[models.net]\ntarget = "m.py"\nconv_blocks = "C1C2C30"\nforbid = ["{name}"]\n')
        assert sorted(asked(net(spec))) == ["conv_blocks >= 3", f"forbid {name}"]


def test_another_number_of_blocks_takes_the_shorthand_back(folder: Path) -> None:
    spec = read(folder, 'defaults.conv_blocks = "C1C2C3C40"\n[models.net]\ntarget = "m.py"\nconv_blocks = ">= 3"\n')
    assert asked(net(spec)) == ["conv_blocks >= 3"]


def test_exceptions_of_defaults_and_model_add_up(folder: Path) -> None:
    spec = read(
        folder,
        """
        [[defaults.exceptions]]
        rule = "rf301"
        reason = "all"
        [models.net]
        target = "model.py:Net"
        [[models.net.exceptions]]
        rule = "RF302"
        reason = "this one"
        until = "2027-01-01"
        """,
    )
    assert [(each.rule, each.key, each.until) for each in net(spec).exemptions] == [
        ("RF301", "defaults.exceptions[0]", None),
        ("RF302", "models.net.exceptions[0]", date(2027, 1, 1)),
    ]


def test_reading_a_spec_does_not_import_torch() -> None:
    code = "import sys; from rfkit.gate.spec import file, init, schema, show, templates; "
    done = subprocess.run(
        [sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == 0
