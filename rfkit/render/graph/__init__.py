"""The network as a picture: boxes, lines and frames, drawn by Graphviz.

A Report becomes a Graph (``build``), the Graph the text of a ``.dot`` file (``source``), the text a picture (``draw``).
"""

from rfkit.render.graph.build import build
from rfkit.render.graph.dot import source
from rfkit.render.graph.drawing import check_dot, draw
from rfkit.render.graph.scales import COLORS

__all__ = ["COLORS", "build", "check_dot", "draw", "source"]
