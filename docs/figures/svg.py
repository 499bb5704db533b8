"""Just enough SVG: shapes with classes, in one style sheet for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

WIDTH = 720

STYLE = """
  svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  .paper { fill: #ffffff; stroke: #d5dae1; }
  .ink { fill: #1d232b; } .soft { fill: #5b6570; } .head { fill: #1d232b; font-weight: 600; }
  .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12px; }
  .pixel { fill: #f3f5f8; stroke: #c3cad3; } .padding { fill: none; stroke: #c3cad3; stroke-dasharray: 3 2; }
  .a { fill: #2b6cb0; } .b { fill: #c05621; } .c { fill: #2f855a; }
  .a-line { stroke: #2b6cb0; } .b-line { stroke: #c05621; } .c-line { stroke: #2f855a; }
  .a-text { fill: #2b6cb0; } .b-text { fill: #b04a14; } .c-text { fill: #27734c; }
  .line { fill: none; stroke-width: 2; } .thin { fill: none; stroke-width: 1; }
  .grid { stroke: #e3e7ec; fill: none; } .axis { stroke: #5b6570; fill: none; } .faint { stroke-opacity: 0.35; }
  .outline { fill: none; stroke-width: 1.5; stroke-dasharray: 4 3; } .see { fill-opacity: 0.16; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #171b21; stroke: #39424d; }
    .ink, .head { fill: #e6eaf0; } .soft { fill: #a4aebb; }
    .pixel { fill: #232a33; stroke: #4a5563; } .padding { stroke: #4a5563; }
    .a { fill: #63a4e8; } .b { fill: #f0934f; } .c { fill: #5fc08d; }
    .a-line { stroke: #63a4e8; } .b-line { stroke: #f0934f; } .c-line { stroke: #5fc08d; }
    .a-text { fill: #7db4ee; } .b-text { fill: #f3a46a; } .c-text { fill: #72caa0; }
    .grid { stroke: #2c343e; } .axis { stroke: #a4aebb; }
  }
"""


def drawing(height: int, title: str, shapes: Iterable[str]) -> str:
    """A whole file: the shapes on a sheet of paper, with a title that screen readers say."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="title">\n<title id="title">{escape(title)}</title>\n<style>{STYLE}</style>\n'
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>\n'
        + "\n".join(shapes)
        + "\n</svg>\n"
    )


def number(value: float) -> str:
    """A coordinate: at most two decimals, without zeros behind."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def rect(x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> str:
    """A rectangle of a class."""
    corner = f' rx="{number(radius)}"' if radius else ""
    return f'<rect class="{kind}" x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"{corner}/>'


def line(points: Iterable[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return f'<polyline class="{kind}" points="{path}"/>'


def dot(x: float, y: float, kind: str, radius: float = 4) -> str:
    """A filled circle."""
    return f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"/>'


def text(x: float, y: float, words: str, kind: str = "ink", anchor: str = "start") -> str:
    """A line of text; ``anchor`` is start, middle or end."""
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def span(x0: float, x1: float, y: float, kind: str) -> list[str]:
    """A measure from one place to another: a line with a stroke at either end."""
    return [
        line([(x0, y), (x1, y)], kind),
        line([(x0, y - 4), (x0, y + 4)], kind),
        line([(x1, y - 4), (x1, y + 4)], kind),
    ]
