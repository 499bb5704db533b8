"""A target becomes the module the user means, built without values where its constructor allows that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import rfkit
from rfkit.errors import InputError, TargetError
from rfkit.target import load, parse_shape
from rfkit.target.loading import parse_args, parse_target
from tests.rfkit.projects import HEAD, NET, network, write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def constructor(body: str) -> str:
    """Source of a network with this line in its constructor."""
    return (
        HEAD
        + f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        {body}\n"
        + ("    def forward(self, x):\n        return x\n")
    )


@pytest.mark.parametrize(
    ("target", "label"),
    [
        ("net.py:Net", "net.py:Net"),
        ("net.py", "net.py:Net"),
        ("./net.py", "./net.py:Net"),
        ("net:Net", "net:Net"),
        ("net", "net:Net"),
        ("nets/deep/net.py:Net", "nets/deep/net.py:Net"),
        ("nets.deep.net:Net", "nets.deep.net:Net"),
    ],
)
def test_a_file_or_a_module_of_the_working_directory_is_a_target(here: Path, target: str, label: str) -> None:
    write(here, {"net.py": NET, "nets/deep/net.py": NET})
    loaded = load(target)
    assert (loaded.label, type(loaded.module).__name__) == (label, "Net")


def test_a_file_elsewhere_is_a_target(tmp_path: Path) -> None:
    write(tmp_path, {"net.py": NET})
    assert load(f"{tmp_path}/net.py").label == f"{tmp_path}/net.py:Net"


@pytest.mark.parametrize("name", ["my-net 2.py", "net.v2.py", "01.py"])
def test_a_file_need_not_be_named_like_a_module(here: Path, name: str) -> None:
    write(here, {name: NET})
    assert load(f"{name}:Net").label == f"{name}:Net"


def test_a_factory_of_an_installed_package_is_a_target() -> None:
    models = pytest.importorskip("torchvision.models")
    loaded = load("torchvision.models:resnet18", ["num_classes=7"])
    assert isinstance(loaded.module, models.ResNet)
    assert loaded.module.fc.out_features == 7


def test_a_file_of_an_installed_package_is_that_package_s_module() -> None:
    models = pytest.importorskip("torchvision.models")
    loaded = load(f"{Path(models.__file__).parent / 'resnet.py'}:resnet18")
    assert isinstance(loaded.module, models.ResNet)


@pytest.mark.parametrize(
    "name", ["Net", "make", "Net.narrow", "nested.Inner", "made", "partial", "decorated", "Pool"]
)  # fmt: skip
def test_a_name_stands_for_a_class_a_function_or_a_module(here: Path, name: str) -> None:
    more = """
        @classmethod
        def narrow(cls):
            return cls(1)

    class nested:
        class Inner(Net):
            pass

    def make():
        return Net()

    def with_settings(function):
        @functools.wraps(function)
        def wrapper():
            return function({"width": 2})
        return wrapper

    @with_settings
    def decorated(settings):
        return Net(**settings)

    made = Net()
    partial = functools.partial(Net, width=3)

    class Pool(nn.MaxPool2d):
        def __init__(self):
            super().__init__(2)
    """
    write(here, {"net.py": NET + "\nimport functools\n"})
    (here / "net.py").write_text("import functools\n" + NET + more.replace("\n    ", "\n"))
    assert isinstance(load(f"net.py:{name}").module, nn.Module)


@pytest.mark.parametrize(
    ("args", "width"), [((), 4), (("7",), 7), (("width=8",), 8), (("width =2*3",), "2*3"), (("width=(1, 2)",), (1, 2))]
)
def test_arguments_reach_the_constructor(here: Path, args: tuple[str, ...], width: object) -> None:
    recorder = NET.replace("nn.Conv2d(3, width, 3)", "nn.Identity()\n        self.width = width")
    write(here, {"net.py": recorder})
    assert load("net.py", args).module.width == width


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.05", 0.05),
        ("-3", -3),
        ("'3'", "3"),
        ("relu", "relu"),
        ("[1, 2]", [1, 2]),
        ("{'a': None}", {"a": None}),
        ("", ""),
        ("a-b=c", "a-b=c"),
        ("((((", "(((("),
        ("1if", "1if"),
        ("=3", "=3"),
    ],
)
def test_an_argument_is_a_python_literal_or_else_a_string(text: str, value: object) -> None:
    assert parse_args([text]) == ((value,), {})


def test_a_keyword_argument_keeps_what_follows_the_first_equals_sign() -> None:
    assert parse_args(["a=b=c", "1", "n=2"]) == ((1,), {"a": "b=c", "n": 2})


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (r"C:\nets\x.py:Net", (r"C:\nets\x.py", "Net")),
        (r"C:\nets\x.py", (r"C:\nets\x.py", None)),
        ("C:/nets/x.py", ("C:/nets/x.py", None)),
        ("a:b/x.py:Net", ("a:b/x.py", "Net")),
        ("x.py:Net.tiny", ("x.py", "Net.tiny")),
        ("x.py:", ("x.py", None)),
        ("größe.py:Netz", ("größe.py", "Netz")),
    ],
)
def test_the_name_follows_the_last_colon_that_is_not_part_of_the_path(target: str, parts: tuple[str, str]) -> None:
    assert parse_target(target) == parts


def test_a_network_is_built_on_meta_and_rebuilt_with_values(here: Path) -> None:
    write(here, {"net.py": NET})
    loaded = load("net.py")
    assert loaded.on_meta
    assert loaded.module.conv.weight.is_meta
    torch.manual_seed(1)
    first = loaded.rebuild()
    torch.manual_seed(2)
    second = loaded.rebuild()
    assert first is not second
    assert first.conv.weight.device.type == "cpu"
    assert torch.equal(first.conv.weight, second.conv.weight), "random values are the same in every run"


def test_another_device_builds_with_values(here: Path) -> None:
    write(here, {"net.py": NET})
    loaded = load("net.py", device="cpu")
    assert not loaded.on_meta
    assert not loaded.module.conv.weight.is_meta


def test_a_constructor_that_looks_at_values_runs_on_the_cpu_and_speaks_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, {"net.py": constructor("print('building'); self.rates = torch.linspace(0, 1, 3).tolist()")})
    loaded = load("net.py")
    assert not loaded.on_meta
    assert loaded.module.rates == [0.0, 0.5, 1.0]
    assert capsys.readouterr() == ("", "building\n")


def test_a_failed_attempt_on_meta_does_not_warn(here: Path) -> None:
    body = "import warnings; t = torch.zeros(2); t.is_meta and warnings.warn('meta'); self.values = t.tolist()"
    write(here, {"net.py": constructor(body)})
    assert not load("net.py").on_meta


def test_a_warning_does_not_keep_a_network_from_meta(here: Path) -> None:
    write(here, {"net.py": constructor("import warnings; warnings.warn('deprecated')")})
    assert load("net.py").on_meta


def test_values_that_a_constructor_brings_along_move_to_meta(here: Path) -> None:
    write(here, {"net.py": constructor("self.register_buffer('scale', torch.ones(3, device='cpu'))")})
    loaded = load("net.py")
    assert loaded.on_meta
    assert loaded.module.scale.is_meta
    assert loaded.rebuild().scale.tolist() == [1, 1, 1]


def test_a_module_that_the_file_built_keeps_its_values(here: Path) -> None:
    write(here, {"net.py": HEAD + "net = nn.Sequential(nn.Conv2d(3, 4, 3))\nnn.init.ones_(net[0].weight)\n"})
    loaded = load("net.py")
    assert (loaded.label, loaded.on_meta, loaded.module[0].weight.is_meta) == ("net.py:net", True, True)
    assert loaded.rebuild()[0].weight.min() == 1


def test_an_empty_network_is_still_a_network(here: Path) -> None:
    write(here, {"net.py": HEAD + "net = nn.Sequential()\n"})
    assert load("net.py").on_meta


def test_a_module_is_built_from_the_seed_that_is_given(here: Path) -> None:
    write(here, {"net.py": NET})
    weights = [next(rfkit.load("net.py", seed=seed).parameters()) for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_loading_leaves_the_random_numbers_alone(here: Path) -> None:
    write(here, {"net.py": "import torch\ntorch.manual_seed(3)\n" + constructor("self.noise = torch.rand(3).tolist()")})
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    load("net.py").rebuild()
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (network("Block") + network("Net", "return Block()(x)"), "Net"),
        (network("Net", "return Block()(x)") + network("Block"), "Net"),
        (network("Base") + network("Net", base="Base"), "Net"),
        (network("Block") + "def make():\n    return Block()\n" + network("Net", "return make()(x)"), "Net"),
        (network("A") + network("B") + "KINDS = {'a': A, 'b': B}\n" + network("Net", "return KINDS['a']()(x)"), "Net"),
        (network("Block") + "Conv = Block\n" + network("Net", "return Conv()(x)"), "Net"),
        (network("Block") + network("Net") + "def net18():\n    return Net(Block)\n", "Net"),
        (network("Net") + "class Settings:\n    pass\n" + "class Mixin(nn.Module):\n    pass\n", "Net"),
        (network("Net") + "net = Net()\n", "Net"),
        ("from torch.nn import ReLU\n" + network("Net"), "Net"),
        ("net = nn.ReLU()\n", "net"),
    ],
)
def test_the_only_network_is_the_one_no_other_network_uses(here: Path, source: str, name: str) -> None:
    write(here, {"net.py": HEAD + source})
    assert load("net.py").label == f"net.py:{name}"


def test_a_network_imported_from_a_neighbour_does_not_count(here: Path) -> None:
    write(here, {"net.py": HEAD + "from blocks import Block\n" + network("Net"), "blocks.py": HEAD + network("Block")})
    assert load("net.py").label == "net.py:Net"


@pytest.mark.parametrize(
    ("body", "own"),
    [
        ("self.example_input_array = torch.zeros(8, 1, 28, 28)", [(1, 28, 28)]),
        ("self.example_input_array = (torch.zeros(8, 2, 9, 9),)", [(2, 9, 9)]),
        ("self.input_size = (3, 64, 60)", [(3, 64, 60)]),
        ("self.input_size = [1, 3, 64, 60]", [(3, 64, 60)]),
        ("self.input_size = (64, 60)", [(3, 64, 60), (1, 64, 60)]),
        ("self.input_size = 64", [(3, 64, 64), (1, 64, 64)]),
        ("self.default_cfg = {'input_size': (3, 299, 299)}", [(3, 299, 299)]),
        ("self.pretrained_cfg = type('Settings', (), {'input_size': (3, 99, 99)})", [(3, 99, 99)]),
        ("self.input_size = 'large'", []),
        ("self.input_size = (3, -1, 32)", []),
        ("self.input_size = (3, 32, True)", []),
        ("self.example_input_array = torch.zeros(())", []),
        ("self.example_input_array = {'x': torch.zeros(1, 3)}", []),
    ],
)
def test_the_shapes_to_try_begin_with_what_the_model_says(here: Path, body: str, own: list[tuple[int, ...]]) -> None:
    write(here, {"net.py": constructor(f"self.conv = nn.Conv2d(3, 4, 3); {body}")})
    shapes = load("net.py").input_shapes()
    stated = [shape.sizes for shape in shapes if shape.source != "default"]
    defaults = [sizes for sizes in ((3, 32, 32), (3, 224, 224), (1, 28, 28)) if sizes not in own]
    assert stated == own
    assert [shape.sizes for shape in shapes] == own + defaults
    assert all(shape.source.split("[")[0] in body for shape in shapes if shape.source != "default")


@pytest.mark.parametrize(
    ("layer", "size", "expected"),
    [("nn.Conv1d(1, 2, 3)", "(2, 100)", (2, 100)), ("nn.Linear(784, 10)", "784", (784,))],
)
def test_a_stated_size_is_read_by_the_dimensions_of_the_model(
    here: Path, layer: str, size: str, expected: tuple[int, ...]
) -> None:
    write(here, {"net.py": constructor(f"self.layer = {layer}; self.input_size = {size}")})
    assert load("net.py").input_shapes()[0].sizes == expected


def test_a_property_that_fails_is_no_shape(here: Path) -> None:
    write(here, {"net.py": NET + "    @property\n    def input_size(self):\n        raise RuntimeError('not yet')\n"})
    assert load("net.py").input_shapes()[0].source == "default"


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("3x32x32", (3, 32, 32)),
        ("3,32,32", (3, 32, 32)),
        ("3X32X32", (3, 32, 32)),
        ("3×32×32", (3, 32, 32)),
        (" (3, 32, 32) ", (3, 32, 32)),
        ("1x3x32x30", (1, 3, 32, 30)),
        ("3x32", (3, 32)),
        ("784", (784,)),
    ],
)
def test_a_shape_is_sizes_between_crosses_or_commas(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_shape(text) == sizes


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("3x0x32", "0 is not a size"),
        ("-3x32x32", "-3 is not a size"),
        ("3x99999999999", "99999999999 is not a size"),
        ("abc", "'abc' is not a whole number"),
        ("3x32.5x32", "'32.5' is not a whole number"),
        ("3xx32", "'' is not a whole number"),
        ("", "'' is not a whole number"),
        ("٣x32", "'٣' is not a whole number"),
        ("9" * 5000, "is not a whole number"),
    ],
)
def test_a_malformed_shape_is_named_with_its_culprit(text: str, culprit: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_shape(text)
    message = str(caught.value)
    assert culprit in message
    assert message.endswith("expected sizes such as 3x32x32 (channels x height x width)")
    assert len(message) < 300


def test_a_keyword_given_twice_is_refused() -> None:
    with pytest.raises(TargetError, match="--arg width is given twice: 3 and '4'"):
        parse_args(["width=3", "width=4"])


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, rfkit.target; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
