"""Noticing, while a target's file runs, what it does to the process that it runs in.

The interpreter's audit events tell of forks, signals and changes of directory, and cannot be unsubscribed from. Standard
streams are attributes of ``sys``, which is given a class that notices when they are replaced. The loader puts most of
this back later on; here it counts that it was done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from rfkit.isolation import processes

_STREAMS = ("stdin", "stdout", "stderr")
_FORKS = 'forks (os.fork, multiprocessing): processes are started under if __name__ == "__main__"'
_LOADER = "rfkit.target.importing"


class Watch:
    """Watches this process from ``begin`` on, for the rest of its life."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._replaced: dict[str, object] = {}
        self._home = self._folder = ""

    def begin(self) -> None:
        """Start watching."""
        self._home = self._folder = os.getcwd()
        self._tracers = sys.gettrace(), sys.getprofile()
        self._watch_streams()
        sys.addaudithook(self._hook())

    def problem(self) -> str | None:
        """What the file did and has not undone, with the remedy; None where it left the process alone."""
        if self._done:
            return self._done[0]
        if processes.forked():
            return _FORKS
        if self._folder != self._home:
            return "changes directory (os.chdir): use paths relative to __file__ instead"
        for name in _STREAMS:
            if name in self._replaced:
                return f"replaces sys.{name}: take that out, or use contextlib.redirect_{name} around what needs it"
        if (sys.gettrace(), sys.getprofile()) != self._tracers:
            return "leaves a trace function on (sys.settrace or sys.setprofile): take that out"
        return None

    def _hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        handlers: dict[str, Callable[..., None]] = {
            "os.fork": self._fork,
            "os.forkpty": self._fork,
            "os.exec": self._exec,
            "os.kill": self._kill,
            "os.killpg": self._kill_group,
            "os.chdir": self._chdir,
        }

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            handler = handlers.get(event)
            if handler is not None:
                handler(*arguments)

        return hook

    def _refuse(self, what: str) -> None:
        self._done.append(what)
        raise RuntimeError(f"the file {what}")

    def _fork(self) -> None:
        self._refuse(_FORKS)

    def _exec(self, *_: object) -> None:
        self._refuse("replaces its process by another program (os.exec): take that out")

    def _kill(self, pid: int, number: int) -> None:
        if number and pid not in (0, os.getpid()) and pid not in processes.descendants(os.getpid()):
            self._refuse("sends signals to processes that it did not start (os.kill): take that out")

    def _kill_group(self, group: int, number: int) -> None:
        if number and group not in (0, os.getpgid(0)) and group not in processes.descendants(os.getpid()):
            self._refuse("sends signals to processes that it did not start (os.killpg): take that out")

    def _chdir(self, path: Any) -> None:
        if sys._getframe(2).f_globals.get("__name__") != _LOADER:
            named = f"/proc/self/fd/{path}" if isinstance(path, int) else os.fsdecode(path)
            self._folder = os.path.realpath(named)

    def _watch_streams(self) -> None:
        replaced = self._replaced

        class Watched(ModuleType):
            """``sys``, which notices when a standard stream is replaced by other code than ``contextlib``."""

            def __setattr__(self, name: str, value: object) -> None:
                if name in _STREAMS and sys._getframe(1).f_globals.get("__name__") != "contextlib":
                    found = replaced.setdefault(name, getattr(sys, name))
                    if value is found or value is getattr(sys, f"__{name}__"):
                        del replaced[name]
                super().__setattr__(name, value)

        sys.__class__ = Watched
