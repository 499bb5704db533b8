"""The process that runs one target: whatever happens in here ends with it."""

from __future__ import annotations

import dataclasses
import faulthandler
import hmac
import json
import os
import sys
import tempfile
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import rfkit
from rfkit.errors import RfkitError
from rfkit.isolation import processes
from rfkit.isolation.integrity import Snapshot
from rfkit.isolation.jobs import Job, Order
from rfkit.isolation.limits import LATE, LOST
from rfkit.isolation.stubs import StandIns
from rfkit.isolation.watch import Watch
from rfkit.target.failures import OFFER, pip_name
from rfkit.trace_target import trace_target

_LONGEST = 300


STAND_INS = StandIns()
"""The stand-ins of this process and of those forked from it."""

_SNAPSHOTS: list[Snapshot] = []


def prepare() -> None:
    """Get ready for targets' files, and take note of how torch and rfkit are before one has run.

    Files that import this package are given a copy of it from now on, which makes no difference whatever they do to it.
    """
    STAND_INS.install()
    for name in [name for name in sys.modules if name.startswith("rfkit.isolation")]:
        del sys.modules[name]
    del vars(rfkit)["isolation"]
    _SNAPSHOTS.append(Snapshot())


def work(order: Order, answer: int, trace: int) -> NoReturn:
    """Run an order, sign what came of it and write it to the file descriptor ``answer``; end the process.

    To ``trace`` goes the traceback of what is running at a crash, or when the signal comes that its time is over. The main
    thread writes it: another one would read frames that the main thread takes down meanwhile, and crash now and then.
    """
    process, pipe, snapshot, watch = os.getpid(), os.fstat(answer), _SNAPSHOTS[0], Watch()
    quoted, sign, status = json.encoder.encode_basestring_ascii, hmac.new, LOST
    try:
        _enclose(order, trace)
        watch.begin()
        text = json.dumps(_outcome(order.job, snapshot))
        problem = watch.problem() or snapshot.problem()
        if problem:
            text = f'{{"problem": {quoted(problem)}, "report": null, "error": null, "memory": false, "stubs": []}}'
        data = text.encode()
        data = sign(order.secret.encode(), data, "sha256").digest() + data
        if os.getpid() == process and os.path.samestat(os.fstat(answer), pipe):
            while data:
                data = data[os.write(answer, data) :]
            status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(status)


def _enclose(order: Order, trace: int) -> None:
    """Set the limits that hold for this process, and give it a folder for its temporary files."""
    mapped = processes.mapped(os.getpid())
    limits = {"RLIMIT_CORE": 0} | ({"RLIMIT_AS": mapped + order.memory} if mapped else {})
    with suppress(ImportError):
        import resource

        for limit, value in limits.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(getattr(resource, limit), (value, value))
    os.environ["TMPDIR"] = order.scratch
    tempfile.tempdir = None
    if order.job.directory is not None:
        os.chdir(order.job.directory)
    _open_streams()
    faulthandler.enable(trace, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(LATE, trace, all_threads=False)


def _open_streams() -> None:
    """Standard streams on the pipes of this process; those of the server were on other files."""
    stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
    for name, stream in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _outcome(job: Job, snapshot: Snapshot) -> dict[str, Any]:
    """What is answered: ``report``, ``error``, ``memory`` (it was short), ``problem`` (none so far), ``stubs``."""
    outcome: dict[str, Any] = {"report": None, "error": None, "memory": False, "problem": None}
    STAND_INS.enabled = job.stub_missing
    try:
        report = trace_target(
            job.target,
            job.arguments,
            job.input_shape,
            device=job.device,
            strict=job.strict,
            places=job.places,
            holes=job.holes,
        )
        taught = tuple(f"{op}: its rule comes from the file itself (rfkit.rule)" for op in snapshot.taught())
        outcome["report"] = dataclasses.replace(report, notes=report.notes + taught).to_dict()
    except BaseException as error:
        outcome["error"] = _worded(error, job)
        outcome["memory"] = _is_memory(error)
    missed = STAND_INS.missed(job.target[len(job.source) + 1 :])
    if missed and (STAND_INS.needed or not outcome["report"]):
        outcome |= {"report": None, "error": f"{job.target} needs {missed}: pip install {pip_name(missed)}"}
    return outcome | {"stubs": sorted(STAND_INS.names)}


def _worded(error: BaseException, job: Job) -> str:
    """One line for whatever was raised; ours as it stands."""
    try:
        said = str(error)
    except BaseException:
        said = "its message cannot be shown"
    if not isinstance(error, RfkitError):
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if job.source in f.filename]
        where = f" ({job.source}, line {lines[-1]})" if lines else ""
        said = f"{job.target} raises {type(error).__name__}{f': {said}' if said else ''}{where}"
    if job.stub_missing:
        said = said.replace(OFFER, "")
    if STAND_INS.names:
        names = " ".join(map(pip_name, sorted(STAND_INS.names)))
        said = f"{said[:_LONGEST]}; not installed, with a stand-in instead: {names}"
    return said


def _is_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, says that there is no memory left."""
    while error is not None:
        with suppress(Exception):
            said = str(error)
            if isinstance(error, MemoryError) or any(sign in said for sign in ("t allocate memory", "bad_alloc")):
                return True
        error = error.__cause__ or error.__context__
    return False
