"""What cannot be loaded is told in one line that names the thing and the remedy."""

from __future__ import annotations

import traceback
import urllib.error
from pathlib import Path

import pytest

from rfkit.errors import TargetError
from rfkit.target import load
from tests.rfkit.projects import HEAD, NET, network, write

OFFER = ", or --stub-missing if the network does without it"
FORM = "expected path/to/model.py:Net or package.module:factory"
SCRIPT = '; what only a script should do belongs under if __name__ == "__main__"'
NEEDY = HEAD + (
    "class Net(nn.Module):\n"
    "    def __init__(self, depth, width, *, drop=0.1):\n"
    "        super().__init__()\n"
    "        self.conv = nn.Conv2d(3, width, depth)\n"
    "    def forward(self, x):\n"
    "        return x\n"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(target: str, *args: str) -> str:
    """The message of the TargetError, which is one line without the private names of the loader."""
    with pytest.raises(TargetError) as caught:
        load(target, args)
    message = str(caught.value)
    assert "\n" not in message
    assert "_target_" not in message
    return message


def agrees(message: str, expected: str) -> bool:
    """Whether a message is the expected one; an ellipsis at its end stands for the rest of the message."""
    return message.startswith(expected[:-1]) if expected.endswith("…") else message == expected


@pytest.mark.parametrize(
    ("files", "target", "message"),
    [
        ({"model.py": ""}, "modle.py:Net", "no file modle.py, did you mean model.py?"),
        ({"nets/Model.py": ""}, "nets/model.py", "no file nets/model.py, did you mean nets/Model.py?"),
        ({"nets/net.py": ""}, "nets/net:Net", "no file nets/net, did you mean nets/net.py?"),
        ({"b.py": "", "a.py": ""}, "model.py", "no file model.py: the folder has a.py, b.py"),
        ({"notes.txt": ""}, "model.py", "no file model.py: the folder has no Python files"),
        ({}, "nets/model.py", "no file nets/model.py: there is no folder nets"),
        ({"nets/net.py": ""}, "nets/", "nets/ is a directory: name a file in it, e.g. nets/net.py"),
        ({"nets/net.py": ""}, "nets", "nets is a directory: name a file in it, e.g. nets/net.py"),
        ({"nets/notes.txt": ""}, "./nets", "./nets is a directory: name a file in it"),
        ({"net.py/file": ""}, "net.py", "net.py is a directory: name a file in it"),
        ({"net.pth": ""}, "net.pth:Net", f"net.pth is not a Python file: {FORM}"),
        ({"net.ipynb": ""}, "./net.ipynb", f"./net.ipynb is not a Python file: {FORM}"),
        ({"nets/net.py": ""}, "nets.nett:Net", "no file nets/nett.py, did you mean nets/net.py?"),
        ({"nets.py": ""}, "netz:Net", "no module netz here or installed, did you mean nets.py?"),
        ({}, "netz", "no module netz here or installed: pip install it, or give the path of a file"),
        ({}, "torch.nnn:Linear", "no module torch.nnn, did you mean torch.nn?"),
        ({}, "my net", f"'my net' is neither a Python file nor the name of a module: {FORM}"),
        ({"net.py": NET}, "net.py:Net:two", f"'net.py:Net' is neither a Python file nor the name of a module: {FORM}"),
        ({"net.py": NET}, "net.py:2nd", f"'2nd' in the target 'net.py:2nd' is not a name: {FORM}"),
        ({}, ":Net", f"no file or module in the target ':Net': {FORM}"),
        ({}, "", f"no file or module in the target '': {FORM}"),
        ({}, "a\nb.py", f"'a\\nb.py'... is no target: {FORM}"),
        ({}, "n" * 5000, f"'{'n' * 40}'... is no target: {FORM}"),
    ],
)
def test_a_target_that_cannot_be_found(here: Path, files: dict[str, str], target: str, message: str) -> None:
    write(here, files)
    assert refusal(target) == message


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        (NET, ":net", "net.py has no net, did you mean Net?"),
        (NET, ":Other", "net.py has no Other; its networks: Net"),
        (NET, ":Net.forwards", "net.py has no Net.forwards, did you mean forward?"),
        (NET + "width = 3\n", ":width", "net.py:width is of type int: expected a torch.nn.Module class, …"),
        (NET, ":nn", "net.py:nn is a Python module: expected a torch.nn.Module …"),
        (NET + "class Data:\n    pass\n", ":Data", "net.py:Data is a class that does not derive from torch.nn.Module"),
        (NET + "def f():\n    Net()\n", ":f", "net.py:f returned None: expected it to return a torch.nn.Module"),
        (NET + "def f():\n    return Net(), 1\n", ":f", "net.py:f returned a value of type tuple: expected it …"),
        (NET, ":Net.forward", "net.py:Net.forward is a method of an instance: name a classmethod…"),
        (HEAD + "class Net(nn.Module):\n    pass\n", ":Net", "net.py:Net has no forward: Net is a torch.nn.M…"),
        (HEAD + "class Net(nn.Module):\n    pass\n", "", "net.py defines no network, a class derived from torch.…"),
        (HEAD + "def make():\n    return nn.ReLU()\n", "", "net.py defines no network, a class derived from "
         "torch.nn.Module with a forward; name what makes one, e.g. net.py:make"),
        (HEAD + network("A") + network("B"), "", "net.py holds several networks; name one: net.py:A, net.py:B"),
        (HEAD + network("A", "B") + network("B", "A"), "", "net.py holds several networks; name one: net.py:A, …"),
        (HEAD + "".join(map(network, "ABCDEFGH")), "", "net.py holds several networks; name one: net.py:A, net.py:B, "
         "net.py:C, net.py:D, net.py:E, net.py:F and 2 more"),
    ],
)  # fmt: skip
def test_a_name_that_is_no_network(here: Path, source: str, name: str, message: str) -> None:
    write(here, {"net.py": source})
    assert agrees(refusal(f"net.py{name}"), message)


