"""GitLab's Code Quality report: a JSON list of problems."""

from __future__ import annotations

import json
from typing import Any

from rfkit.gate.findings import Outcome, Severity
from rfkit.gate.formats import words
from rfkit.gate.formats.options import Options
from rfkit.gate.formats.problems import Problem, problems

LEVELS = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}
COULD_NOT_RUN = "critical"


def render(outcome: Outcome, options: Options) -> str:
    """Every problem that is not excepted; a merge request shows those that are new by their fingerprints."""
    entries = [_entry(problem) for problem in problems(outcome, options.root)]
    return json.dumps(entries, indent=2) + "\n"


def _entry(problem: Problem) -> dict[str, Any]:
    said = "; ".join([problem.message, *problem.advice])
    return {
        "description": f"[{words.one_line(problem.verdict.model)}] {said}",
        "check_name": problem.code,
        "fingerprint": problem.fingerprint,
        "severity": COULD_NOT_RUN if problem.finding is None else LEVELS[problem.severity],
        "location": {"path": problem.place.path, "lines": {"begin": problem.place.line}},
    }
