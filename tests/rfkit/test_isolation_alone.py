"""Where processes cannot fork, every target has a fresh process; here that is asked for where they could."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from rfkit.isolation import Job, pool, trace_all
from tests.rfkit.projects import HEAD, NET, write


def test_each_target_has_a_fresh_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_trace_guarded", pool._trace_alone)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    sources = {
        "sound": NET + "print('hello')\n",
        "loops": "while True:\n    pass\n",
        "exits": "import os\nos._exit(0)\n",
        "prints": NET.replace("return", "while True: print('x' * 1024)\n        return"),
        "fails": HEAD + "raise ValueError('no')\n",
        "patches": NET + "nn.Conv2d.forward = None\n",
    }
    write(tmp_path, {f"{name}.py": source for name, source in sources.items()} | {"temporary/.keep": ""})
    jobs = [Job(f"{name}.py:Net", directory=tmp_path) for name in sources]
    traced = dict(zip(sources, trace_all(jobs, workers=2, timeout=2), strict=True))
    report = traced["sound"].report
    assert report is not None
    assert report.totals.params == 112
    told = {name: (result.error or "").partition(":")[0] for name, result in traced.items()}
    assert told["sound"] == ""
    assert "is not done after 2 s" in (traced["loops"].error or "")
    assert "ends the process with exit code 0" in (traced["exits"].error or "")
    assert "prints more than 1 MiB" in (traced["prints"].error or "")
    assert "ValueError: no" in (traced["fails"].error or "")
    assert "replaces torch.nn.Conv2d.forward" in (traced["patches"].error or "")
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == [".keep"]
