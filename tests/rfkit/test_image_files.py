"""Pictures of the reader's: upright, cut and not stretched, grey of sixteen bits as grey, and of any size that is no bomb."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rfkit.effective.inputs import image_inputs
from rfkit.errors import UsageError
from rfkit.image_files import read_image
from rfkit.render import html

TURNED = 6
"""The EXIF orientation of a picture that is to be turned by 90 degrees to the right."""


def halves(path: Path, orientation: int = 1) -> Path:
    """A picture whose upper half is white, as stored."""
    image = Image.new("L", (64, 64))
    image.paste(255, (0, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def pixels(path: Path, height: int, width: int, mode: str = "L") -> np.ndarray:
    return np.asarray(read_image(path, height, width, mode)).astype(int)


@pytest.mark.parametrize("name", ["turned.jpg", "turned.png"])
def test_a_picture_stands_upright(name: str, tmp_path: Path) -> None:
    as_stored = pixels(halves(tmp_path / f"plain-{name}"), 16, 16)
    turned = pixels(halves(tmp_path / name, TURNED), 16, 16)
    assert np.abs(turned - np.rot90(as_stored, -1)).max() <= 2


def test_the_middle_is_cut_and_not_stretched(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 100), "white")
    image.paste("red", (80, 0, 220, 100))
    image.save(tmp_path / "wide.png")
    (found,) = image_inputs((1, 3, 20, 20), [tmp_path / "wide.png"], 1, [0.0], [1.0]).make()
    assert (found[0] == found.new_tensor([1, 0, 0]).view(3, 1, 1)).all()


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_grey_of_sixteen_bits_is_that_of_eight(ending: str, tmp_path: Path) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    Image.fromarray(ramp).save(tmp_path / "eight.png")
    Image.fromarray(ramp.astype(np.uint16) * 257).save(tmp_path / f"sixteen.{ending}")
    assert (pixels(tmp_path / f"sixteen.{ending}", 32, 32) == pixels(tmp_path / "eight.png", 32, 32)).all()


def test_what_is_transparent_is_white_unless_the_network_takes_it(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (pixels(tmp_path / "clear.png", 4, 4) == 255).all()
    assert (pixels(tmp_path / "clear.png", 4, 4, "RGBA") == 0).all()


def test_a_large_photograph_is_read_and_a_bomb_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow warns from its limit on, and refuses what has twice as many pixels."""
    path = halves(tmp_path / "photo.jpg")
    small = pixels(path, 8, 8)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64 - 1)
    assert (pixels(path, 8, 8) == small).all()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for read in (lambda: html.from_file(path, 8, 8), lambda: image_inputs((1, 3, 8, 8), [path], 1)):
        with pytest.raises(UsageError, match=r"photo\.jpg.*4096 pixels.*limit of 2000 pixels; make it smaller"):
            read()
