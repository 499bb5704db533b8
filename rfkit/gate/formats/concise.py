"""A line per problem, as compilers write it, and a last line that counts."""

from __future__ import annotations

from rfkit.gate.findings import Outcome
from rfkit.gate.formats import words
from rfkit.gate.formats.options import Options
from rfkit.gate.formats.problems import Problem, problems


def render(outcome: Outcome, options: Options) -> str:
    """``net.py:31: RF101 [net] receptive field 41 is not > 44 (4 short) at conv4.0``, then how many rules hold.

    ``options.quiet`` leaves only what makes the check fail, and says nothing where nothing does.
    """
    lines = [line(problem) for problem in problems(outcome) if not options.quiet or fails(problem)]
    if outcome.exit_code or not options.quiet:
        lines.append(words.conclusion(outcome))
    return "".join(f"{one}\n" for one in lines)


def line(problem: Problem) -> str:
    """One problem: place, code, network, message."""
    return f"{problem.place}: {problem.code} [{words.one_line(problem.verdict.model)}] {problem.message}"


def fails(problem: Problem) -> bool:
    """Whether it makes the check fail."""
    return problem.finding is None or problem.finding.fails
