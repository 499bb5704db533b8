"""The documentation's site: it builds without a warning and without a network, no link in it is dead, its figures are drawn."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from docs.figures import FIGURES, IMAGES
from tests.test_docs import ROOT, text_of

LARGEST = 60_000
"""Bytes of a figure."""


class Page(NamedTuple):
    """Targets inside a page, where it leads, and what a browser loads to show it."""

    anchors: frozenset[str]
    links: tuple[str, ...]
    loads: tuple[str, ...]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors.update(value for key in ("id", "name") if (value := found.get(key)))
        address = found.get("src" if tag in ("script", "img", "iframe") else "href")
        if address is not None:
            (self.links if tag == "a" else self.loads).append(address)


def read(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return Page(frozenset(reader.anchors), tuple(reader.links), tuple(reader.loads))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning of Sphinx fails it."""
    for package in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(package, reason=f"building the site needs {package}: pip install 'rfkit[dev]'")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*words, "-d", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): read(path) for path in site.glob("*.html")}


def test_the_site_has_every_page_of_the_documentation(pages: dict[Path, Page]) -> None:
    assert {path.stem for path in ROOT.glob("docs/*.md")} <= {path.stem for path in pages}


def dead_links(page: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Links to a file that is not there, or to a place that a page does not have."""
    for link in pages[page].links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        anchor = unquote(parts.fragment)
        if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
            yield link


def test_no_link_inside_the_site_is_dead(pages: dict[Path, Page]) -> None:
    assert {page.name: dead for page in pages if (dead := [*dead_links(page, pages)])} == {}


def test_showing_a_page_asks_nothing_of_a_network(site: Path, pages: dict[Path, Page]) -> None:
    loaded = {address for page in pages.values() for address in page.loads}
    assert loaded
    assert [address for address in loaded if urlsplit(address).netloc] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert [found for style in styles for found in re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", style)] == []


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_what_the_tool_draws_now(name: str, request: pytest.FixtureRequest) -> None:
    """``python -m docs.figures`` draws them again."""
    path, drawn = IMAGES / f"{name}.svg", FIGURES[name]()
    if request.config.getoption("--renew-goldens"):
        path.write_text(drawn, encoding="utf-8", newline="\n")
    assert path.read_bytes().decode() == drawn
    assert len(drawn) < LARGEST
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert f"(images/{name}.svg)" in text_of("docs/receptive-fields.md")
