"""One network at two revisions: worktrees that are always removed, and one clear line where there is nothing to compare."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rfkit.errors import UsageError
from rfkit.gate.history import comparing, revisions
from rfkit.gate.history.changes import Changes, Failure, Kind
from rfkit.gate.history.comparing import compare_revisions, compare_sides, read_report
from rfkit.gate.history.revisions import Repository
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.run import Conditions
from rfkit.isolation import Job, Traced
from rfkit.render import as_json
from tests.rfkit import reports
from tests.rfkit.gate import networks

ROOT = Path(__file__).resolve().parents[3]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """Write files (``nets__net`` is ``my nets/net.py``), commit them, return the commit."""
    for name, words in files.items():
        path = folder / f"{name.replace('__', '/').replace('nets', 'my nets')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made: empty before and, in every test, after."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch: Path) -> Path:
    """A repository with ``base`` in its first commit and ``wider`` in its second, both in ``my nets/net.py``."""
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    monkeypatch.setattr(comparing, "trace_all", traced)
    folder = tmp_path / "a repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, nets__net="Net = 'base'")
    commit(folder, nets__net="Net = 'wider'")
    monkeypatch.chdir(folder / "my nets")
    return folder


def traced(jobs: Sequence[Job], **_limits: object) -> list[Traced]:
    """Stands for the workers: a file names the drawn network that it stands for."""
    found = []
    for job in jobs:
        file = (job.directory or Path.cwd()) / job.target.rpartition(":")[0]
        word = file.read_text().split("'")[1] if file.exists() else ""
        if hasattr(networks, word):
            found.append(Traced(getattr(networks, word)(), None, (), 0.1))
        else:
            found.append(Traced(None, f"{file}: {word or 'no such file'}", (), 0.1))
    return found


def compared(target: str = "net.py:Net", base: str | None = None, head: str | None = None) -> Changes | Failure:
    (found,) = compare_revisions([ModelSpec(target, target)], base, head, Conditions(), Path.cwd())
    return found


def state(folder: Path) -> tuple[str, ...]:
    """Everything of a repository that a command could disturb."""
    index = (folder / ".git" / "index").read_bytes().hex()
    refs = git(folder, "for-each-ref")
    return (
        git(folder, "worktree", "list"),
        git(folder, "status", "--porcelain"),
        git(folder, "log", "--oneline"),
        refs,
        index,
    )


def kinds(found: Changes | Failure) -> set[Kind]:
    assert isinstance(found, Changes), found
    return {change.kind for change in found.layers}


def test_two_revisions_are_compared_and_nothing_is_left_or_changed(repo: Path, scratch: Path) -> None:
    (repo / "my nets" / "net.py").write_text("Net = 'inserted'")
    (repo / "untracked.txt").write_text("mine")
    before = state(repo)
    found = compared(base="HEAD~1", head="HEAD")
    assert isinstance(found, Changes)
    assert (found.old.report, found.new.report) == (networks.base(), networks.wider())
    assert (found.old.name, found.new.name) == (
        f"HEAD~1 ({git(repo, 'rev-parse', 'HEAD~1')[:7]})", f"HEAD ({git(repo, 'rev-parse', 'HEAD')[:7]})"
    )  # fmt: skip
    assert state(repo) == before
    assert list(scratch.iterdir()) == []
    assert not list((repo / ".git").glob("worktrees/*"))


def test_without_a_head_it_is_the_working_tree_with_what_is_not_committed(repo: Path) -> None:
    (repo / "my nets" / "net.py").write_text("Net = 'inserted'")
    found = compared(base="HEAD")
    assert isinstance(found, Changes)
    assert (found.old.report, found.new.report, found.new.name) == (
        networks.wider(), networks.inserted(), "the working tree"
    )  # fmt: skip


def test_without_a_base_it_is_where_the_branch_left_main(repo: Path) -> None:
    git(repo, "checkout", "-q", "-b", "feature", "HEAD~1")
    commit(repo, nets__net="Net = 'inserted'")
    found = compared()
    assert isinstance(found, Changes)
    assert found.old.name == f"main ({git(repo, 'rev-parse', 'main~1')[:7]})"
    assert (found.old.report, found.new.report) == (networks.base(), networks.inserted())


def test_in_a_pull_request_it_is_its_base_branch(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(repo, "branch", "release/2", "HEAD~1")
    monkeypatch.setenv("GITHUB_BASE_REF", "release/2")
    found = compared()
    assert isinstance(found, Changes)
    assert found.old.name.startswith("release/2 (")
    assert found.old.report == networks.base()


def test_the_remotes_branch_goes_before_a_stale_local_one(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repo), "clone")
    repository = Repository.around(tmp_path / "clone")
    assert repository.merge_base({}).name.startswith("origin/HEAD (")


@pytest.mark.parametrize("folder", [".", "my nets", "my nets/inner"])
def test_it_works_in_any_folder_of_the_repository(folder: str, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(repo / folder)
    target = os.path.relpath(repo / "my nets" / "net.py")
    for each in (f"{target}:Net", f"{repo / 'my nets' / 'net.py'}:Net"):
        found = compared(each, base="HEAD~1")
        assert isinstance(found, Changes)
        assert (found.old.report, found.new.report) == (networks.base(), networks.wider())


def test_a_file_that_is_new_is_added_as_a_whole(repo: Path) -> None:
    (repo / "my nets" / "new.py").write_text("Net = 'base'")
    found = compared("new.py:Net")
    assert kinds(found) == {Kind.ADDED}
    assert isinstance(found, Changes)
    assert found.notes[0].endswith("everything is added")


def test_a_class_that_is_new_is_added_and_one_that_is_gone_is_removed(repo: Path) -> None:
    (repo / "my nets" / "net.py").write_text("Other = 'wider'")
    assert kinds(compared("net.py:Other")) == {Kind.ADDED}
    assert kinds(compared("net.py:Net")) == {Kind.REMOVED}


@pytest.mark.parametrize(
    "words",
    [
        "from x import *  # 'base'",
        "from x import Y as Net  # 'base'",
        "def Net(): return 'base'",
        "if 1:\n  Net = 'base'",
        "'base'\nNet = (",
    ],
)
def test_whatever_may_have_the_name_is_traced(words: str, repo: Path) -> None:
    commit(repo, nets__net=words)
    commit(repo, nets__net="Net = 'base'")
    assert kinds(compared(base="HEAD~1")) == {Kind.SAME}


def test_a_folder_that_is_new_is_no_hindrance(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "new folder").mkdir()
    (repo / "new folder" / "net.py").write_text("Net = 'base'")
    monkeypatch.chdir(repo / "new folder")
    assert kinds(compared()) == {Kind.ADDED}


def test_a_network_that_fails_on_one_side_says_on_which(repo: Path, scratch: Path) -> None:
    commit(repo, nets__net="Net = 'it fails'")
    commit(repo, nets__net="Net = 'base'")
    found = compared(base="HEAD~1")
    assert isinstance(found, Failure)
    assert found.error == f"net.py: it fails (in HEAD~1 ({git(repo, 'rev-parse', 'HEAD~1')[:7]}))"
    assert list(scratch.iterdir()) == []


def test_hooks_do_not_run_and_the_index_of_a_hook_that_runs_us_is_left_alone(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = repo / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch '{repo}/ran'\n")
    hook.chmod(0o755)
    index = repo / ".git" / "index"
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    before = index.read_bytes()
    assert isinstance(compared(base="HEAD~1"), Changes)
    assert index.read_bytes() == before
    assert not (repo / "ran").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_the_worktree_goes_whatever_happens(
    error: type[BaseException], repo: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_jobs: object, **_limits: object) -> None:
        assert len(list(scratch.iterdir())) == 2
        raise error

    monkeypatch.setattr(comparing, "trace_all", fail)
    before = state(repo)
    with pytest.raises(error):
        compared(base="HEAD~1", head="HEAD")
    assert state(repo) == before
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_worktree_goes_when_the_process_is_told_to_end(number: int, repo: Path, scratch: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from rfkit.gate.history.revisions import Repository
        repository = Repository.around(Path.cwd())
        with repository.worktree(repository.revision("HEAD~1")) as folder:
            print((folder / "net.py").read_text(), flush=True)
            time.sleep(60)
        """
    )
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)}
    before = state(repo)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Net = 'base'\n"
        process.send_signal(number)
        assert process.wait(30) != 0
    assert state(repo) == before
    assert list(scratch.iterdir()) == []


