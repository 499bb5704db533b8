"""Figures of a run, drawn from its folder without torch. ``FIGURES`` lists them, each drawn by a function of its own."""

from trainer.figures.catalogue import FIGURES, Drawn, NothingToDrawError, draw_all, draw_png, draw_svg
from trainer.figures.style import DARK, LIGHT, Theme

__all__ = ["DARK", "FIGURES", "LIGHT", "Drawn", "NothingToDrawError", "Theme", "draw_all", "draw_png", "draw_svg"]
