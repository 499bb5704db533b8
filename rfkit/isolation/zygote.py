"""The process that has imported torch, and forks a worker from itself for every target.

It is a child of the guard, which sends orders through a socket together with the file descriptors that the worker gets as
its standard streams, for its answer, and for the lines that it was in. It says which process it started and how that ended.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from rfkit.isolation import processes
from rfkit.isolation.jobs import Messages, Order, message

SINGLE_THREADED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that keep libraries from starting threads, which a fork does not copy; the targets do not see them."""
MARK = "RFKIT_ISOLATION"
"""The variable that marks every process below a guard; what the targets start inherits it."""

Work = Callable[[Order, int, int], NoReturn]

_BLOCK = 2**16
_STREAMS = 4


def serve(guard: socket.socket, hidden: str, early: str) -> None:
    """Take orders until the guard is gone.

    Args:
        guard: the socket to the guard.
        hidden: variables to hide from the targets, ``NAME=value`` to put back, joined by newlines.
        early: packages to import before the first target, as they take long and many targets want them, joined by commas.
    """
    try:
        work = _prepare(hidden, early)
    except ImportError as error:
        guard.sendall(message({"failed": f"PyTorch cannot be imported ({error}): pip install torch"}))
        return
    guard.sendall(message({"ready": True}))
    messages, descriptors = Messages(), []
    while True:
        data, new, _, _ = socket.recv_fds(guard, _BLOCK, _STREAMS)
        if not data:
            return
        messages.feed(data)
        descriptors += new
        if taken := messages.take():
            _fork(Order.from_header(taken[0]), guard, descriptors, work)
            descriptors = []


def _prepare(hidden: str, early: str) -> Work:
    """Import what every worker needs, and run a network once so that what PyTorch puts off is done."""
    import torch
    from torch import nn

    from rfkit.analyze import trace
    from rfkit.isolation.worker import prepare, work

    torch.set_num_threads(1)
    for name in filter(None, early.split(",")):
        with suppress(Exception):
            importlib.import_module(name)
    trace(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)), (1, 3, 16, 16))
    for name in SINGLE_THREADED:
        os.environ.pop(name, None)
    os.environ.update(line.partition("=")[::2] for line in hidden.splitlines())
    sys.argv = ["rfkit"]
    prepare()
    gc.collect()
    gc.freeze()
    return work


def _fork(order: Order, guard: socket.socket, descriptors: Sequence[int], work: Work) -> None:
    """Start a worker for an order, and tell the guard when it has ended."""
    me = os.getpid()
    worker = os.fork()
    if worker == 0:
        guard.close()
        os.setsid()
        processes.die_with_parent(me)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stdin, printed, answer, trace = descriptors
        for descriptor, number in ((stdin, 0), (printed, 1), (printed, 2)):
            os.dup2(descriptor, number)
        os.close(stdin)
        os.close(printed)
        work(order, answer, trace)
    for descriptor in descriptors:
        os.close(descriptor)
    guard.sendall(message({"worker": worker}))
    guard.sendall(message({"status": os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])}))
