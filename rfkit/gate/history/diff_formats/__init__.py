"""One file per form of a diff: ``render(compared, options) -> str``. Nothing here prints or writes.

Forms that only know findings (JUnit, SARIF, GitHub's, GitLab's) are those of the gate: a figure that got worse is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module

from rfkit.gate.findings import Severity
from rfkit.gate.formats import FORMATS as OF_FINDINGS
from rfkit.gate.formats.options import Options
from rfkit.gate.history.changes import Compared, outcome

OWN = {"full": "full", "concise": "concise", "json": "as_json", "markdown": "markdown", "csv": "as_csv"}
"""Forms of changes, and the file behind each."""
FORMATS = (*OWN, "junit", "sarif", "github", "gitlab")
"""What ``--format`` takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a diff is rendered.

    Attributes:
        options: those of the gate's formats.
        tolerance: share of a figure by which it may be worse.
        fails: whether a figure that is worse makes the command fail.
        all_layers: also the layers that have another name only, or only follow from others.
    """

    options: Options = field(default_factory=Options)
    tolerance: Fraction = Fraction(0)
    fails: bool = False
    all_layers: bool = False


def render(form: str, compared: Sequence[Compared], settings: Settings) -> str:
    """Comparisons in one of ``FORMATS``, ending in a newline; empty where there is nothing to say."""
    if form in OWN:
        found: Callable[[Sequence[Compared], Settings], str] = import_module(f"{__name__}.{OWN[form]}").render
        return found(compared, settings)
    severity = Severity.ERROR if settings.fails else Severity.WARNING
    return OF_FINDINGS[form](outcome(compared, settings.tolerance, severity), settings.options)
