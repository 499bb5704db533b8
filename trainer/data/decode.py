"""One image file to bytes of one shape: any mode to RGB or grey, the right way up, at a size where one is asked for."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

_FORMATS = (
    "png",
    "jpg",
    "jpeg",
    "jpe",
    "jfif",
    "bmp",
    "gif",
    "tif",
    "tiff",
    "webp",
    "ppm",
    "pgm",
    "pbm",
    "pnm",
    "tga",
    "avif",
)
SUFFIXES = frozenset(f".{form}" for form in _FORMATS)
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")
Size = int | tuple[int, int]
"""Of images in pixels: the side of a square, or (height, width)."""

_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


class BrokenImageError(Exception):
    """The bytes are no image that can be read; the message says why in a few words."""


class Decoded(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: (H, W, channels).
        kind: what the file held, e.g. ``32x32 RGB``: width, height, mode.
    """

    pixels: NDArray[np.uint8]
    kind: str


def decode(data: bytes, channels: int, size: Size | None) -> Decoded:
    """Decode an image file.

    Transparent pixels lie on white; 16-bit grey is scaled to bytes, not cut off; the rotation that a camera has noted
    is applied; of an animation the first frame counts. With ``size`` the image is scaled to cover that size and cut to it
    about its centre.

    Args:
        data: the file's bytes.
        channels: 3 for RGB, 1 for grey (ITU-R 601 luma).
        size: what it is scaled and cut to, or None to keep the image's own size.

    Raises:
        BrokenImageError: it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind = f"{image.width}x{image.height} {image.mode}"
            if size is not None:
                height, width = _sides(size)
                image.draft(image.mode, (2 * width, 2 * height))  # a JPEG then decodes at a fraction of its size
            image.load()
            if size is None and image.mode == ("RGB" if channels == 3 else "L") and not image.info:
                pixels = np.asarray(image)
            else:
                pixels = _converted(image, channels, size)
    except Exception as error:  # Pillow raises anything from SyntaxError to struct.error on bytes that are no image
        raise BrokenImageError(_reason(error, data)) from error
    return Decoded(pixels.reshape(*pixels.shape[:2], channels), kind)


def recoded(pixels: NDArray[np.uint8], channels: int, size: Size | None) -> NDArray[np.uint8]:
    """Images of one shape in other channels or at another size, as ``decode`` does it; (N, H, W, C) both."""
    if pixels.shape[-1] == channels and (size is None or pixels.shape[1:3] == _sides(size)):
        return pixels
    images = [_converted(Image.fromarray(image.squeeze()), channels, size) for image in pixels]
    return np.stack(images).reshape(len(images), *images[0].shape[:2], channels)


def _converted(image: Image.Image, channels: int, size: Size | None) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)
    if image.mode in _SIXTEEN_BITS:
        image = _to_bytes(image)
    elif image.mode == "F":
        raise ValueError("floating-point pixels have no agreed white")
    if image.mode in _ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB" if channels == 3 else "L")
    if size is not None and image.size != _sides(size)[::-1]:
        image = ImageOps.fit(image, _sides(size)[::-1], Image.Resampling.BICUBIC)
    return np.asarray(image)


def _sides(size: Size) -> tuple[int, int]:
    """Height and width."""
    return size if isinstance(size, tuple) else (size, size)


def _to_bytes(image: Image.Image) -> Image.Image:
    """16 bits of grey, 0..65535, to 8: divided by 257 and rounded."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels have no agreed white")
    return Image.fromarray(((values * 2 + 257) // 514).astype(np.uint8))


def _reason(error: Exception, data: bytes) -> str:
    if not data:
        return "it is empty"
    if isinstance(error, UnidentifiedImageError):
        return "it is no image"
    if isinstance(error, Image.DecompressionBombError):
        return "it is too large an image"
    return " ".join(str(error).split()) or type(error).__name__
