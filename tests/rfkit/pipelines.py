"""Running what a pipeline runs, here: the steps of ``action.yml`` as GitHub's runner would, with ``pip`` and ``gh`` replaced."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
_OUTPUTS = ("steps.check.outputs.status", "steps.check.outputs.report", "steps.check.outputs.comment")
EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")

PYTHON = f"""#!/bin/bash
if [ "$2 $3" = "-m pip" ]; then printf '%s\\n' "${{@:4}}" >"$RECORDS/pip"; exit; fi
exec {sys.executable} "$@"
"""
PIP = '#!/bin/bash\nprintf "%s\\n" "$@" >"$RECORDS/pip"\n'
RFKIT = f'#!/bin/bash\nexec {sys.executable} -P -m rfkit "$@"\n'
PYTEST = (
    f'#!/bin/bash\nexec {sys.executable} -P -m pytest -p no:rfkit -p rfkit.pytest_plugin -p no:cacheprovider "$@"\n'
)
GH = f"""#!{sys.executable}
import json, os, pathlib, sys
records = pathlib.Path(os.environ["RECORDS"])
body = next((word.removeprefix("body=@") for word in sys.argv if word.startswith("body=@")), None)
call = {{"words": sys.argv[1:], "token": os.environ["GH_TOKEN"], "body": body and pathlib.Path(body).read_text()}}
with (records / "gh").open("a") as file:
    file.write(json.dumps(call) + "\\n")
answer = (records / "answer").read_text()
if "--method" in sys.argv and "403" in answer or answer == "403":
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
print("{{}}" if "--method" in sys.argv else answer.removeprefix("403"))
"""


@dataclass(frozen=True)
class Ran:
    """What became of a step, or of all of them.

    Attributes:
        code: exit code of the step that failed, else 0.
        log: stdout and stderr.
        outputs: those of the action.
        summary: the job's summary.
        pip: what pip was asked to do, word by word.
        calls: what ``gh`` was called with, one after the other.
    """

    code: int
    log: str
    outputs: Mapping[str, str]
    summary: str
    pip: Sequence[str]
    calls: Sequence[Mapping[str, Any]]

    @property
    def commands(self) -> list[str]:
        """Lines of the log that GitHub takes for commands."""
        return [line for line in self.log.splitlines() if line.startswith("::")]


@dataclass
class Runner:
    """A machine that runs shell commands in a repository, where ``python``, ``pip``, ``rfkit`` and ``gh`` are ours."""

    repository: Path
    records: Path
    comments: str = "[]"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        programs = {"python": PYTHON, "pip": PIP, "rfkit": RFKIT, "pytest": PYTEST, "gh": GH}
        for name, text in programs.items():
            path = self.records / "bin" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        (self.records / "temporary").mkdir()
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        self.environment = {
            **kept,
            "PATH": f"{self.records / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "RECORDS": str(self.records),
            "CI": "true",
        }

    def shell(self, script: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script as GitHub's ``shell: bash`` does."""
        path = self.records / "script.sh"
        path.write_text(script, encoding="utf-8")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)],
            cwd=folder or self.repository,
            env={**self.environment, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

    def action(
        self,
        inputs: Mapping[str, object] | None = None,
        pull_request: int | None = None,
        only: str | None = None,
        outputs: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run the bash steps of the action up to the first that fails.

        Args:
            inputs: what the workflow gives it.
            pull_request: number of the pull request, where the workflow runs for one.
            only: run this step alone.
            outputs: of steps that ran before, by what an expression calls them: ``steps.check.outputs.comment``.
        """
        values = {
            **_inputs(inputs or {}),
            "github.event.pull_request.number": str(pull_request or ""),
            **(outputs or {}),
        }
        summary, answer = self.records / "summary", self.records / "answer"
        summary.write_text("", encoding="utf-8")
        answer.write_text(self.comments, encoding="utf-8")
        log, code = "", 0
        for step in ACTION["runs"]["steps"]:
            chosen = step["id"] == only if only else "run" in step
            if code or not chosen or not holds(step.get("if", ""), values):
                continue
            said, code, found = self._step(step, values)
            values |= {f"steps.{step['id']}.outputs.{name}": value for name, value in found.items()}
            log += said
        shown = {
            name: filled(each["value"], {**dict.fromkeys(_OUTPUTS, ""), **values})
            for name, each in ACTION["outputs"].items()
        }
        return Ran(code, log, shown, summary.read_text(encoding="utf-8"), self.pip, self.calls)

    def _step(self, step: Mapping[str, Any], values: Mapping[str, str]) -> tuple[str, int, dict[str, str]]:
        """What a step printed, its exit code and its outputs."""
        output = self.records / "output"
        output.write_text("", encoding="utf-8")
        ran = self.shell(
            filled(step["run"], values),
            self.repository / filled(step.get("working-directory", "."), values),
            **{name: filled(value, values) for name, value in step.get("env", {}).items()},
            GITHUB_ACTIONS="true",
            GITHUB_ACTION_PATH=str(ROOT),
            GITHUB_OUTPUT=str(output),
            GITHUB_STEP_SUMMARY=str(self.records / "summary"),
            GITHUB_REPOSITORY="somebody/networks",
            RUNNER_TEMP=str(self.records / "temporary"),
        )
        lines = output.read_text(encoding="utf-8").splitlines()
        return ran.stdout, ran.returncode, dict(line.split("=", 1) for line in lines)

    @property
    def pip(self) -> list[str]:
        """What pip was asked to do."""
        path = self.records / "pip"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What ``gh`` was called with."""
        path = self.records / "gh"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _inputs(given: Mapping[str, object]) -> dict[str, str]:
    """Every input of the action, by what an expression calls it."""
    found = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()}
    found |= {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
    return {f"inputs.{name}": filled(value, {"github.token": "the-token"}) for name, value in found.items()}


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text of a workflow with the values of its expressions."""
    return EXPRESSION.sub(lambda found: values[found[1]], text)


def holds(condition: str, values: Mapping[str, str]) -> bool:
    """Whether an ``if`` of a workflow holds: names, texts, ``==``, ``!=`` and ``&&``."""
    if not condition:
        return True
    names = re.sub(
        r"'[^']*'|[a-z][\w.-]+", lambda found: found[0] if found[0][0] == "'" else repr(values[found[0]]), condition
    )
    return bool(eval(names.replace("&&", " and "), {"__builtins__": {}}))
