"""The action, the hook, the GitLab job and the shell lines of ``docs/in-ci.md``: each is run, in a repository of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.rfkit.pipelines import ACTION, ROOT, Ran, Runner
from tests.rfkit.projects import write
from tests.rfkit.test_pytest_plugin import NET, SPEC
from tests.test_docs import blocks, section, table

pytest_plugins = ("pytester",)

PAGE = "docs/in-ci.md"
MARKER = "<!-- rfkit -->"
AUTHOR = {f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
AUTHOR["GIT_CONFIG_GLOBAL"] = os.devnull


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner with a repository that has a network and a spec of two: ``net`` keeps to it, ``wide`` does not."""
    repository, records = tmp_path / "repository", tmp_path / "records"
    write(repository / "here", {"../net.py": NET, "../rfkit.toml": SPEC})
    records.mkdir()
    git(repository, "init", "-q")
    return Runner(repository, records)


def git(folder: Path, *words: str) -> str:
    environment = {**os.environ, **AUTHOR}
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


def yaml_under(heading: str) -> list[Any]:
    """The YAML blocks under a heading of the page."""
    shown = section(PAGE, heading)
    return [yaml.safe_load(text) for language, text in blocks(PAGE) if language == "yaml" and text in shown]


def schema(name: str) -> Any:
    """A schema that check-jsonschema brings along."""
    folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def valid(data: Any, name: str) -> bool:
    jsonschema.validate(data, schema(name))
    return True


def test_the_action_is_valid_and_its_steps_take_inputs_from_the_environment_only() -> None:
    assert valid(ACTION, "github-actions")
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert len(scripts) == 5
    assert not [script for script in scripts if "${{" in script]
    assert all(
        re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in ACTION["runs"]["steps"] if "uses" in step
    )


def test_the_page_lists_every_input_and_output_of_the_action() -> None:
    rows = [row[0].strip("`") for row in table(section(PAGE, "GitHub")) if row[0] not in ("output", "---")]
    assert rows == [*ACTION["inputs"], *ACTION["outputs"]]


def test_a_network_that_keeps_to_its_spec_passes(runner: Runner) -> None:
    ran = runner.action(
        {"targets": "net", "sarif": "rfkit.sarif", "install": "-r requirements.txt 'torchvision >= 0.21'"}
    )
    assert ran.code == 0
    assert ran.commands == []
    assert ran.outputs["status"] == "passed"
    assert ran.pip == [
        "install",
        "--disable-pip-version-check",
        str(ROOT),
        "-r",
        "requirements.txt",
        "torchvision >= 0.21",
    ]
    assert json.loads(Path(ran.outputs["report"]).read_text())["exit_code"] == 0
    assert Path(ran.outputs["comment"]).read_text().startswith(f"{MARKER}\n### rfkit: 2 rules hold")
    assert json.loads((runner.repository / "rfkit.sarif").read_text())["version"] == "2.1.0"
    assert "| `net` | held |" in ran.summary
    assert ran.calls == []


def test_a_broken_rule_fails_with_an_annotation_a_summary_and_a_comment(runner: Runner) -> None:
    ran = runner.action({"working-directory": "here", "comment": True}, pull_request=7)
    assert ran.code == 1
    assert ran.outputs["status"] == "failed"
    (command,) = ran.commands
    assert command.startswith("::error file=net.py,line=")
    assert ",title=RF110 [wide]::" in command
    assert "The course's limit" in command
    assert "| `wide` | **broken** |" in ran.summary
    shown = next(text for language, text in blocks(PAGE) if language == "text")
    assert command.split("%0A")[0] == shown.strip()
    listing, writing = ran.calls
    assert listing["words"] == ["api", "--paginate", "repos/somebody/networks/issues/7/comments?per_page=100"]
    assert writing["words"][:4] == ["api", "--method", "POST", "repos/somebody/networks/issues/7/comments"]
    assert writing["body"] == Path(ran.outputs["comment"]).read_text()
    assert writing["token"] == "the-token"


def test_options_of_the_command_are_quoted_as_in_a_shell(runner: Runner) -> None:
    write(runner.repository, {"with space/net.py": NET})
    ran = runner.action(
        {"targets": "'with space/net.py:Net'", "args": "--rf '> 44'\n--spec empty.toml --params '< 1k'"}
    )
    assert "empty.toml" in ran.log
    write(runner.repository, {"empty.toml": ""})
    ran = runner.action(
        {"targets": "'with space/net.py:Net'", "args": "--rf '> 44' --params '< 1k'", "spec": "empty.toml"}
    )
    assert ran.code == 1
    assert [re.findall("title=RF[0-9]+", command) for command in ran.commands] == [["title=RF101"]]


