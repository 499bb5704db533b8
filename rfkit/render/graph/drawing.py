"""From source text to a picture, by the ``dot`` program of Graphviz."""

from __future__ import annotations

import shutil

from rfkit.errors import UsageError


def check_dot() -> None:
    """Raise a UsageError that says how to install it where there is no ``dot`` program."""
    if shutil.which("dot") is None:
        raise UsageError(
            "a picture needs the dot program of Graphviz, which is not installed: apt install graphviz, brew install "
            "graphviz or winget install graphviz; a file that ends in .dot can be written without it"
        )


def draw(source: str, form: str) -> bytes:
    """The picture as ``svg``, ``pdf`` or ``png``.

    Raises:
        UsageError: ``dot`` is missing, or refuses.
    """
    check_dot()
    import graphviz

    try:
        picture: bytes = graphviz.Source(source).pipe(format=form, quiet=True)
    except graphviz.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip() or f"exit code {error.returncode}"
        raise UsageError(f"dot cannot draw it: {said}") from error
    return picture
