"""Nothing is left of the processes that run targets when the one that started them is interrupted or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rfkit.isolation import processes
from tests.rfkit.projects import write

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
LOOPS = """
import signal
import subprocess
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.run(["sh", "-c", "setsid sleep 1000 & exit 0"], check=True)
Path(__file__).with_suffix(".began").touch()
while True:
    pass
"""
PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from rfkit.isolation import Job, trace_all
try:
    trace_all([Job("one.py:Net"), Job("two.py:Net")], workers=2)
except KeyboardInterrupt:
    sys.exit(7)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process in the middle of tracing two targets that loop, and the text that marks all that is below it."""
    mark = f"RFKIT_TEST={tmp_path}"
    write(tmp_path, {"one.py": LOOPS, "two.py": LOOPS, "temporary/.keep": ""})
    environment = {**os.environ, "RFKIT_TEST": str(tmp_path), "TMPDIR": str(tmp_path / "temporary")}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, process_group=0)
    try:
        assert eventually(lambda: all((tmp_path / f"{name}.began").exists() for name in ("one", "two")))
        assert (
            len(processes.marked(mark)) > 6
        )  # the caller, and per target a guard, what it forks from, a worker, sleep
        yield process, mark
    finally:
        process.kill()
        process.wait()
        processes.end_marked(mark)


def eventually(condition: object) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.02)
    return bool(condition())  # type: ignore[operator]


def test_ctrl_c_leaves_no_process(running: tuple[subprocess.Popen[bytes], str], tmp_path: Path) -> None:
    process, mark = running
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE) == 7
    assert processes.marked(mark) == []
    assert os.listdir(tmp_path / "temporary") == [".keep"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_caller_that_is_killed_leaves_no_process(
    running: tuple[subprocess.Popen[bytes], str], tmp_path: Path, number: int
) -> None:
    process, mark = running
    process.send_signal(number)
    assert process.wait(PATIENCE) == -number
    assert eventually(lambda: not processes.marked(mark))
    assert eventually(lambda: not list((tmp_path / "temporary").glob("rfkit-*/guard*")))
