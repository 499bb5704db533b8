"""Finds the shared folder of documents and measured cases, which lies next to the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


def shared_path(*parts: str) -> Path:
    """Return a path inside the shared folder.

    Without the folder the test (or, at import, the test module) is skipped. A path that is missing from an existing
    folder is an error: a misspelt name must not pass for an absent folder.
    """
    if not SHARED.is_dir():
        pytest.skip(
            f"no shared folder at {SHARED}: the documents and measured cases are not here", allow_module_level=True
        )
    path = SHARED.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{path} is not in the shared folder")
    return path
