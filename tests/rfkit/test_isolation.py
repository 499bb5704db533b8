"""Tracing in processes of their own: the same reports, whatever else a sound file does, and nothing of it here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rfkit.errors import RfkitError
from rfkit.isolation import Job, Traced, remote, trace_all
from rfkit.trace_target import trace_target
from tests.rfkit.projects import NET, write

ROOT = Path(__file__).resolve().parents[2]
HEAD = "import torch\nfrom torch import nn\n"
PLAIN = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
"""
READS_VALUES = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x) if x.sum() > 1e9 else self.conv(self.conv(x)[:, :3])
"""
OWN_RULE = """
import rfkit

@torch.library.custom_op("mine::blur", mutates_args=())
def blur(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

@blur.register_fake
def _(x):
    return torch.empty_like(x)

@rfkit.rule(torch.ops.mine.blur.default)
def sees_itself(call, see):
    return see(call.inputs[0])

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return torch.ops.mine.blur(self.conv(x))
"""
SOUND = {
    "prints": PLAIN + "print(Net(), '\\033[31m 50%\\r', '\\u2713')\n",
    "chooses_a_device": "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\nprint(device)\n" + PLAIN,
    "warns": "import warnings\nwarnings.warn('old')\nwarnings.filterwarnings('ignore')\n" + PLAIN,
    "seeds": "import random, numpy\ntorch.manual_seed(1)\nrandom.seed(1)\nnumpy.random.seed(1)\n"
    "torch.backends.cudnn.deterministic = True\n" + PLAIN,
    "sets_variables": "import os\nos.environ['CUDA_VISIBLE_DEVICES'] = '0'\nos.environ.pop('HOME', None)\n" + PLAIN,
    "logs": "import logging\nlogging.basicConfig(level=logging.INFO)\nlogging.info('x')\n" + PLAIN,
    "extends_the_path": "import sys\nsys.path.append('..')\nsys.path.insert(0, '/nowhere')\n" + PLAIN,
    "asks_the_system": "import ctypes.util, os, platform, subprocess, sys\nplatform.platform()\n"
    "ctypes.util.find_library('m')\nsubprocess.check_output([sys.executable, '-c', 'print(1)'])\n"
    "os.system('true')\nos.popen('echo x').read()\n" + PLAIN,
    "builds_a_loader": "from torch.utils.data import DataLoader, TensorDataset\n"
    "loader = DataLoader(TensorDataset(torch.zeros(4, 3)), num_workers=2, shuffle=True)\n" + PLAIN,
    "trains_under_main": PLAIN + "if __name__ == '__main__':\n    while True:\n        pass\n",
    "redirects": "import contextlib, io, sys\nwith contextlib.redirect_stdout(io.StringIO()):\n    print('x')\n"
    "old, sys.stdout = sys.stdout, io.StringIO()\nsys.stdout = old\n"
    "sys.stderr = io.StringIO()\nsys.stderr = sys.__stderr__\n" + PLAIN,
    "comes_back": "import os\nhere = os.getcwd()\nos.chdir('/')\nos.chdir(here)\n" + PLAIN,
    "computes": "conv = nn.Conv2d(3, 8, 3)\nconv(torch.randn(4, 3, 64, 64)).sum().backward()\n" + PLAIN,
    "scripts": "@torch.jit.script\ndef double(x):\n    return 2 * x\n" + PLAIN,
    "traces": PLAIN + "from torch.fx import symbolic_trace\nsymbolic_trace(Net())\n",
    "extends_classes": "nn.Module.count = lambda self: 0\ntorch.Tensor.shown = lambda self: str(self)\n" + PLAIN,
    "keeps_temporary_files": "import tempfile\nfile = tempfile.NamedTemporaryFile(delete=False)\n" + PLAIN,
    "shares_memory": "import multiprocessing\nlock, queue = multiprocessing.Lock(), multiprocessing.Queue()\n" + PLAIN,
    "uses_threads": "from concurrent.futures import ThreadPoolExecutor\n"
    "ThreadPoolExecutor(2).submit(print, 'x')\n" + PLAIN,
    "handles_signals": "import signal\nsignal.signal(signal.SIGINT, lambda *_: None)\n" + PLAIN,
    "imports_late_parts": "import torch.distributed, torch.ao.quantization, torch.onnx, torch.fx\n" + PLAIN,
    "reads_values": READS_VALUES,
    "teaches_a_rule": OWN_RULE,
    "imports_a_neighbour": "from blocks import conv\n" + PLAIN.replace("nn.Conv2d(", "conv("),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {f"{name}.py": HEAD + source for name, source in SOUND.items()}
    files["blocks.py"] = "from torch.nn import Conv2d as conv\n"
    return write(tmp_path_factory.mktemp("sound"), files)


@pytest.fixture(scope="module")
def traced(folder: Path) -> dict[str, Traced]:
    """What comes of every sound file, all of them in one run; ``cpu`` with real numbers."""
    jobs = {name: Job(f"{name}.py:Net", directory=folder) for name in SOUND}
    jobs["cpu"] = Job("reads_values.py:Net", device="cpu", directory=folder)
    jobs["shaped"] = Job("prints.py:Net", input_shape=(3, 48, 40), strict=True, directory=folder)
    return dict(zip(jobs, trace_all(list(jobs.values()), workers=2), strict=True))


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_judged(traced: dict[str, Traced], name: str) -> None:
    assert traced[name].error is None
    report = traced[name].report
    assert report is not None
    assert report.totals.params == 8 * 3 * 3 * 3 + 8
    assert report.totals.receptive_field == ((5, 5) if name == "reads_values" else (3, 3))


def test_a_report_is_the_one_that_is_made_in_this_process(
    traced: dict[str, Traced], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert traced["prints"].report == trace_target("prints.py:Net")
    assert traced["cpu"].report == trace_target("reads_values.py:Net", device="cpu")
    assert traced["shaped"].report == trace_target("prints.py:Net", (), (3, 48, 40), strict=True)


def test_a_rule_that_a_file_brings_is_told(traced: dict[str, Traced]) -> None:
    report = traced["teaches_a_rule"].report
    assert report is not None
    assert report.notes == ("mine.blur.default: its rule comes from the file itself (rfkit.rule)",)


def test_results_come_in_the_order_of_the_jobs_and_each_is_told_as_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"net.py": NET})
    monkeypatch.chdir(tmp_path)
    jobs = [Job("net.py:Net", (f"width={width}",)) for width in range(1, 8)]
    told: dict[int, Traced] = {}
    found = trace_all(jobs, workers=3, done=told.__setitem__)
    assert [traced.report.totals.params for traced in found if traced.report] == [28 * width for width in range(1, 8)]
    assert [told[number] for number in range(7)] == found


def test_no_jobs_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_SERVE", "raise SystemExit('not to be started')")
    assert trace_all([]) == []


def test_an_error_of_the_caller_itself_ends_the_run(tmp_path: Path) -> None:
    def refuse(number: int, traced: Traced) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        trace_all([Job("no_such_file.py:Net", directory=tmp_path)] * 3, done=refuse)


def test_processes_that_cannot_be_started_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_SERVE", "raise SystemExit('no such thing')")
    with pytest.raises(RfkitError, match=r"^cannot start the process that runs the targets: no such thing$"):
        trace_all([Job("net.py:Net")])


def test_a_missing_torch_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    serve = remote._SERVE.replace("from rfkit", "sys.modules['torch'] = None; from rfkit", 1)
    monkeypatch.setattr(remote, "_SERVE", serve)
    with pytest.raises(RfkitError, match=r"^PyTorch cannot be imported \(.+\): pip install torch$"):
        trace_all([Job("net.py:Net")])


def test_the_caller_never_imports_torch(tmp_path: Path) -> None:
    write(tmp_path, {"net.py": NET})
    program = (
        "import sys\n"
        "from rfkit.isolation import Job, trace_all\n"
        "[traced] = trace_all([Job('net.py:Net')])\n"
        "print(traced.report.totals.params, 'torch' in sys.modules, 'numpy' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]\n{program}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("112 False False\n", "")
