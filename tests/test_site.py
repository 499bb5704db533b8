"""The documentation's site: it builds without a warning and without a network, no link is dead, figures are drawn, pages fit."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from docs.figures import FIGURES, IMAGES
from tests.browser import windows
from tests.test_docs import ROOT, text_of

__all__ = ["windows"]

LARGEST = 60_000
"""Bytes of a figure."""

TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll("[role=main] .table-wrapper, [role=main] pre")]
    .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.innerText.slice(0, 80))"""
"""What one must scroll to the side to read: the page itself, tables, blocks of code."""

WRAPPED = """() => [...document.querySelectorAll("[role=main] pre")].filter((block) => {
    const lines = block.textContent.trimEnd().split("\\n"), style = getComputedStyle(block);
    const height = block.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const longest = Math.max(...lines.map((line) => line.length));
    return longest <= 120 && height > (lines.length + 0.5) * parseFloat(style.lineHeight);
}).map((block) => block.innerText.slice(0, 80))"""
"""Blocks of lines that a terminal of 120 columns does not wrap, and the page does."""

PAGE_TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth ? [document.title] : []"

QUESTIONS = {
    **{f"too wide at {width}": (width, TOO_WIDE) for width in (1280, 1440, 1600)},
    "too wide at 400": (400, PAGE_TOO_WIDE),
    "wrapped": (1280, WRAPPED),
}
"""What the pages are asked, and in a window of which width."""


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


def test_each_picture_of_the_gallery_leads_to_its_own_file(site: Path) -> None:
    shown = re.findall(r'<a [^>]*href="([^"]+)"[^>]*><img [^>]*src="([^"]+)"', (site / "gallery.html").read_text())
    named = re.findall(r"\]\((gallery/[\w-]+\.svg)\)", text_of("docs/gallery.md"))
    assert len(shown) == len(named) == len([*(ROOT / "docs/gallery").iterdir()])
    for (link, picture), name in zip(shown, named, strict=True):
        assert link == picture
        assert (site / link).read_bytes() == (ROOT / "docs" / name).read_bytes()


@pytest.fixture(scope="module")
def answers(site: Path, windows: Callable[[bool], Any]) -> dict[str, dict[str, list[str]]]:
    """What each page answers to each question, where that is anything."""
    window = windows(False)
    paths = sorted(site.glob("*.html"))
    found: dict[str, dict[str, list[str]]] = {name: {} for name in QUESTIONS}
    for path in paths:
        window.goto(path.as_uri())
        for name, (width, question) in QUESTIONS.items():
            window.set_viewport_size({"width": width, "height": 800})
            found[name][path.name] = window.evaluate(question)
    assert len(paths) > len([*ROOT.glob("docs/*.md")])
    return {name: {page: answer for page, answer in by.items() if answer} for name, by in found.items()}


@pytest.mark.parametrize("width", [1280, 1440, 1600])
def test_nothing_is_wider_than_its_page(width: int, answers: dict[str, dict[str, list[str]]]) -> None:
    assert answers[f"too wide at {width}"] == {}


def test_what_fits_into_a_terminal_is_not_wrapped(answers: dict[str, dict[str, list[str]]]) -> None:
    assert answers["wrapped"] == {}


def test_a_phone_scrolls_tables_and_code_and_not_the_page(answers: dict[str, dict[str, list[str]]]) -> None:
    assert answers["too wide at 400"] == {}


def test_the_questions_find_what_they_ask_for(site: Path, windows: Callable[[bool], Any]) -> None:
    window = windows(False)
    window.set_viewport_size({"width": 1280, "height": 800})
    window.goto((site / "erf.html").as_uri())
    window.add_style_tag(content=".highlight pre { max-width: 30em; }")
    assert len(window.evaluate(WRAPPED)) > 1
    window.add_style_tag(content=".highlight pre { white-space: pre !important; } .main { width: 2000px; flex: none; }")
    assert len(window.evaluate(TOO_WIDE)) > 2
    assert window.evaluate(PAGE_TOO_WIDE) != []


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
