"""What a form may be told besides the outcome."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

from rfkit import __version__


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of all forms; each form reads those that concern it.

    Attributes:
        width: columns of the terminal, for the forms for people.
        color: with ANSI colours, for the forms for people.
        quiet: only what makes the check fail, for the forms for people.
        root: folder that the machine forms write paths relative to, usually the repository's root; None: the current one.
        versions: of what the numbers depend on, by name; None: those that are installed.
        now: when the check ran; None: now.
    """

    width: int = 80
    color: bool = False
    quiet: bool = False
    root: Path | None = None
    versions: Mapping[str, str] | None = None
    now: datetime | None = None


def installed_versions() -> dict[str, str]:
    """Versions of rfkit, Python and torch, read without importing torch; what is not installed is left out."""
    found = {"rfkit": __version__, "python": platform.python_version()}
    try:
        found["torch"] = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return found
    return found