def test_a_package_without_a_network_of_its_own_names_those_it_imports(here: Path) -> None:
    write(here, {"zoo/__init__.py": "from torch.nn import ReLU\nfrom .net import Net\n", "zoo/net.py": NET})
    assert refusal("zoo").endswith("; name what makes one, e.g. zoo:Net")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "Net needs depth, width: --arg depth=... --arg width=..."),
        (("3",), "Net needs width: --arg width=..."),
        (("drop=0",), "Net needs depth, width: --arg depth=... --arg width=..."),
        (("3", "4", "dropp=0"), "net.py:Net has no argument dropp, did you mean drop?; it takes depth, width, drop"),
        (("3", "4", "groups=0"), "net.py:Net has no argument groups; it takes depth, width, drop"),
        (("3", "4", "5"), "net.py:Net cannot take these arguments: too many positional arguments; it takes depth, …"),
        (
            ("3", "4", "depth=5"),
            "net.py:Net cannot take these arguments: multiple values for argument 'depth'; it takes …",
        ),
        (("three", "4"), "net.py:Net cannot be built: TypeError: …"),
    ],
)
def test_arguments_that_do_not_fit_the_constructor(here: Path, args: tuple[str, ...], message: str) -> None:
    write(here, {"net.py": NEEDY})
    assert agrees(refusal("net.py", *args), message)


def test_a_constructor_that_needs_arguments_points_to_what_builds_it_without(here: Path) -> None:
    builders = "def small():\n    return Net(1, 2)\ndef sized(n):\n    return Net(n, n)\ntiny = Net(1, 1)\n"
    write(here, {"net.py": NEEDY + builders})
    assert refusal("net.py").endswith("; or name what builds it: net.py:small, net.py:tiny")


def test_the_only_function_that_builds_it_is_taken_unless_the_constructor_is_given_arguments(here: Path) -> None:
    write(here, {"net.py": NEEDY + "def small():\n    return Net(1, 2)\n"})
    assert load("net.py").label == "net.py:small"
    assert load("net.py", ["1", "2"]).label == "net.py:Net"
    assert refusal("net.py:Net").endswith("; or name what builds it: net.py:small")


def test_a_module_that_is_built_takes_no_arguments(here: Path) -> None:
    write(here, {"net.py": NET + "net = Net()\n"})
    assert refusal("net.py:net", "3") == "net.py:net is built already, where its file defines it: it takes no --arg"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n\ny = z\n", "NameError: name 'z' is not defined (net.py, line 3)"),
        ("import utils\n", "ZeroDivisionError: division by zero (utils.py, line 2)"),
        ("from utils_2 import x\n", "No module named 'utils_2' (net.py, line 1): pip install utils_2" + OFFER),
        ("from empty import x\n", "ImportError: cannot import name 'x' from 'empty' (…"),
        ("import empty.deep\n", "No module named 'empty.deep'; 'empty' is not a package (net.py, line 1)"),
        ("\nclass Net(:\n", "SyntaxError: invalid syntax (net.py, line 2)"),
        ("import faulty\n", "SyntaxError: invalid syntax (faulty.py, line 1)"),
        ("import torch\n\nimport no_such.plot\n", "No module named 'no_such' (net.py, line 3): pip install no_such" + OFFER),
        ("import torch.no_such\n", "No module named 'torch.no_such' (net.py, line 1)"),
        ("import nearby\n", "No module named 'nearby' (net.py, line 1): it lies in lib, start there"),
        ("import json\njson.loads('{')\n", "JSONDecodeError: Expecting property name enclosed in double …"),
        ("raise ValueError('one\\n  two\\n')\n", "ValueError: one two (net.py, line 1)"),
        ("raise KeyError\n", "KeyError (net.py, line 1)"),
        ("def f():\n    raise OSError(2, 'gone')\nf()\n", "FileNotFoundError: [Errno 2] gone (net.py, line 2)"),
    ],
)  # fmt: skip
def test_a_file_that_raises_on_import(here: Path, source: str, message: str) -> None:
    neighbours = {"utils.py": "\n1 / 0\n", "empty.py": "", "faulty.py": "x = = 1\n", "lib/nearby.py": ""}
    write(here, {"net.py": source, **neighbours})
    assert agrees(refusal("net.py:Net"), f"net.py cannot be imported: {message}")