def test_a_spec_with_mistakes_is_an_error_and_says_so_everywhere(runner: Runner) -> None:
    write(runner.repository, {"rfkit.toml": "[models.net]\nparms = '100%'\n"})
    ran = runner.action()
    assert ran.code == 2
    assert (ran.outputs["status"], ran.outputs["report"]) == ("error", "")
    (command,) = ran.commands
    assert command.startswith("::error title=rfkit::rfkit.toml:")
    assert command.count("%0A") == 1
    assert "parms: unknown key" in command
    assert ran.summary == "### rfkit: nothing could be checked\nThe log of the job says why.\n"
    assert Path(ran.outputs["comment"]).read_text() == f"{MARKER}\n{ran.summary}"


def test_a_network_that_cannot_be_run_is_an_error_and_the_others_are_judged(runner: Runner) -> None:
    ran = runner.action({"targets": "lost.py:Net net", "args": "--params '< 1k'"})
    assert ran.code == 2
    assert ran.outputs["status"] == "error"
    assert [command for command in ran.commands if "no file lost.py" in command]
    assert "| `net` | held |" in ran.summary


@pytest.mark.parametrize("name", ["targets", "args", "install"])
def test_an_input_with_an_open_quotation_is_an_error_that_names_it(runner: Runner, name: str) -> None:
    ran = runner.action({name: "it's"})
    assert ran.code == 1
    assert ran.log == f"::error title=rfkit::the input {name} cannot be read: No closing quotation\n"


def test_a_baseline_that_is_missing_is_an_error(runner: Runner) -> None:
    ran = runner.action({"targets": "net", "baseline": "no such.json"})
    assert ran.code == 2
    assert "no baseline no such.json" in ran.commands[0]


@pytest.mark.parametrize("name", ["targets", "args", "spec", "baseline", "sarif", "install"])
def test_an_input_is_never_run(runner: Runner, name: str) -> None:
    ran = runner.action({"targets": "net", name: "$(touch owned) `touch owned` \\; touch owned"})
    assert ran.code in (0, 2)
    assert not list(runner.repository.rglob("owned"))


def commented(runner: Runner, comments: str, number: int | None = 7, comment: bool = True) -> Ran:
    """The step that writes the comment, after a check."""
    runner.comments = comments
    body = runner.records / "temporary" / "comment.md"
    body.write_text(f"{MARKER}\nhello\n", encoding="utf-8")
    outputs = {"steps.check.outputs.comment": str(body), "steps.words.outputs.folder": str(body.parent)}
    return runner.action({"comment": comment}, number, "comment", outputs)


def test_the_comment_is_renewed_where_there_is_one(runner: Runner) -> None:
    pages = [[{"id": 1, "body": "mine"}, {"id": 2, "body": None}], [{"id": 3, "body": f"{MARKER}\nold"}]]
    ran = commented(runner, "\n".join(map(json.dumps, pages)))
    assert ran.code == 0
    assert ran.commands == []
    assert ran.calls[1]["words"][:4] == ["api", "--method", "PATCH", "repos/somebody/networks/issues/comments/3"]
    assert ran.calls[1]["body"] == f"{MARKER}\nhello\n"


def test_a_comment_that_only_quotes_the_marker_is_left_alone(runner: Runner) -> None:
    ran = commented(runner, json.dumps([{"id": 1, "body": f"> {MARKER}"}]))
    assert "POST" in ran.calls[1]["words"]


@pytest.mark.parametrize("answer", ["403", "403[]", "403" + json.dumps([{"id": 3, "body": MARKER}]), "<html>"])
def test_a_comment_that_may_not_be_written_is_a_notice(runner: Runner, answer: str) -> None:
    ran = commented(runner, answer)
    assert ran.code == 0
    (command,) = ran.commands
    assert command.startswith("::notice title=rfkit::no comment on the pull request: the token may not write one")


def test_without_gh_the_comment_is_a_notice(runner: Runner) -> None:
    (runner.records / "bin" / "gh").write_text("#!/bin/bash\nexit 127\n")
    ran = commented(runner, "[]")
    assert (ran.code, len(ran.commands)) == (0, 1)


@pytest.mark.parametrize(("number", "comment"), [(None, True), (7, False)])
def test_a_comment_is_written_on_pull_requests_and_where_asked_for(
    runner: Runner, number: int | None, comment: bool
) -> None:
    assert commented(runner, "[]", number, comment).calls == []


