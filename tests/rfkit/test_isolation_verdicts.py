"""Nothing that a target's process says is believed before it is looked over: forged and broken answers, odd endings."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from rfkit.isolation.jobs import Ending, Job, Messages, Order, message
from rfkit.isolation.limits import LOST
from rfkit.isolation.printed import Printed
from rfkit.isolation.verdicts import judge
from tests.rfkit.reports import two_branch

SECRET = "5ec2e7"
ORDER = Order(Job("net.py:Net"), SECRET, 60.0, 2**30, "")
SCRIPT = 'what only a script should do belongs under if __name__ == "__main__"'


def sound() -> dict[str, Any]:
    """An answer as a worker gives it."""
    report = two_branch().to_dict() | {"target": "net.py:Net"}
    return {"report": report, "error": None, "memory": False, "problem": None, "stubs": []}


def signed(answer: Any, secret: str = SECRET) -> bytes:
    text = json.dumps(answer).encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).digest() + text


def told(**ending: Any) -> str:
    """The line for an ending; it is one, and there is no report."""
    traced = judge(ORDER, Ending(**({"status": 0} | ending)))
    assert traced.report is None
    assert traced.error is not None
    assert traced.error.isprintable()
    assert len(traced.error) < 600
    return traced.error


def test_a_sound_answer_is_the_report_it_holds() -> None:
    traced = judge(ORDER, Ending(status=0, answer=signed(sound()), seconds=1.5))
    assert traced.error is None
    assert traced.report is not None
    assert traced.report.layers == two_branch().layers
    assert traced.seconds == 1.5


@pytest.mark.parametrize(
    "answer",
    [
        signed(sound(), "another secret"),
        signed(sound(), ""),
        b"\0" * 32 + json.dumps(sound()).encode(),
        json.dumps(sound()).encode(),
        b"noise before it" + signed(sound()),
        signed(sound()) + b"noise after it",
        signed(sound()) * 2,
        signed([]),
        signed({}),
        signed(sound() | {"more": 1}),
        signed(sound() | {"stubs": "tqdm"}),
        signed(sound() | {"stubs": [1]}),
        signed(sound() | {"memory": 0}),
        signed(sound() | {"report": "passed"}),
        hmac.new(SECRET.encode(), b"not json", hashlib.sha256).digest() + b"not json",
    ],
)
def test_an_answer_that_is_not_the_workers_own_is_none(answer: bytes) -> None:
    assert told(answer=answer) == "net.py:Net writes into file descriptors that it did not open: take that out"


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report.update(schema="rfkit.report/9"),
        lambda report: report.pop("layers"),
        lambda report: report.update(layers={}),
        lambda report: report.update(strict=0),
        lambda report: report.update(input_shape=["3", "32", "32"]),
        lambda report: report["totals"].update(params="few"),
        lambda report: report["totals"].update(params=True),
        lambda report: report["totals"].update(params=1.5),
        lambda report: report["totals"].update(params=None),
        lambda report: report["totals"].update(coverage="all"),
        lambda report: report["totals"].update(receptive_field=["1/0"]),
        lambda report: report["totals"].update(receptive_field=[[3, 3]]),
        lambda report: report["layers"][0].update(name="two\nlines"),
        lambda report: report["layers"][0].update(type="\x1b[31mConv2d"),
        lambda report: report["layers"][0].update(name="x" * 2000),
        lambda report: report["layers"][0].update(kernel_size=[3.5, 3]),
        lambda report: report["layers"][0].update(flags=[None]),
        lambda report: report.update(notes="none"),
    ],
)
def test_a_report_with_a_value_that_is_none_of_its_kind_is_refused(change: Change) -> None:
    answer = sound()
    change(answer["report"])
    assert told(answer=signed(answer)).startswith("net.py:Net has a report that cannot be used (")


def test_numbers_that_are_none_are_refused() -> None:
    answer = sound()
    answer["report"]["totals"]["coverage"] = float("nan")
    assert told(answer=signed(answer)) == "net.py:Net writes into file descriptors that it did not open: take that out"


@pytest.mark.parametrize("change", [{"target": "other.py:Net"}, {"strict": True}])
def test_a_report_about_something_else_is_refused(change: dict[str, Any]) -> None:
    answer = sound()
    answer["report"] |= change
    assert told(answer=signed(answer)).startswith("net.py:Net has a report about something else (")


def test_a_report_does_not_excuse_what_was_done_beside() -> None:
    answer = signed(sound())
    assert told(answer=answer, left=("sleep 9",)).startswith("net.py:Net leaves a process running (sleep 9)")
    assert told(answer=answer, binary=True).startswith("net.py:Net prints bytes that are not text")
    assert told(answer=answer, read_stdin=True).startswith("net.py:Net reads stdin")
    assert told(answer=answer, rewritten=True).startswith("net.py:Net changes its own file")
    assert told(answer=signed(sound() | {"problem": "forks"})) == "net.py:Net forks"
    assert told(answer=signed(sound() | {"error": "net.py fails"})) == "net.py fails"


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        ({"cut": "time", "line": 3}, "is not done after 60 s (net.py, line 3): --timeout gives it longer; " + SCRIPT),
        ({"cut": "memory"}, "takes more than 1 GiB of memory: --memory gives it more"),
        ({"cut": "printing"}, f"prints more than 1 MiB: take the printing out; {SCRIPT}"),
        ({"cut": "answer"}, "has a report of more than 64 MiB: shorten its module names, or check its parts"),
        ({"cut": "watcher"}, "ends or stops the process that watches it: take that out"),
        ({"status": LOST}, "closes file descriptors that it did not open: take that out"),
        ({"status": -signal.SIGSEGV}, "crashes the interpreter: segmentation fault (SIGSEGV)"),
        ({"status": -signal.SIGABRT, "printed": "bad_alloc"}, "crashes the interpreter: aborted (SIGABRT) (it printed "
         "'bad_alloc')"),
        ({"status": -200}, "crashes the interpreter: signal (signal 200)"),
        ({"status": 1}, "ends the process with exit code 1 before it can be judged: take out os._exit and the like; "
         + SCRIPT),
    ],
)  # fmt: skip
def test_an_ending_without_an_answer_says_how_it_ended(ending: dict[str, Any], line: str) -> None:
    assert told(**ending) == f"net.py:Net {line}"


def test_orders_and_endings_come_through_as_they_were_sent() -> None:
    ending = Ending("time", -9, "ünï", 3, True, False, ("a", "b"), True, 0.25, b"\0\xff")
    messages = Messages()
    for byte in ORDER.to_message() + ending.to_message() + message({}):
        messages.feed(bytes([byte]))
    first, second, third = messages.take(), messages.take(), messages.take()
    assert first is not None
    assert Order.from_header(first[0]) == ORDER
    assert second is not None
    assert Ending.from_message(*second) == ending
    assert third == ({}, b"")
    assert messages.take() is None


@pytest.mark.parametrize(
    ("blocks", "binary", "last"),
    [
        ([], False, ""),
        ([b"one\n", b"two\n\n"], False, "two"),
        (["é".encode()[:1], "é".encode()[1:]], False, "é"),
        ([b"50%\r\x1b[31m100%"], False, "\x1b[31m100%"),
        ([b"\xff\xfe"], True, "��"),
        ([b"a\0b"], True, "a\0b"),
        ([b"\xe9t\xe9 fini\n", b"ok"], True, "ok"),
    ],
)
def test_what_was_printed_is_text_or_not_and_has_a_last_line(blocks: list[bytes], binary: bool, last: str) -> None:
    printed = Printed()
    for block in blocks:
        printed.add(block)
    assert (printed.binary, printed.last_line()) == (binary, last)
