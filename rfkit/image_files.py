"""Pictures of the reader's, as a network takes them: upright, cut to a shape, eight bits a channel."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rfkit.errors import UsageError


def read_image(
    path: Path, height: int, width: int, mode: str = "RGB", resampling: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    """The middle of a picture, cut to a shape and resized to it without aliasing.

    Args:
        path: of a file that Pillow reads, of any size up to which Pillow suspects no decompression bomb.
        height: of the result.
        width: of the result.
        mode: of the result: "L", "RGB" or "RGBA"; without alpha, what is transparent becomes white.
        resampling: how it is resized.

    Raises:
        UsageError: if there is no such file, no picture in it, or too large a one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                side = 2 * max(height, width)
                opened.draft("RGB", (side, side))
                upright = _eight_bits(ImageOps.exif_transpose(opened))
                colours = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except FileNotFoundError:
        raise UsageError(f"image {path}: there is no such file") from None
    except Image.DecompressionBombError as error:
        raise UsageError(f"image {path}: {str(error).partition(',')[0]}; make it smaller first") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"image {path}: not a picture that Pillow reads; give a PNG or JPEG file") from error
    fitted = ImageOps.fit(colours, (width, height), resampling)
    return (fitted if mode == "RGBA" else _on_white(fitted)).convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of sixteen bits by its upper eight, which Pillow would cut off at 255; other pictures as they are."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 0xFFFF) >> 8).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white