def test_a_worktree_that_git_cannot_make_is_one_line(repo: Path, scratch: Path) -> None:
    repository = Repository.around(repo)
    wrong = revisions.Revision("0" * 40, "zero")
    with pytest.raises(UsageError, match="git cannot check zero out: ") as caught, repository.worktree(wrong):
        pass
    assert "\n" not in str(caught.value)
    assert list(scratch.iterdir()) == []


def test_outside_of_git_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is in no git repository: give two targets or two report files"):
        Repository.around(tmp_path)


def test_without_git_there_is_one_line(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="there is no git on the PATH"):
        compared()


@pytest.mark.parametrize("name", ["nowhere", "", "-h", "--all", "main..HEAD", "HEAD:my nets", "HEAD~99"])
def test_a_revision_that_is_none_is_named(name: str, repo: Path) -> None:
    with pytest.raises(UsageError, match="no revision"):
        compared(base=name)


def test_a_repository_without_a_commit_or_a_base_branch_says_so(tmp_path: Path, repo: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "empty")
    with pytest.raises(UsageError, match="empty has no commit yet"):
        Repository.around(tmp_path / "empty").merge_base({})
    git(repo, "branch", "-m", "trunk")
    with pytest.raises(
        UsageError, match=r"no base branch \(tried origin/HEAD, .*, master\); name the revision with --base"
    ):
        compared()


