"""A network at another git revision, in a temporary worktree that is always removed; index and working tree stay untouched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rfkit.errors import UsageError

DEFAULTS = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""What the base branch is called where nothing says so, the first that exists."""

_SHALLOW = (
    "fetch more of it (git fetch --unshallow; fetch-depth: 0 of actions/checkout), or name the revision with --base"
)
_QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false")


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit.

    Attributes:
        commit: its full hash.
        name: what to call it: ``main (a1b2c3d)``.
    """

    commit: str
    name: str


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository around a folder.

    Attributes:
        root: its top folder, without links.
        folder: the folder, relative to ``root``.
    """

    root: Path
    folder: Path

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """The repository that a folder belongs to.

        Raises:
            UsageError: it belongs to none, or there is no git.
        """
        found = _git(folder, "rev-parse", "--show-toplevel")
        if found.returncode or not found.stdout.strip():
            if "dubious ownership" in found.stderr:
                raise UsageError(
                    f"git does not trust {folder}: it belongs to another user; see git help safe.directory"
                )
            raise UsageError(f"{folder} is in no git repository: give two targets or two report files to compare")
        root = Path(found.stdout.rstrip("\n")).resolve()
        return cls(root, folder.resolve().relative_to(root))

    def revision(self, name: str) -> Revision:
        """The commit that a branch, a tag, a hash or an expression such as ``HEAD~2`` names.

        Raises:
            UsageError: there is no such commit here.
        """
        commit = self._commit(name)
        if commit is None:
            hint = f"; this is a shallow clone: {_SHALLOW}" if self._is_shallow() else "; git fetch, or another name"
            raise UsageError(f"no revision {name!r} in {self.root.name}{hint}")
        short = commit[:7]
        return Revision(commit, short if commit.startswith(name) else f"{name} ({short})")

    def merge_base(self, environment: Mapping[str, str]) -> Revision:
        """Where the current branch left the base branch: that of the pull request, else the remote's, else ``main``.

        Args:
            environment: where ``GITHUB_BASE_REF`` may say which branch that is.

        Raises:
            UsageError: there is no such branch, nothing in common with it, or no commit yet.
        """
        if self._commit("HEAD") is None:
            raise UsageError(f"{self.root.name} has no commit yet: there is nothing to compare with")
        wanted = environment.get("GITHUB_BASE_REF", "").strip()
        names = (f"origin/{wanted}", wanted) if wanted else DEFAULTS
        branch = next((name for name in names if self._commit(name)), None)
        if branch is None:
            lost = f"no branch {wanted!r} here" if wanted else f"no base branch (tried {', '.join(names)})"
            hint = f"this is a shallow clone: {_SHALLOW}" if self._is_shallow() else "name the revision with --base"
            raise UsageError(f"{lost}; {hint}")
        commit = self._git("merge-base", "HEAD", branch).stdout.strip()
        if not commit:
            hint = f"this is a shallow clone: {_SHALLOW}" if self._is_shallow() else "name the revision with --base"
            raise UsageError(f"HEAD and {branch} have no commit in common; {hint}")
        return Revision(commit, f"{branch} ({commit[:7]})")

    @contextmanager
    def worktree(self, revision: Revision) -> Iterator[Path]:
        """The folder as it was at a revision, in a worktree that is gone after the block, also on Ctrl-C and SIGTERM.

        No hook runs and nothing of the user's repository is changed; submodules and files in LFS are left out.

        Raises:
            UsageError: git cannot make the worktree.
        """
        with _interrupted_by_term():
            scratch = Path(tempfile.mkdtemp(prefix="rfkit-diff-")).resolve()
            tree = scratch / "tree"
            try:
                made = self._git(*_QUIET, "worktree", "add", "--force", "--detach", str(tree), revision.commit)
                if made.returncode:
                    raise UsageError(f"git cannot check {revision.name} out: {_last_line(made.stderr)}")
                inside = tree / self.folder
                inside.mkdir(parents=True, exist_ok=True)
                yield inside
            finally:
                with _uninterrupted():
                    self._remove(scratch, tree)

    def _remove(self, scratch: Path, tree: Path) -> None:
        """Remove a worktree and what git noted of it, however far it got."""
        self._git("worktree", "remove", "--force", "--force", str(tree))
        shutil.rmtree(scratch, ignore_errors=True)
        common = self._git("rev-parse", "--git-common-dir").stdout.rstrip("\n")
        for note in (self.root / common / "worktrees").glob("*/gitdir"):
            with suppress(OSError):
                if note.read_text(encoding="utf-8").startswith(f"{scratch}{os.sep}"):
                    shutil.rmtree(note.parent, ignore_errors=True)

    def _commit(self, name: str) -> str | None:
        if not name or name.startswith("-"):
            return None
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return found.stdout.strip() or None if found.returncode == 0 else None

    def _is_shallow(self) -> bool:
        return self._git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"

    def _git(self, *words: str) -> subprocess.CompletedProcess[str]:
        return _git(self.root, *words)


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, whatever repository a hook that runs us has named in the environment.

    Raises:
        UsageError: there is no git.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    try:
        return subprocess.run(
            ["git", *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError as error:
        if folder.is_dir():
            raise UsageError("there is no git on the PATH: give two targets or two report files to compare") from error
        raise UsageError(f"there is no folder {folder}") from error


_LOCAL = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_NAMESPACE"),
)
"""What git sets for a hook (``git rev-parse --local-env-vars``); with its index, our worktree would be the user's."""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ") if lines else "it does not say why"


@contextmanager
def _interrupted_by_term() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind like Ctrl-C, so that what has to be removed is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDINGS}
    try:
        yield
    finally:
        _restore(before)


def _restore(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None:
            signal.signal(number, handler)


_ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let nobody interrupt what is done here, git's own processes included."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_ENDINGS)}
    try:
        yield
    finally:
        _restore(before)
