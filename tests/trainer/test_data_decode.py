from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.trainer.trees import picture
from trainer.data.decode import BrokenImageError, decode, recoded


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP"])
def test_lossless_formats_give_their_pixels(form: str) -> None:
    image = picture(0).quantize(64).convert("RGB")
    found = decode(encoded(image, form, **({"lossless": True} if form == "WEBP" else {})), 3, None)
    np.testing.assert_array_equal(found.pixels, np.asarray(image))


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_has_three_equal_channels(mode: str) -> None:
    image = picture(0, mode=mode)
    found = decode(encoded(image), 3, None).pixels
    np.testing.assert_array_equal(found, np.repeat(np.asarray(image.convert("L"))[..., None], 3, -1))


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    found = decode(encoded(Image.fromarray(values)), 1, None)
    assert found.pixels[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


def test_a_palette_is_looked_up() -> None:
    image = picture(0).quantize(16)
    np.testing.assert_array_equal(decode(encoded(image), 3, None).pixels, np.asarray(image.convert("RGB")))


def test_transparent_pixels_are_white() -> None:
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [100, 0, 50, 128]]], np.uint8)
    found = decode(encoded(Image.fromarray(pixels)), 3, None).pixels
    assert found[0, :2].tolist() == [[10, 20, 30], [255, 255, 255]]
    np.testing.assert_allclose(found[0, 2], [255 + (value - 255) * 128 / 255 for value in (100, 0, 50)], atol=1)


def test_a_transparent_palette_entry_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.putpixel((1, 0), 1)
    found = decode(encoded(image, transparency=0), 3, None).pixels
    assert found.tolist() == [[[255, 255, 255], [255, 0, 0]]]


def test_cmyk_is_converted() -> None:
    found = decode(encoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF"), 3, None)
    assert found.pixels[0, 0].tolist() == [255, 0, 0]
    assert found.kind == "4x4 CMYK"


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_the_rotation_that_a_camera_noted_is_applied(orientation: int, turn: int) -> None:
    image = picture(0, (9, 5))
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encoded(image, exif=exif), 3, None).pixels
    np.testing.assert_array_equal(found, np.rot90(np.asarray(image), turn))


def test_a_size_cuts_the_middle_of_what_covers_the_square() -> None:
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (10, 0, 30, 20))
    found = decode(encoded(image), 3, 10).pixels
    assert found.shape == (10, 10, 3)
    assert found[:, 1:9].reshape(-1, 3).tolist() == [[0, 0, 255]] * 80


def test_arrays_are_recoded_as_files_are() -> None:
    images = np.stack([np.asarray(picture(number)) for number in range(3)])
    for channels, size in ((3, None), (1, None), (3, 5), (1, 8)):
        expected = [decode(encoded(Image.fromarray(image)), channels, size).pixels for image in images]
        np.testing.assert_array_equal(recoded(images, channels, size), np.stack(expected))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"GIF89a", "it is no image"),
        (b"hello", "it is no image"),
        (encoded(picture(0, (64, 64)))[:3000], "image file is truncated"),
        (encoded(Image.new("F", (2, 2)), "TIFF"), "floating-point pixels have no agreed white"),
        (encoded(Image.fromarray(np.full((2, 2), 70_000, np.int32)), "TIFF"), "32-bit pixels have no agreed white"),
    ],
)
def test_what_cannot_be_decoded_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenImageError, match=reason):
        decode(data, 3, None)


def test_random_bytes_behind_a_png_header_are_broken_and_nothing_else() -> None:
    whole = encoded(picture(0, (16, 16)))
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(whole)
        for position in rng.integers(8, len(whole), 3):
            damaged[position] = rng.integers(256)
        try:
            outcomes.add(decode(bytes(damaged), 3, None).pixels.ndim)
        except BrokenImageError:
            outcomes.add(0)
    assert 0 in outcomes
