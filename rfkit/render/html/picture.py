"""The picture that fields are drawn on, at the size of the input: the reader's own, or a small landscape of ours."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rfkit.image_files import read_image

LARGEST = 640
"""Pixels of the longer side beyond which a picture is made smaller: it is there to be looked at."""

SMALL = 64 * 64
"""Pixels up to which PNG is smaller than JPEG, or nearly, and sharper."""

FINER = 4

Point = tuple[float, float]
Colour = tuple[int, int, int]

SKY: tuple[Colour, Colour] = ((88, 142, 196), (244, 222, 190))
SUN: Colour = (255, 240, 205)
RANGES: Sequence[tuple[Colour, Sequence[Point]]] = (
    ((122, 146, 176), ((0, 0.55), (0.16, 0.36), (0.27, 0.47), (0.44, 0.25), (0.62, 0.5), (0.8, 0.34), (1, 0.54))),
    ((84, 112, 128), ((0, 0.6), (0.2, 0.52), (0.38, 0.6), (0.6, 0.49), (0.82, 0.6), (1, 0.52))),
    ((98, 132, 86), ((0, 0.7), (0.22, 0.63), (0.5, 0.69), (0.78, 0.62), (1, 0.68))),
    ((72, 106, 66), ((0, 0.84), (0.3, 0.76), (0.64, 0.83), (1, 0.75))),
)
SNOW: Sequence[Sequence[Point]] = (
    ((0.44, 0.25), (0.497, 0.329), (0.455, 0.315), (0.425, 0.34), (0.393, 0.312)),
    ((0.16, 0.36), (0.192, 0.392), (0.16, 0.405), (0.131, 0.396)),
)
WALL, ROOF, DOOR = (236, 226, 206), (168, 72, 54), (96, 64, 48)
TRUNK, CROWNS = (88, 66, 50), ((48, 84, 58), (62, 100, 66))
TREES: Sequence[tuple[float, float, float]] = ((0.13, 0.86, 0.3), (0.23, 0.9, 0.22), (0.9, 0.92, 0.26))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside a page: where it is, as a ``data:`` address, and what to say of it."""

    address: str
    caption: str


def sample(height: int, width: int, channels: int = 3) -> Picture:
    """A landscape drawn for an input of this size; grey where the input has one channel."""
    size = _shown_size(height, width)
    image = _landscape(*size)
    return Picture(_address(image, channels), "A drawn landscape")


def from_file(path: Path, height: int, width: int, channels: int = 3) -> Picture:
    """The reader's picture, its middle cut to the shape of the input and resized to its size.

    Raises:
        UsageError: if there is no such file, no picture in it, or too large a one.
    """
    fitted = read_image(path, *_shown_size(height, width))
    return Picture(_address(fitted, channels), f"{path.name}, its middle resized to {height}x{width}")


def _shown_size(height: int, width: int) -> tuple[int, int]:
    scale = min(1, LARGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _address(image: Image.Image, channels: int) -> str:
    if channels == 1:
        image = image.convert("L")
    small = image.width * image.height <= SMALL
    data = io.BytesIO()
    if small:
        image.save(data, "PNG", optimize=True)
    else:
        image.save(data, "JPEG", quality=88, optimize=True)
    return f"data:image/{'png' if small else 'jpeg'};base64,{base64.b64encode(data.getvalue()).decode()}"


def _landscape(height: int, width: int) -> Image.Image:
    """Sky, sun, mountains, meadows, a house and trees, drawn finer and made smaller so that edges are smooth."""
    tall, wide = height * FINER, width * FINER
    image = _sky(tall, wide)
    draw = ImageDraw.Draw(image)
    unit = min(tall, wide)

    def scaled(points: Sequence[Point]) -> list[Point]:
        return [(x * wide, y * tall) for x, y in points]

    _disc(draw, (0.76 * wide, 0.19 * tall), 0.075 * unit, SUN)
    for colour, ridge in RANGES:
        draw.polygon(scaled([*ridge, (1, 1), (0, 1)]), fill=colour)
        if ridge is RANGES[0][1]:
            for peak in SNOW:
                draw.polygon(scaled(peak), fill=(240, 242, 245))
    _house(draw, (0.58 * wide, 0.8 * tall), 0.2 * unit)
    for x, y, size in TREES:
        _tree(draw, (x * wide, y * tall), size * unit)
    return image.resize((width, height), Image.Resampling.BOX)


def _sky(height: int, width: int) -> Image.Image:
    share = np.linspace(0, 1.4, height).clip(0, 1)[:, None, None]
    colours = np.array(SKY[0]) * (1 - share) + np.array(SKY[1]) * share
    return Image.fromarray(np.broadcast_to(colours, (height, width, 3)).astype(np.uint8))


def _disc(draw: ImageDraw.ImageDraw, centre: Point, radius: float, colour: Colour) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _house(draw: ImageDraw.ImageDraw, foot: Point, size: float) -> None:
    x, y = foot
    draw.rectangle((x, y - 0.5 * size, x + size, y), fill=WALL)
    draw.polygon(
        [(x - 0.12 * size, y - 0.48 * size), (x + 0.5 * size, y - size), (x + 1.12 * size, y - 0.48 * size)], fill=ROOF
    )
    draw.rectangle((x + 0.58 * size, y - 0.34 * size, x + 0.8 * size, y), fill=DOOR)
    draw.rectangle((x + 0.16 * size, y - 0.36 * size, x + 0.4 * size, y - 0.14 * size), fill=(120, 158, 190))


def _tree(draw: ImageDraw.ImageDraw, foot: Point, size: float) -> None:
    x, y = foot
    draw.rectangle((x - 0.05 * size, y - 0.3 * size, x + 0.05 * size, y), fill=TRUNK)
    for colour, low, high, half in ((CROWNS[0], 0.2, 0.8, 0.26), (CROWNS[1], 0.48, 1.0, 0.19)):
        draw.polygon(
            [(x - half * size, y - low * size), (x, y - high * size), (x + half * size, y - low * size)], fill=colour
        )
