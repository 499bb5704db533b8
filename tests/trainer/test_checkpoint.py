from __future__ import annotations

import errno
import math
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from trainer.checkpoint import pack, read_checkpoint, unpack, write_checkpoint
from trainer.errors import TrainerError


def test_a_state_of_any_depth_comes_back_as_it_was(tmp_path: Path) -> None:
    state: dict[str, Any] = {
        "numbers": [1, -2.5, 1e-320, 0.1 + 0.2, 2**70, True, None],
        "infinite": math.inf,
        "text": "snö\n\x00",
        "by number": {0: {"momentum": torch.arange(3.0)}, 1: {}},
        "tuple": (1, (2, [3])),
        "empty": [{}, [], ()],
        "half": torch.tensor([1.5, math.nan], dtype=torch.bfloat16),
        "whole": torch.tensor(7),
        "none": torch.empty(0, 3),
        "marked": {"$tensor": "a text that looks like a mark"},
    }
    write_checkpoint(tmp_path / "a.safetensors", {"w": torch.ones(2, 2)}, state)
    weights, read = read_checkpoint(tmp_path / "a.safetensors")
    assert torch.equal(weights["w"], torch.ones(2, 2))
    assert list(weights) == ["w"]
    torch.testing.assert_close(
        [read.pop("half"), read.pop("whole"), read.pop("none")],
        [state.pop("half"), state.pop("whole"), state.pop("none")],
        rtol=0,
        atol=0,
        equal_nan=True,
    )
    assert torch.equal(read["by number"][0].pop("momentum"), state["by number"][0].pop("momentum"))
    assert read == state
    assert type(read["tuple"]) is tuple


def test_any_python_loads_the_weights(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    write_checkpoint(tmp_path / "a.safetensors", model.state_dict(), {"epoch": 1})
    fresh = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    fresh.load_state_dict(load_file(tmp_path / "a.safetensors"))
    for name, value in model.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value), name


def test_weights_that_are_tied_are_stored_under_both_names(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    write_checkpoint(tmp_path / "a.safetensors", model.state_dict(), {})
    assert sorted(read_checkpoint(tmp_path / "a.safetensors")[0]) == ["0.bias", "0.weight", "1.bias", "1.weight"]


def test_what_cannot_be_read_back_is_not_stored() -> None:
    with pytest.raises(TypeError, match="hook: a function cannot be stored"):
        pack({"hook": pack}, {})


def test_packing_leaves_json_and_tensors_apart() -> None:
    tensors: dict[str, torch.Tensor] = {}
    packed = pack({"a": {"b": torch.ones(1)}, "c": 2}, tensors)
    assert packed == {"a": {"b": {"$tensor": "trainer/a/b"}}, "c": 2}
    assert unpack(packed, tensors)["a"]["b"] is tensors["trainer/a/b"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_is_full_leaves_the_old_state_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "last.safetensors"
    write_checkpoint(path, {"w": torch.zeros(3)}, {"epoch": 1})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(TrainerError, match=r"cannot write .*last.safetensors: no space left on device; what was there"):
        write_checkpoint(path, {"w": torch.ones(3)}, {"epoch": 2})
    monkeypatch.undo()
    assert read_checkpoint(path)[1] == {"epoch": 1}
    assert os.listdir(tmp_path) == ["last.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_file_the_system_will_not_let_grow_leaves_the_old_state(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    write_checkpoint(path, {"w": torch.zeros(3)}, {"epoch": 1})
    code = (
        "import resource, sys, torch\n"
        "from pathlib import Path\n"
        "from trainer.checkpoint import write_checkpoint\n"
        "from trainer.errors import TrainerError\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, {resource.RLIM_INFINITY}))\n"
        "try:\n"
        f"    write_checkpoint(Path({str(path)!r}), {{'w': torch.zeros(100_000)}}, {{}})\n"
        "except TrainerError as error:\n"
        "    sys.exit(0 if 'file too large' in str(error) else str(error))\n"
        "sys.exit('no error')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_checkpoint(path)[1] == {"epoch": 1}
    assert os.listdir(tmp_path) == ["last.safetensors"]
