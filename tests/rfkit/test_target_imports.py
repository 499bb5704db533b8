"""A model file finds its neighbours; torch, the standard library and other targets never meet them."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import types
import warnings
from pathlib import Path

import pytest
import torch

from rfkit.errors import TargetError
from rfkit.target import LoadedModel, load
from tests.rfkit.projects import HEAD, NET, network, write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(loaded: LoadedModel) -> float:
    """The one value the network makes of a zero."""
    with loaded.running():
        return float(loaded.rebuild()(torch.zeros(1)))


def plus(value: int) -> str:
    return f"def shift(x):\n    return x + {value}\n"


SHIFTED = HEAD + "from utils import shift\n" + network("Net", "return shift(x)")


@pytest.mark.parametrize(
    ("files", "target"),
    [
        ({"net.py": SHIFTED, "utils.py": plus(1)}, "net.py"),
        ({"nets/net.py": SHIFTED, "nets/utils.py": plus(1)}, "nets/net.py"),
        ({"nets/net.py": SHIFTED, "nets/utils.py": plus(1)}, "nets.net"),
        ({"nets/net.py": SHIFTED, "utils.py": plus(1)}, "nets/net.py"),
        (
            {"nets/net.py": SHIFTED, "utils/__init__.py": "from .deep import shift\n", "utils/deep.py": plus(1)},
            "nets.net",
        ),
    ],
)
def test_neighbours_are_found_beside_the_file_and_in_the_working_directory(
    here: Path, files: dict[str, str], target: str
) -> None:
    write(here, files)
    assert run(load(target)) == 1


@pytest.mark.parametrize("mark", [".git/HEAD", "pyproject.toml", "setup.py", "setup.cfg"])
def test_neighbours_are_found_in_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    write(tmp_path, {mark: "", "utils.py": plus(1), "research/nets/net.py": SHIFTED})
    monkeypatch.chdir(tmp_path / "research" / "nets")
    assert run(load("net.py")) == 1


@pytest.mark.parametrize(
    "statements",
    [
        "import tools.deep.ops as ops\nshift = ops.shift",
        "import tools.deep.ops\nshift = tools.deep.ops.shift",
        "from tools.deep import ops\nshift = ops.shift",
        "from tools.deep.ops import shift",
        "from tools.deep.ops import *",
        "import importlib\nshift = importlib.import_module('tools.deep.ops').shift",
        "from importlib import import_module\nshift = import_module('.ops', 'tools.deep').shift",
        "shift = __import__('tools.deep.ops', fromlist=['shift']).shift",
    ],
)
def test_every_way_to_import_a_neighbour_works(here: Path, statements: str) -> None:
    tools = {"tools/deep/__init__.py": "", "tools/deep/ops.py": plus(1)}
    write(here, {**tools, "net.py": HEAD + statements + "\n" + network("Net", "return shift(x)")})
    assert run(load("net.py")) == 1


def test_an_import_in_the_forward_still_finds_the_neighbour_of_its_own_file(here: Path) -> None:
    lazy = HEAD + network(
        "Net", "import importlib, utils; return importlib.import_module('utils').shift(utils.shift(x))"
    )
    write(here, {"a/net.py": lazy, "a/utils.py": plus(1), "b/net.py": lazy, "b/utils.py": plus(10)})
    first, second = load("a/net.py"), load("b/net.py")
    assert (run(first), run(second), run(first)) == (2, 20, 2)


def test_two_targets_have_each_their_own_neighbours(here: Path) -> None:
    write(here, {"a/net.py": SHIFTED, "a/utils.py": plus(1), "b/net.py": SHIFTED, "b/utils.py": plus(10)})
    first, second = load("a/net.py"), load("b/net.py")
    assert (run(first), run(second)) == (1, 10)
    assert "utils" not in sys.modules


def test_a_file_that_was_edited_is_loaded_anew(here: Path) -> None:
    write(here, {"net.py": SHIFTED, "utils.py": plus(1)})
    assert run(load("net.py")) == 1
    write(here, {"utils.py": plus(2)})
    assert run(load("net.py")) == 2


def test_a_neighbour_goes_before_a_module_of_that_name_imported_earlier(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = types.ModuleType("utils")
    monkeypatch.setitem(sys.modules, "utils", other)
    write(here, {"net.py": SHIFTED, "utils.py": plus(1)})
    assert run(load("net.py")) == 1
    assert sys.modules["utils"] is other


def test_a_neighbour_goes_before_an_installed_package(here: Path) -> None:
    write(here, {"net.py": HEAD + "from numpy import shift\n" + network("Net", "return shift(x)"), "numpy.py": plus(1)})
    assert run(load("net.py")) == 1
    assert torch.zeros(2).numpy().shape == (2,), "torch has the installed one"


def test_a_folder_of_data_gives_way_to_the_installed_package_of_its_name(here: Path) -> None:
    write(here, {"numpy/data.txt": "", "net.py": "from numpy import ndarray\n" + NET})
    assert load("net.py").on_meta


def test_a_file_named_like_what_it_imports_does_not_import_itself(here: Path) -> None:
    write(here, {"numpy.py": "from numpy import ndarray\n" + NET})
    assert load("./numpy.py").label == "./numpy.py:Net"


@pytest.mark.parametrize("name", ["signal", "random", "types", "copy", "queue", "inspect", "torch", "rfkit"])
def test_a_neighbour_named_like_a_library_breaks_nothing(here: Path, name: str) -> None:
    use = f"import {name}\nimport copy, random, signal, types\n"
    use += "copy.deepcopy, random.random, signal.SIGINT, types.ModuleType\n"
    write(here, {f"{name}.py": "raise RuntimeError('the neighbour')\n", "net.py": use + NET})
    assert load("net.py").on_meta
    assert importlib.import_module(name) is sys.modules[name]


@pytest.mark.parametrize(
    "statements",
    [
        "from signal import shift",
        "import signal\nshift = signal.shift",
        "import signal as s\ndef shift(x):\n    return s.shift(x)",
        "from signal import shift\nfrom signal import SIGINT",
        "from signal.deep import shift",
    ],
)
def test_a_neighbour_named_like_the_standard_library_is_found_by_what_only_it_has(here: Path, statements: str) -> None:
    name = "signal/deep.py" if "deep" in statements else "signal.py"
    write(here, {name: plus(1), "net.py": statements + "\n" + HEAD + network("Net", "return shift(x)")})
    assert run(load("net.py")) == 1
    assert not hasattr(sys.modules["signal"], "shift")


@pytest.mark.parametrize("init", [True, False], ids=["with __init__.py", "without"])
@pytest.mark.parametrize("target", ["zoo/nets/zoo.py", "zoo.nets.zoo"])
def test_relative_imports_work(here: Path, init: bool, target: str) -> None:
    source = HEAD + "from . import near\nfrom ..far import shift\n" + network("Net", "return near.shift(shift(x))")
    files = {"zoo/nets/zoo.py": source, "zoo/nets/near.py": plus(1), "zoo/far.py": "from .nets.near import shift\n"}
    inits = {"zoo/__init__.py": "", "zoo/nets/__init__.py": "from .zoo import Net\n"} if init else {}
    write(here, {**files, **inits})
    assert run(load(target)) == 2


def test_a_package_is_a_target(here: Path) -> None:
    write(here, {"zoo/__init__.py": "from .net import Net\n", "zoo/net.py": NET})
    assert load("zoo:Net").on_meta
    assert load("zoo/__init__.py:Net").on_meta


def test_a_package_that_a_file_names_is_imported_once(here: Path) -> None:
    source = "from zoo import names\nassert not names\nnames.append(1)\n" + NET
    write(here, {"zoo/__init__.py": "names = []\nfrom . import net\n", "zoo/net.py": source})
    assert load("zoo/net.py").on_meta


def test_a_package_that_a_file_does_not_need_is_not_imported(here: Path) -> None:
    write(here, {"zoo/__init__.py": "import not_installed\n", "zoo/net.py": NET})
    assert load("zoo/net.py").on_meta


def test_folders_that_a_file_adds_to_the_path_are_its_own(here: Path) -> None:
    add = "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), '..', 'lib'))\n"
    lazy = HEAD + "from utils import shift\n" + network("Net", "import more; return more.shift(shift(x))")
    write(here, {"nets/net.py": add + lazy, "lib/utils.py": plus(1), "lib/more.py": plus(2)})
    path = list(sys.path)
    assert run(load("nets/net.py")) == 3
    assert sys.path == path
    assert not {"utils", "more"} & set(sys.modules)


def test_a_module_name_is_looked_up_in_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"setup.cfg": "", "nets/net.py": SHIFTED, "utils.py": plus(1), "notes/today.txt": ""})
    monkeypatch.chdir(tmp_path / "notes")
    assert run(load("nets.net")) == 1


def test_a_module_name_of_the_standard_library_means_a_file_by_what_only_it_has(here: Path) -> None:
    write(here, {"signal.py": NET, "types.py": "raise RuntimeError('the neighbour')\n"})
    assert load("signal:Net").on_meta
    with pytest.raises(TargetError, match="types defines no network"):
        load("types")


def test_a_module_name_of_an_installed_package_does_not_mean_a_bare_folder(here: Path) -> None:
    write(here, {"numpy/linalg.py": NET})
    with pytest.raises(TargetError, match=r"numpy\.linalg has no Net"):
        load("numpy.linalg:Net")


def test_installed_packages_are_no_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"net.py": "from numpy import ndarray\n" + NET, "site-packages/numpy.py": "raise RuntimeError\n"})
    monkeypatch.chdir(tmp_path / "site-packages")
    assert load("../net.py").on_meta


def test_a_file_written_since_the_last_load_is_found(here: Path) -> None:
    write(here, {"net.py": "import numpy\n" + NET})
    load("net.py")
    stamp = here.stat().st_mtime_ns
    write(here, {"net.py": SHIFTED, "utils.py": plus(1)})
    os.utime(here, ns=(stamp, stamp))
    assert run(load("net.py")) == 1


def test_a_file_may_name_its_own_package_from_the_top(here: Path) -> None:
    source = HEAD + "import zoo.nets.near\n" + network("Net", "return zoo.nets.near.shift(x)")
    write(
        here,
        {"zoo/__init__.py": "", "zoo/nets/__init__.py": "", "zoo/nets/net.py": source, "zoo/nets/near.py": plus(1)},
    )
    assert run(load("zoo/nets/net.py")) == 1


def test_neighbours_may_import_each_other_in_a_circle(here: Path) -> None:
    write(here, {"net.py": "import other\n" + NET, "other.py": "import net\n"})
    assert load("net.py").on_meta


def test_what_looks_itself_up_in_the_module_table_finds_itself(here: Path) -> None:
    source = """
    from __future__ import annotations
    import dataclasses, inspect, pickle, sys

    @dataclasses.dataclass
    class Settings:
        width: int = 3

    assert sys.modules[__name__].Settings is Settings
    assert pickle.loads(pickle.dumps(Settings())) == Settings()
    assert "width: int" in inspect.getsource(Settings)
    """
    write(here, {"net.py": source.replace("\n    ", "\n") + NET})
    assert load("net.py").on_meta


def test_nothing_is_written_beside_the_files(here: Path) -> None:
    write(here, {"net.py": SHIFTED, "utils.py": plus(1)})
    load("net.py")
    assert sorted(file.name for file in here.rglob("*")) == ["net.py", "utils.py"]


def test_the_main_block_does_not_run_and_the_file_sees_no_options(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rfkit", "report", "net.py", "--format", "json"])
    parse = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--lr')\nparser.parse_args()\n"
    write(here, {"net.py": parse + NET + "\nif __name__ == '__main__':\n    raise RuntimeError('trains')\n"})
    assert load("net.py").on_meta
    assert sys.argv[0] == "rfkit"


def test_what_a_file_prints_goes_to_stderr(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = NET.replace("self.conv =", "print('built'); self.conv =").replace(
        "return self", "print('ran'); return self"
    )
    write(here, {"net.py": "print('imported')\n" + source})
    loaded = load("net.py")
    with loaded.running():
        loaded.module(torch.zeros(1, 3, 8, 8, device="meta"))
    assert capsys.readouterr() == ("", "imported\nbuilt\nran\n")


@pytest.mark.parametrize(
    "statement",
    [
        "sys.stdout.reconfigure(encoding='utf-8')",
        "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')",
        "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8')",
        "sys.stderr = open(sys.stderr.fileno(), 'w', closefd=False)",
    ],
)
def test_a_file_may_set_up_the_standard_streams(here: Path, capfd: pytest.CaptureFixture[str], statement: str) -> None:
    write(here, {"net.py": f"import io, sys\n{statement}\n" + NET})
    streams = sys.stdout, sys.stderr
    assert load("net.py").on_meta
    assert (sys.stdout, sys.stderr) == streams
    print("still here", file=sys.stderr)  # noqa: T201
    assert capfd.readouterr().err == "still here\n"


def test_a_log_that_a_file_sets_up_still_works_later(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setup = "import logging\nlog = logging.getLogger('of the file')\nlog.addHandler(logging.StreamHandler())\n"
    write(here, {"net.py": setup + NET})
    load("net.py")
    logging.getLogger("of the file").warning("later")
    assert capsys.readouterr().err == "later\n"


def test_what_a_file_changes_in_the_process_is_put_back(here: Path) -> None:
    changes = """
    import importlib, os, sys, warnings
    os.chdir("/")
    sys.argv = ["changed"]
    sys.path.insert(0, "/changed")
    warnings.simplefilter("ignore")
    sys.stdout = None
    """
    write(here, {"net.py": changes.replace("\n    ", "\n") + NET})
    before = (os.getcwd(), list(sys.argv), list(sys.path), list(warnings.filters), sys.stdout, importlib.import_module)
    load("net.py")
    after = (os.getcwd(), list(sys.argv), list(sys.path), list(warnings.filters), sys.stdout, importlib.import_module)
    assert after == before


def test_a_load_that_fails_leaves_no_module_behind(here: Path) -> None:
    write(here, {"net.py": "import utils\nraise ValueError\n", "utils.py": ""})
    before = set(sys.modules)
    with pytest.raises(Exception, match="ValueError"):
        load("net.py")
    assert set(sys.modules) == before