def test_the_known_packages_are_installed_by_the_name_pip_knows(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rfkit.target.failures.installed", lambda top: False)
    source = "import builtins\nraise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')\n"
    write(here, {"net.py": source})
    assert refusal("net.py").endswith(": pip install opencv-python" + OFFER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0", "SyntaxError: source code string cannot contain null bytes"),
        (b"x = '\xe9'\n", "SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xe9…"),
        (b"# coding: klingon\n", "SyntaxError: unknown encoding: klingon…"),
    ],
)
def test_a_file_that_is_no_text(here: Path, content: bytes, message: str) -> None:
    (here / "net.py").write_bytes(content)
    assert agrees(refusal("net.py"), f"net.py cannot be imported: {message}")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import sys\nsys.exit()\n", "sys.exit() (net.py, line 2)"),
        ("print('usage')\nimport sys\nsys.exit(0)\n", "sys.exit(0) (net.py, line 3)"),
        ("print('loading')\nimport sys\nsys.exit('no data')\n", "no data (net.py, line 3)"),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('--data', required=True)\np.parse_args()\n",
         "net.py: error: the following arguments are required: --data (net.py, line 4)"),
        ("import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nsys.stdout = None\nsys.exit(2)\n",
         "sys.exit(2) (net.py, line 4)"),
    ],
)  # fmt: skip
def test_a_file_that_exits_on_import_says_why_and_nothing_else(
    here: Path, capsys: pytest.CaptureFixture[str], source: str, reason: str
) -> None:
    write(here, {"net.py": source})
    assert refusal("net.py") == f"net.py exits while it is imported: {reason}{SCRIPT}"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "nn.Conv2d(3, 4, 3, groups=2)",
            "net.py:Net cannot be built: ValueError: in_channels must be divisible by groups",
        ),
        ("torch.zeros(2).tolist(); absent", "net.py:Net cannot be built: NameError: name 'absent' is not defined"),
        ("raise SystemExit(3)", "net.py:Net exits while it is built: sys.exit(3)"),
        ("import no_such_package", "net.py:Net cannot be built: No module named 'no_such_package'"),
    ],
)
def test_a_constructor_that_raises(here: Path, body: str, message: str) -> None:
    write(here, {"net.py": NET.replace("self.conv = nn.Conv2d(3, width, 3)", body)})
    line = next(number for number, text in enumerate((here / "net.py").read_text().splitlines(), 1) if body in text)
    remedy = ": pip install no_such_package" if "import" in body else ""
    assert refusal("net.py") == f"{message} (net.py, line {line}){remedy}"


def test_a_download_that_fails_is_called_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    fetch = "torch.hub.load_state_dict_from_url('https://host/w.pth', model_dir='w', progress=False)"
    wrapped = (
        f"try:\n            {fetch}\n        except OSError as e:\n            raise RuntimeError('no weights') from e"
    )
    write(here, {"net.py": NET.replace("self.conv = nn.Conv2d(3, width, 3)", wrapped)})
    reason = "net.py:Net cannot be built, a download failed: RuntimeError: no weights"
    assert refusal("net.py") == f"{reason}; fetch it beforehand, or let the code do without it"
    asked = NET.replace("width=4", "width=4, weights=None, weights_backbone='v1', pretrained=True, init_weights=True")
    write(here, {"asked.py": asked.replace("self.conv = nn.Conv2d(3, width, 3)", wrapped)})
    assert refusal("asked.py").endswith("; do without it: --arg weights_backbone=None --arg pretrained=False")
    assert refusal("asked.py", "weights=v2", "pretrained=False", "weights_backbone=None").endswith(
        ": --arg weights=None"
    )


def test_a_long_message_is_cut(here: Path) -> None:
    write(here, {"net.py": "raise ValueError('x' * 10000)\n"})
    assert len(refusal("net.py")) < 400


def test_the_original_exception_stays_at_hand(here: Path) -> None:
    write(here, {"net.py": "import utils\n", "utils.py": "1 / 0\n"})
    with pytest.raises(TargetError) as caught:
        load("net.py")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "utils.py" in "".join(traceback.format_exception(caught.value.__cause__))


def test_an_interruption_is_not_an_error_of_the_file(here: Path) -> None:
    write(here, {"net.py": "raise KeyboardInterrupt\n"})
    with pytest.raises(KeyboardInterrupt):
        load("net.py")
