"""Images as they go into the page: figures in both themes, and small PNGs, all as data: addresses."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.figures import DARK, FIGURES, LIGHT, NothingToDrawError, draw_svg
from trainer.figures.mistakes import EXPLAINED, overlaid
from trainer.record import Record
from trainer.stored_evaluation import Evaluation

SIDE = 128
"""Least side of a small image in the page, in pixels: smaller ones are repeated, so that no browser blurs them."""


@dataclass(frozen=True)
class Picture:
    """A figure: the same in light and dark, and what it shows in words."""

    light: str
    dark: str
    alt: str


@dataclass(frozen=True)
class Mistake:
    """A misclassified image.

    Attributes:
        expected: its class.
        predicted: what it was taken for.
        sure: the probability of that, in percent.
        likely: the probability of its class, in percent.
        name: of the image inside its source.
        image: data: address.
        maps: data: addresses of Grad-CAM for the predicted and for the expected class; empty where there are none.
    """

    expected: str
    predicted: str
    sure: float
    likely: float
    name: str
    image: str
    maps: tuple[str, ...]


def pictures(record: Record, notes: list[str]) -> dict[str, Picture]:
    """Every chart that the run has the numbers for, by its key; one that cannot be drawn is added to `notes`."""
    drawn = {}
    for figure in FIGURES:
        if figure.pixels:
            continue
        try:
            light, dark = (address(draw_svg(figure, record, theme), "image/svg+xml") for theme in (LIGHT, DARK))
            drawn[figure.key] = Picture(light, dark, figure.says(record))
        except NothingToDrawError:
            continue
        except Exception as error:  # the page says it, and shows the rest
            notes.append(
                f"The figure {figure.key} was not drawn: {type(error).__name__}: {' '.join(str(error).split())}"
            )
    return drawn


def mistakes(evaluation: Evaluation) -> list[Mistake]:
    """The stored mistakes; the first few with their maps."""
    errors = evaluation.errors
    if errors is None:
        return []
    predicted, shown = evaluation.predicted, []
    for number, row in enumerate(errors.rows.tolist()):
        image, chances = large(errors.images[number]), 100 * evaluation.probabilities[row]
        mapped = errors.maps is not None and number < EXPLAINED
        maps = [] if not mapped or errors.maps is None else [overlaid(image, heat) for heat in errors.maps[number]]
        shown.append(
            Mistake(
                expected=evaluation.classes[evaluation.labels[row]],
                predicted=evaluation.classes[predicted[row]],
                sure=float(chances[predicted[row]]),
                likely=float(chances[evaluation.labels[row]]),
                name=errors.names[number],
                image=address(png(image), "image/png"),
                maps=tuple(address(png(each), "image/png") for each in maps),
            )
        )
    return shown


def large(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image whose sides are at least `SIDE` by repeating pixels, and at most twice that by leaving some out."""
    longest = max(image.shape[:2])
    times, step = max(-(-SIDE // longest), 1), max(longest // (2 * SIDE), 1)
    return image[::step, ::step].repeat(times, 0).repeat(times, 1)


def png(image: NDArray[np.uint8]) -> bytes:
    """(H, W, C) bytes, grey or in colour, as a PNG."""
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, "PNG", optimize=True)
    return file.getvalue()


def address(data: bytes, kind: str) -> str:
    """A data: address."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