def test_branches_without_a_common_commit_are_named(repo: Path) -> None:
    git(repo, "checkout", "-q", "--orphan", "other")
    commit(repo)
    with pytest.raises(UsageError, match="HEAD and main have no commit in common"):
        compared()


def test_a_shallow_clone_says_how_to_get_more(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", "shallow")
    repository = Repository.around(tmp_path / "shallow")
    for ask in (lambda: repository.revision("HEAD~1"), lambda: repository.merge_base({"GITHUB_BASE_REF": "dev"})):
        with pytest.raises(UsageError, match=r"shallow clone: fetch more of it \(git fetch --unshallow"):
            ask()


def test_a_file_outside_of_the_repository_has_no_other_revision(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("Net = 'base'")
    with pytest.raises(UsageError, match="lies outside of the repository"):
        compared(str(tmp_path / "net.py"))


def test_what_is_installed_from_the_working_tree_is_not_taken_for_a_revision(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(own: bool) -> Callable[..., list[Traced]]:
        report = networks.base()
        elsewhere = f"{repo}/src/parts.py:3"
        layers = (replace(report.layers[0], place=elsewhere), *report.layers[1:])
        report = replace(report, place=elsewhere if own else "net.py:1", layers=layers)
        return lambda jobs, **_: [Traced(report, None, (), 0.1) for _ in jobs]

    monkeypatch.setattr(comparing, "trace_all", installed(own=False))
    found = compared(base="HEAD~1")
    assert isinstance(found, Changes)
    assert found.notes == (f"{repo}/src/parts.py is installed from the working tree, so it is the same on both sides",)
    monkeypatch.setattr(comparing, "trace_all", installed(own=True))
    found = compared(base="HEAD~1")
    assert isinstance(found, Failure)
    assert found.error == "net.py:Net is installed, so it is the same at every revision: name its file instead"


def test_a_target_is_compared_with_a_target_and_with_a_report(repo: Path) -> None:
    (repo / "my nets" / "other.py").write_text("Net = 'base'")
    Path("old.json").write_text(as_json.render(networks.base()))
    models = [ModelSpec(target, target) for target in ("other.py:Net", "net.py:Net")]
    for old in (models[0], Path("old.json")):
        found = compare_sides(old, models[1], Conditions())
        assert isinstance(found, Changes)
        assert (found.old.report, found.new.report) == (networks.base(), networks.wider())


@pytest.mark.parametrize("make", [reports.two_branch, reports.unet, reports.odd, reports.gated, reports.wavenet])
def test_a_report_is_read_as_it_was_written(make: Callable[[], object], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(as_json.render(make()))
    assert read_report(path) == make()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "is no JSON"),
        ("[1]", "is no complete report"),
        ("{}", "expected a report of schema rfkit.report/1, got None"),
        ('{"schema": "rfkit.report/1"}', "is no complete report"),
        ("\xff", "is no JSON"),
    ],
)
def test_a_file_that_is_no_report_says_what_writes_one(words: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(words.encode("latin-1"))
    with pytest.raises(UsageError, match=said) as caught:
        read_report(path)
    assert "rfkit report TARGET --format json writes one" in str(caught.value)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("totals", "params", "many"), ("totals", "receptive_field", 55), ("totals", "macs", 1.5),
        ("layer", "name", 3), ("layer", "output_shape", "1x3"), ("layer", "kernel_size", 3), ("layer", "params", None),
        ("report", "target", None), ("layer", "inputs", [1]),
    ],
)  # fmt: skip
def test_a_report_with_values_of_the_wrong_kind_is_none(part: str, key: str, value: object, tmp_path: Path) -> None:
    data = networks.base().to_dict()
    {"totals": data["totals"], "layer": data["layers"][0], "report": data}[part][key] = value
    path = tmp_path / "report.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="rfkit report TARGET --format json writes one"):
        read_report(path)
