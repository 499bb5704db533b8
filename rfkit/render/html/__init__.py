"""The report as one self-contained page that nothing is loaded for: graph, table, and what every unit sees on a picture."""

from rfkit.render.html.data import plane
from rfkit.render.html.page import Rule, Verdict, render
from rfkit.render.html.picture import Picture, from_file, sample

__all__ = ["Picture", "Rule", "Verdict", "from_file", "plane", "render", "sample"]
