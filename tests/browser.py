"""Pages in headless Chromium. What a page logs and asks the network for is recorded; a page of ours may do neither."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass
class Opened:
    """A page that is open, and what it has logged and requested since."""

    page: Any
    said: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def windows() -> Iterator[Callable[[bool], Any]]:
    """A window of the system's Chromium, light or dark; the test is skipped where there is none, or no playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no Chromium here: none of {', '.join(NAMES)} is on the path")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        contexts: dict[bool, Any] = {}

        def window(dark: bool) -> Any:
            if dark not in contexts:
                contexts[dark] = browser.new_context(color_scheme="dark" if dark else "light", offline=True)
            return contexts[dark].new_page()

        yield window
        browser.close()


@pytest.fixture
def opened(windows: Callable[[bool], Any], tmp_path: Path) -> Iterator[Open]:
    """``opened(html, fragment, width=..., height=..., dark=...)`` opens a page from a file; see ``Opened``."""
    pages: list[Any] = []

    def open_page(html: str, fragment: str = "", *, width: int = 1280, height: int = 800, dark: bool = False) -> Opened:
        file = tmp_path / f"page{len(pages)}.html"
        file.write_text(html, encoding="utf-8")
        found = Opened(windows(dark))
        pages.append(found.page)
        found.page.set_viewport_size({"width": width, "height": height})
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("pageerror", lambda error: found.said.append(str(error)))
        found.page.on("request", lambda request: found.requested.append(request.url))
        found.page.goto(file.as_uri() + fragment)
        return found

    yield open_page
    for page in pages:
        page.close()
