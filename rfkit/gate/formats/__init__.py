"""One file per form of an outcome: ``render(outcome, options) -> str``. Nothing here prints or writes; standard library only.

``FORMATS["junit"](outcome)`` renders a form; the file behind it is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from rfkit.gate.findings import Outcome
from rfkit.gate.formats.options import Options

if TYPE_CHECKING:
    from typing import Protocol

    class Render(Protocol):
        """What every form is: a pure function."""

        def __call__(self, outcome: Outcome, options: Options = ...) -> str:
            """The outcome in this form, ending in a newline; empty where there is nothing to say."""


def _form(module: str) -> Render:
    def render(outcome: Outcome, options: Options | None = None) -> str:
        found: Callable[[Outcome, Options], str] = import_module(f"{__name__}.{module}").render
        return found(outcome, options or Options())

    return render


FORMATS: Mapping[str, Render] = {
    "full": _form("full"),
    "concise": _form("concise"),
    "json": _form("as_json"),
    "junit": _form("junit"),
    "sarif": _form("sarif"),
    "github": _form("github"),
    "gitlab": _form("gitlab"),
    "markdown": _form("markdown"),
    "csv": _form("as_csv"),
}
"""Forms by the name that ``--format`` takes."""

FOR_PEOPLE = frozenset({"full", "concise"})
"""Forms for a terminal; the others are for machines, and stand alone on stdout."""


def step_summary(outcome: Outcome, options: Options | None = None) -> str:
    """What goes into the file that ``$GITHUB_STEP_SUMMARY`` names: Markdown of less than 1 MiB."""
    from rfkit.gate.formats import github

    return github.step_summary(outcome, options or Options())
