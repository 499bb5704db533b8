"""What passes between the processes: orders to a server, and what became of the process that ran a target.

Standard library only. A message is a header, JSON, and a body of bytes; both lengths go before them.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from rfkit.report import Report

_LENGTHS = struct.Struct(">QQ")


@dataclass(frozen=True, slots=True)
class Job:
    """A target to be traced in a process of its own.

    Attributes:
        target: ``net.py:Net`` or ``package.module:factory``.
        arguments: of its constructor, as ``--arg`` takes them.
        input_shape: ``(C, *spatial)``, with or without the batch; None: what the model states, else the usual ones.
        strict: count context as part of the field.
        device: "meta", or "cpu" for a forward that needs real numbers.
        stub_missing: replace packages that are not installed, and that the network does not need, by inert stand-ins.
        directory: where to run it; None: the working directory of the caller.
        places: also say in which line of the model's code each layer is made.
        holes: also list the positions that each layer's centre unit reaches.
    """

    target: str
    arguments: tuple[str, ...] = ()
    input_shape: tuple[int, ...] | None = None
    strict: bool = False
    device: str = "meta"
    stub_missing: bool = False
    directory: Path | None = None
    places: bool = False
    holes: bool = False

    @property
    def source(self) -> str:
        """The target without the name of what to take from it: ``net.py``."""
        return self.target if self.target.endswith(".py") else self.target.rpartition(":")[0] or self.target

    @property
    def file(self) -> Path:
        """The file of the target, or what would be it if the target were a file."""
        return Path(self.directory or Path.cwd(), os.path.expanduser(self.source))


@dataclass(frozen=True, slots=True)
class Traced:
    """What came of a job: a report, or the reason why there is none.

    Attributes:
        report: what was found, None where the target could not be run.
        error: one line that names the thing and the remedy, where there is no report.
        stubs: top-level packages that were replaced by inert stand-ins, sorted.
        seconds: wall time of the process that ran it.
    """

    report: Report | None
    error: str | None
    stubs: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Order:
    """A job as it is sent to a server.

    Attributes:
        job: the job.
        secret: what its answer has to be signed with, in hexadecimal.
        timeout: wall time it may take, in seconds.
        memory: bytes it may take.
        scratch: an existing folder for its temporary files, emptied by the caller.
    """

    job: Job
    secret: str
    timeout: float
    memory: int
    scratch: str

    def to_message(self) -> bytes:
        """The order as bytes."""
        header = asdict(self)
        directory = self.job.directory
        header["job"]["directory"] = None if directory is None else str(directory)
        return message(header)

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> Self:
        """The inverse of ``to_message``, from the message's header."""
        job = dict(header["job"])
        shape, directory = job["input_shape"], job["directory"]
        job |= {
            "arguments": tuple(job["arguments"]),
            "input_shape": None if shape is None else tuple(shape),
            "directory": None if directory is None else Path(directory),
        }
        return cls(**{**header, "job": Job(**job)})


@dataclass(frozen=True, slots=True)
class Ending:
    """How the process that ran a target ended, as the process that watched it saw it.

    Attributes:
        cut: which limit ended it (``time``, ``memory``, ``printing``, ``processes``, ``answer``), ``watcher`` where the
            watching process itself came to an end, empty where the process ended by itself.
        status: its exit code, or minus the signal that killed it; None where it is not known.
        printed: the last line it printed.
        line: the line of the target's file that was running when it was cut or crashed, 0 where it is not known.
        read_stdin: whether anything was read from its standard input.
        binary: whether it printed bytes that are not text.
        left: what the processes that it left behind are called.
        rewritten: whether the target's file changed meanwhile.
        seconds: how long it ran.
        answer: what it answered, signed.
    """

    cut: str = ""
    status: int | None = None
    printed: str = ""
    line: int = 0
    read_stdin: bool = False
    binary: bool = False
    left: tuple[str, ...] = ()
    rewritten: bool = False
    seconds: float = 0.0
    answer: bytes = b""

    def to_message(self) -> bytes:
        """The ending as bytes; the answer is the body."""
        return message({f.name: getattr(self, f.name) for f in fields(self) if f.name != "answer"}, self.answer)

    @classmethod
    def from_message(cls, header: Mapping[str, Any], body: bytes) -> Self:
        """The inverse of ``to_message``."""
        return cls(**{**header, "left": tuple(header["left"]), "answer": body})


def message(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A header and a body as bytes."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


class Messages:
    """Takes bytes as they come in, gives whole messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes that came in."""
        self._bytes += data

    def take(self) -> tuple[dict[str, Any], bytes] | None:
        """The header and body of the next message, None until it is complete."""
        if len(self._bytes) < _LENGTHS.size:
            return None
        header, body = _LENGTHS.unpack_from(self._bytes)
        end = _LENGTHS.size + header + body
        if len(self._bytes) < end:
            return None
        whole = bytes(self._bytes[_LENGTHS.size : end])
        del self._bytes[:end]
        return json.loads(whole[:header]), whole[header:]
