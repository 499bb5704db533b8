"""From how a process ended to what is told: a report that was looked over, or one line.

Nothing that a target's process says is believed: its answer must be signed with the secret of the job, hold a report of
the schema with every value of its type, and be about the target that was asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
from dataclasses import replace
from typing import Any

from rfkit.isolation.jobs import Ending, Order, Traced
from rfkit.isolation.limits import ANSWER, LOST, PRINTED, PROCESSES
from rfkit.report import Report
from rfkit.soundness import faults

_LONGEST = 500
_LONGEST_SAID = 100
_SCRIPT = 'what only a script should do belongs under if __name__ == "__main__"'
_SIGNATURE = hashlib.sha256().digest_size


def judge(order: Order, ending: Ending) -> Traced:
    """What an ending means for the job: a report, or the reason why there is none."""
    answer = _answer(order, ending.answer)
    stubs = tuple(sorted(answer["stubs"])) if answer else ()
    error = _cut(order, ending) or _own_doing(order, ending, answer) or _refused(order, ending, answer)
    report = None
    if error is None and answer is not None:
        report, error = _report(order, ending, answer["report"])
    return Traced(report, None if error is None else one_line(error), stubs, ending.seconds)


def one_line(text: str) -> str:
    """Text in one line of printable characters, shortened."""
    text = "".join(c if c.isprintable() else " " for c in text[: 4 * _LONGEST])
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def size(number: int) -> str:
    """Bytes as one says them: ``4 GiB``, ``1.5 MiB``."""
    unit, power = ("GiB", 30) if number >= 2**30 else ("MiB", 20)
    return f"{number / 2**power:.4g} {unit}"


def _cut(order: Order, ending: Ending) -> str | None:
    """The line for a limit that was broken, None where none was."""
    what, where = order.job.target, _where(order, ending)
    return {
        "": None,
        "time": f"{what} is not done after {order.timeout:g} s{where}: --timeout gives it longer; {_SCRIPT}",
        "memory": _too_much_memory(order),
        "printing": f"{what} prints more than {size(PRINTED)}{_said(ending)}: take the printing out; {_SCRIPT}",
        "processes": f"{what} starts more than {PROCESSES} processes: take that out; {_SCRIPT}",
        "answer": f"{what} has a report of more than {size(ANSWER)}: shorten its module names, or check its parts",
        "watcher": f"{what} ends or stops the process that watches it: take that out",
    }[ending.cut]


def _own_doing(order: Order, ending: Ending, answer: dict[str, Any] | None) -> str | None:
    """The line for what the file did to its surroundings, None where it left them alone."""
    what = order.job.target
    if answer and answer["problem"]:
        return f"{what} {answer['problem']}"
    if ending.rewritten:
        return f"{what} changes its own file while it runs: take that out"
    if ending.read_stdin:
        return f"{what} reads stdin: give values with --arg, or as defaults; {_SCRIPT}"
    return None


def _refused(order: Order, ending: Ending, answer: dict[str, Any] | None) -> str | None:
    """The line for a run that came to nothing, or left something behind; None for one that can be judged."""
    what = order.job.target
    if answer is None:
        return _died(order, ending)
    if answer["memory"]:
        return _too_much_memory(order)
    if answer["error"]:
        return str(answer["error"])
    if ending.binary:
        return f"{what} prints bytes that are not text{_said(ending)}: take the printing out; {_SCRIPT}"
    if ending.left:
        names = ", ".join(filter(None, ending.left[:3]))
        return f"{what} leaves a process running{f' ({names})' if names else ''}: wait for it to end, or do without it"
    return None


def _died(order: Order, ending: Ending) -> str:
    """The line for a process that ended without a valid answer."""
    what, status = order.job.target, ending.status
    where, said = _where(order, ending), _said(ending)
    if ending.answer:
        return f"{what} writes into file descriptors that it did not open: take that out"
    if status == LOST:
        return f"{what} closes file descriptors that it did not open{said}: take that out"
    if status is not None and status < 0:
        name, meaning = _signal(-status)
        if -status in (signal.SIGKILL, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP, signal.SIGINT):
            return f"{what} is killed ({name}){where}{said}: take out what sends that signal; {_SCRIPT}"
        return f"{what} crashes the interpreter: {meaning} ({name}){where}{said}"
    code = "" if status is None else f" with exit code {status}"
    return f"{what} ends the process{code} before it can be judged{said}: take out os._exit and the like; {_SCRIPT}"


def _too_much_memory(order: Order) -> str:
    return f"{order.job.target} takes more than {size(order.memory)} of memory: --memory gives it more"


def _signal(number: int) -> tuple[str, str]:
    try:
        return signal.Signals(number).name, (signal.strsignal(number) or "").lower()
    except ValueError:
        return f"signal {number}", "signal"


def _where(order: Order, ending: Ending) -> str:
    return f" ({order.job.source}, line {ending.line})" if ending.line else ""


def _said(ending: Ending) -> str:
    said = ending.printed if len(ending.printed) <= _LONGEST_SAID else f"{ending.printed[:_LONGEST_SAID]}..."
    return f" (it printed {said!r})" if said.isprintable() and said else ""


_ANSWER = {"report": (dict, type(None)), "error": (str, type(None)), "memory": bool, "problem": (str, type(None))}


def _answer(order: Order, signed: bytes) -> dict[str, Any] | None:
    """The answer if it carries the signature of the job and has its form, else None."""
    signature, text = signed[:_SIGNATURE], signed[_SIGNATURE:]
    if not hmac.compare_digest(signature, hmac.new(order.secret.encode(), text, hashlib.sha256).digest()):
        return None
    try:
        answer = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(answer, dict) and answer.keys() == {*_ANSWER, "stubs"}
    if not whole or not all(isinstance(answer[key], kind) for key, kind in _ANSWER.items()):  # type: ignore[arg-type]
        return None
    return answer if isinstance(answer["stubs"], list) and all(type(s) is str for s in answer["stubs"]) else None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _report(order: Order, ending: Ending, data: Any) -> tuple[Report | None, str | None]:
    """The report, and what is wrong with it: exactly one of the two."""
    what = order.job.target
    try:
        report = Report.from_dict(data)
        wrong = next(faults(report), None)
        if wrong is None and report.to_dict() != data:
            wrong = "more or less than it should hold"
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        report, wrong = None, f"{type(error).__name__}: {error}"
    if report is None or wrong:
        return None, f"{what} has a report that cannot be used ({wrong}): give its modules plain names and whole sizes"
    if not report.target.startswith(what) or report.strict is not order.job.strict:
        return None, f"{what} has a report about something else ({report.target})"
    return replace(report, seconds=ending.seconds), None
