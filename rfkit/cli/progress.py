"""A line on a terminal that says what is being done, and is gone afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 0.1
"""Seconds between two pictures of the line."""


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """What is told what is being done shows it on stderr, where that is a terminal, and takes it back at the end.

    It writes nothing anywhere else, and prints of the network go where they went before.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    shown = -EVERY
    with Live(
        console=Console(file=sys.stderr),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:

        def tell(what: str) -> None:
            nonlocal shown
            if time.monotonic() >= shown + EVERY:
                shown = time.monotonic()
                live.update(Text(what, style="dim", no_wrap=True, overflow="ellipsis"), refresh=True)

        yield tell