def test_the_workflows_of_the_page_are_valid_and_use_inputs_that_there_are(runner: Runner) -> None:
    workflow, scanning = yaml_under("GitHub")
    workflow["on"] = workflow.pop(True)
    assert valid(workflow, "github-workflows")
    assert valid({**workflow, "jobs": {"rfkit": {**workflow["jobs"]["rfkit"], "steps": scanning}}}, "github-workflows")
    used = [step["with"] for step in [*workflow["jobs"]["rfkit"]["steps"], *scanning] if "/rfkit@" in step["uses"]]
    assert [list(inputs) for inputs in used] == [["install", "comment"], ["sarif"]]
    ran = runner.action({**used[0], **used[1], "targets": "net"}, pull_request=7)
    assert (ran.code, ran.pip[3:], len(ran.calls)) == (0, ["-r", "requirements.txt"], 2)
    assert (runner.repository / scanning[1]["with"]["sarif_file"]).exists()


def test_the_gitlab_job_of_the_page_leaves_the_files_it_promises(runner: Runner) -> None:
    (pipeline,) = yaml_under("GitLab")
    assert valid(pipeline, "gitlab-ci")
    job = pipeline["rfkit"]
    ran = runner.shell("\n".join(job["script"]), **job["variables"])
    assert ran.returncode == 1
    assert "RF110" in ran.stdout
    assert runner.pip == ["install", "./tools/rfkit", "-r", "requirements.txt"]
    files = job["artifacts"]["reports"]
    (issue,) = json.loads((runner.repository / files["codequality"]).read_text())
    assert (issue["location"]["path"], issue["check_name"]) == ("net.py", "RF110")
    assert "<failure" in (runner.repository / files["junit"]).read_text()


def test_the_hook_holds_back_a_commit_that_breaks_a_rule(runner: Runner, tmp_path: Path) -> None:
    tool = tmp_path / "rfkit"
    write(tool, {".pre-commit-hooks.yaml": (ROOT / ".pre-commit-hooks.yaml").read_text()})
    git(tool, "init", "-q")
    git(tool, "add", ".")
    git(tool, "commit", "-qm", "hooks")
    (config,) = yaml_under("pre-commit")
    config["repos"][0] |= {"repo": str(tool), "rev": git(tool, "rev-parse", "HEAD")}
    repository = runner.repository
    write(repository, {".pre-commit-config.yaml": yaml.safe_dump(config), "notes.md": "Hello."})

    runner.environment |= {"PRE_COMMIT_HOME": str(tmp_path / "cache"), "PRE_COMMIT_COLOR": "never", **AUTHOR}
    assert runner.shell(f"{sys.executable} -P -m pre_commit install").returncode == 0
    broken = runner.shell("git add .\ngit commit -m networks")
    assert broken.returncode == 1
    assert re.search(r"rfkit check\.+Failed", broken.stdout), broken.stdout
    assert "RF110" in broken.stdout
    write(repository, {"rfkit.toml": SPEC.split("[models.wide]")[0]})
    held = runner.shell("git add .\ngit commit -m networks")
    assert held.returncode == 0
    assert re.search(r"rfkit check\.+Passed", held.stdout), held.stdout
    write(repository, {"notes.md": "Bye."})
    assert re.search(r"rfkit check\.+\(no files to check\)Skipped", runner.shell("git commit -am notes").stdout)


def test_the_hook_is_valid_and_runs_once_in_the_own_environment() -> None:
    check = [sys.executable, "-P", "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    assert subprocess.run(check, check=False, capture_output=True).returncode == 0
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["language"], hook["pass_filenames"], hook["require_serial"]) == ("system", False, True)
    wanted = ["net.py", "a/b.py", "rfkit.toml", "a/.rfkit.toml", "pyproject.toml", "rfkit-baseline.json"]
    assert [
        name for name in [*wanted, "notes.md", "data.json", "poetry.toml"] if re.search(hook["files"], name)
    ] == wanted


def test_the_shell_lines_of_the_page_run(runner: Runner) -> None:
    shell = next(text for language, text in blocks(PAGE) if language == "bash" and "--quiet" in text)
    write(runner.repository, {f"submissions/{name}/model.py": NET for name in "ab"})
    write(runner.repository, {"rfkit.toml": SPEC.split("[models.wide]")[0]})
    ran = runner.shell(shell)
    assert ran.returncode == 0, ran.stdout
    verdicts = (runner.repository / "verdicts.csv").read_text().splitlines()
    assert len(verdicts) == 3


def test_the_pytest_lines_of_the_page_run(runner: Runner) -> None:
    lines = next(
        text for language, text in blocks(PAGE) if language == "bash" and "pytest --rfkit" in text
    ).splitlines()
    write(runner.repository, {"specs/rfkit.toml": SPEC.replace("net.py", "../net.py").replace("< 1k", "< 200k")})
    ran = [runner.shell(line) for line in lines]
    assert [each.returncode for each in ran] == [1, 0, 0]
    assert ["2 passed" in each.stdout for each in ran] == [False, False, True]


def test_the_test_of_the_page_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(next(text for language, text in blocks(PAGE) if language == "python"))
    options = ("-p", "no:rfkit", "-p", "rfkit.pytest_plugin", "-W", "error")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)
