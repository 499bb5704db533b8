"""``shapes``: ten classes of drawn shapes, the same on every machine, so that a training runs without a download.

A shape's colour, size, place and angle vary, and so do the background (a gradient under a few stray lines) and the
noise. Shapes are polygons, drawn four times as large and averaged down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from trainer.data.contents import Contents, Source, array_batches
from trainer.data.decode import recoded
from trainer.data.splits import PARTS, TEST, TRAIN

SIDE = 32
COUNTS = {TRAIN: 10_000, TEST: 2_000}
_VERSION = 1
_FINE = 4
_CONTRAST = 60.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Points = list[tuple[float, float]]


def shapes_source(channels: int, size: int) -> Source:
    """The drawn shapes as a source; nothing is read, the drawing is cached like any other."""
    return Source(
        name="shapes",
        place="shapes",
        identity=f"shapes {channels} {size}",
        fingerprint=f"version {_VERSION}".replace(" ", "-"),
        contents=lambda: _contents(channels, size),
    )


@contextmanager
def _contents(channels: int, size: int) -> Iterator[Contents]:
    classes = tuple(sorted(OUTLINES))
    labels = {part: np.arange(count) % len(classes) for part, count in COUNTS.items()}
    yield Contents(
        classes=classes,
        names=[
            f"{part}/{classes[label]}/{row:05d}" for part in labels for row, label in enumerate(labels[part].tolist())
        ],
        labels=np.concatenate(list(labels.values())),
        parts=np.repeat([PARTS.index(part) for part in COUNTS], list(COUNTS.values())).astype(np.int8),
        batches=lambda: array_batches(
            [draw(labels[part], np.random.default_rng([_VERSION, PARTS.index(part)])) for part in COUNTS],
            lambda piece: recoded(piece, channels, size),
        ),
    )


def draw(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a shape for each label, (N, 32, 32, 3): a function of the labels and the generator's state."""
    count = len(labels)
    names = sorted(OUTLINES)
    radius = rng.uniform(0.24, 0.44, count) * SIDE
    centre = rng.uniform(-1, 1, (count, 2)) * np.maximum(0.5 * SIDE - radius, 0)[:, None] + SIDE / 2
    angle = rng.uniform(-pi, pi, count)
    stretch = rng.uniform(0.85, 1.0, count)
    lines = rng.uniform(0, SIDE, (count, 3, 4))
    drawn = rng.integers(0, 4, count)
    masks = np.empty((2, count, SIDE, SIDE), np.float32)
    for row, label in enumerate(labels.tolist()):
        place = (centre[row], radius[row], angle[row], stretch[row])
        masks[0, row] = _mask([_placed(outline, *place) for outline in OUTLINES[names[label]]])
        masks[1, row] = _scratches(lines[row, : drawn[row]])
    masks /= 255
    return _painted(masks[0, ..., None], masks[1, ..., None], rng)


def _painted(shape: NDArray[np.float32], lines: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Colour the masks (N, H, W, 1), in 0..1: background, lines over it, the shape over both, then noise."""
    count = len(shape)
    ends = rng.uniform(20, 235, (2, count, 1, 1, 3)).astype(np.float32)
    slope = rng.uniform(0, 2 * pi, count).astype(np.float32)[:, None, None, None]
    y, x = (np.mgrid[:SIDE, :SIDE].astype(np.float32) / (SIDE - 1) - 0.5)[:, None, :, :, None]
    ramp = np.clip(0.5 + 0.7 * (x * np.cos(slope) + y * np.sin(slope)), 0, 1)
    image = ends[0] + 0.6 * (ends[1] - ends[0]) * ramp
    ink = rng.uniform(0, 255, (count, 1, 1, 3)).astype(np.float32)
    image += lines * 0.7 * (ink - image)
    image += shape * (_contrasting(image, rng) - image)
    image += rng.standard_normal(image.shape, np.float32) * rng.uniform(2, 14, (count, 1, 1, 1)).astype(np.float32)
    painted: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return painted


def _contrasting(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A random colour for each image, moved away from its mean brightness where it lies too near."""
    colour = rng.uniform(0, 255, (len(image), 1, 1, 3)).astype(np.float32)
    behind = (image @ _LUMA).mean((1, 2))[:, None, None, None]
    apart = (colour @ _LUMA)[..., None] - behind
    towards = np.where(behind > 127, -1.0, 1.0).astype(np.float32)
    moved = colour + np.where(np.abs(apart) < _CONTRAST, towards * _CONTRAST - apart, 0)
    return np.clip(moved, 0, 255)


def _placed(outline: Points, centre: NDArray[np.float64], radius: float, angle: float, stretch: float) -> Points:
    """An outline of radius 1 about the origin, where it goes in the fine drawing."""
    c, s = cos(angle) * radius * _FINE, sin(angle) * radius * _FINE
    left, top = centre * _FINE
    return [(left + c * x * stretch - s * y, top + s * x * stretch + c * y) for x, y in outline]


def _mask(outlines: list[Points]) -> NDArray[np.uint8]:
    """The first outline filled, the others cut out of it, (32, 32) in 0..255."""
    fine = Image.new("L", (SIDE * _FINE, SIDE * _FINE))
    pen = ImageDraw.Draw(fine)
    for number, outline in enumerate(outlines):
        pen.polygon(outline, fill=0 if number else 255)
    return np.asarray(fine.reduce(_FINE))


def _scratches(lines: NDArray[np.float64]) -> NDArray[np.uint8]:
    fine = Image.new("L", (SIDE * _FINE, SIDE * _FINE))
    pen = ImageDraw.Draw(fine)
    for line in lines * _FINE:
        pen.line([*line.tolist()], fill=255, width=_FINE)
    return np.asarray(fine.reduce(_FINE))


def _ring(corners: int, radius: float = 1.0, x: float = 0.0) -> Points:
    """A regular polygon; of many corners, a circle."""
    turns = [2 * pi * corner / corners - pi / 2 for corner in range(corners)]
    return [(x + radius * cos(turn), radius * sin(turn)) for turn in turns]


def _star() -> Points:
    outer, inner = _ring(5), [(-x, -y) for x, y in _ring(5, 0.42)]
    return [point for tip in range(5) for point in (outer[tip], inner[(tip + 3) % 5])]


def _cross(arm: float = 0.3) -> Points:
    quarter = [(arm, -1.0), (arm, -arm), (1.0, -arm)]
    turned: list[Callable[[float, float], tuple[float, float]]] = [
        lambda x, y: (x, y),
        lambda x, y: (-y, x),
        lambda x, y: (-x, -y),
        lambda x, y: (y, -x),
    ]
    return [turn(x, y) for turn in turned for x, y in quarter]


def _heart() -> Points:
    """The curve x = 16 sin³t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, scaled to radius 1."""
    turns = [2 * pi * step / 48 for step in range(48)]
    return [(sin(t) ** 3, -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t) + 2.5) / 16) for t in turns]


OUTLINES: dict[str, list[Points]] = {
    "arrow": [[(0, -1), (0.75, -0.2), (0.28, -0.2), (0.28, 1), (-0.28, 1), (-0.28, -0.2), (-0.75, -0.2)]],
    "circle": [_ring(48, 0.9)],
    "crescent": [_ring(48), _ring(48, 0.85, 0.5)],
    "cross": [_cross()],
    "heart": [_heart()],
    "pentagon": [_ring(5)],
    "ring": [_ring(48), _ring(48, 0.55)],
    "square": [_ring(4)],
    "star": [_star()],
    "triangle": [_ring(3)],
}
