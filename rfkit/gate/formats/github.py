"""GitHub's workflow commands: annotations of the lines at fault, and the table for the job's summary.

GitHub shows ten errors, ten warnings and ten notices of a step. The worst come first; the others are lines of the log.
"""

from __future__ import annotations

from collections.abc import Sequence

from rfkit.gate.findings import Outcome, Severity
from rfkit.gate.formats import concise, markdown, words
from rfkit.gate.formats.options import Options
from rfkit.gate.formats.problems import Problem, problems, worst_first

SHOWN = 10
"""Annotations of each level that GitHub shows per step."""
COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
SUMMARY_BYTES = 2**20 - 2**10


def render(outcome: Outcome, options: Options) -> str:
    """The worst ten of each level as annotations, the rest as lines of the log, then how many rules hold."""
    found = worst_first(problems(outcome, options.root))
    lines: list[str] = []
    rest: list[Problem] = []
    for severity in COMMANDS:
        level = [problem for problem in found if problem.severity is severity]
        lines += [_annotation(problem) for problem in level[:SHOWN]]
        rest += level[SHOWN:]
    lines += _log(rest)
    lines += [plain(line) for line in (words.conclusion(outcome), *map(words.one_line, outcome.notes))]
    return "".join(f"{line}\n" for line in lines)


def step_summary(outcome: Outcome, options: Options) -> str:
    """Markdown for the file that ``$GITHUB_STEP_SUMMARY`` names, less than 1 MiB."""
    return markdown.body(outcome, options, SUMMARY_BYTES)


def _annotation(problem: Problem) -> str:
    place, model = problem.place, words.one_line(problem.verdict.model)
    properties = {"file": place.path, "line": str(place.line), "title": f"{problem.code} [{model}]"}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{COMMANDS[problem.severity]} {listed}::{_data(chr(10).join([problem.message, *problem.advice]))}"


def _data(said: str) -> str:
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(said: str) -> str:
    return _data(said).replace(":", "%3A").replace(",", "%2C")


def _log(rest: Sequence[Problem]) -> list[str]:
    if not rest:
        return []
    said = f"{words.many(len(rest), 'problem')} more than GitHub annotates (the job summary has them too):"
    return [said, *(plain(f"  {concise.line(problem)}") for problem in rest)]


def plain(line: str) -> str:
    """The line of the log so that the runner does not take it for a command: ``::`` leads one, ``##[`` anywhere is one."""
    line = line.replace("##[", "## [")
    return f"- {line}" if line.lstrip().startswith("::") else line
