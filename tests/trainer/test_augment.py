"""The named policies: what they draw, and the traps of Albumentations 2.0.8 they must not fall into."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from tests.trainer.augmented import MEAN, MEAN_COLOUR, SIZE, STD, box, made, noise, pixels_of, white
from trainer.augment import CATALOGUE, POLICIES, augmentation, catalogue
from trainer.augment.draws import draws
from trainer.augment.library import albumentations as A
from trainer.augment.library import complaint, cv2
from trainer.augment.on_device import batched
from trainer.augment.sharpness import Sharpness
from trainer.augment.stream import Stream

HOLES = ["assignment", "coarse-dropout"]
EVERYTHING = [*POLICIES, *CATALOGUE]


def test_none_changes_nothing() -> None:
    images = noise(3)
    np.testing.assert_array_equal(made("none").batch(images, range(3), seed=0, epoch=0), images)


@pytest.mark.parametrize("policy", HOLES)
def test_a_hole_is_one_square_of_16_pixels_in_the_mean_colour(policy: str) -> None:
    changed = made(policy).batch(white(400), range(400), seed=0, epoch=0)
    holes = [pixels_of(image, MEAN_COLOUR) for image in changed]
    drawn = [hole for hole in holes if hole.any()]
    assert {(box(hole)[2:], hole.sum()) for hole in drawn} == {((16, 16), 256)}
    assert 150 < len(drawn) < 250  # half of 400, five standard deviations of a fair coin either way
    other = [np.unique(image[~hole]) for image, hole in zip(changed, holes, strict=True)]
    assert all(set(values) == {255} for values in other), "no black: neither a fill nor a border"


def test_holes_are_anywhere_in_the_image() -> None:
    changed = made([{"name": "coarse-dropout", "p": 1.0}]).batch(white(600), range(600), seed=0, epoch=0)
    corners = [box(pixels_of(image, MEAN_COLOUR))[:2] for image in changed]
    assert {top for top, _ in corners} == {left for _, left in corners} == set(range(SIZE - 16 + 1))


def test_both_axes_have_the_same_scale_and_the_figures_are_those_of_the_assignment() -> None:
    affine = made("assignment").transforms[1]
    drawn = [affine.get_params_dependent_on_data({"shape": (100, 100, 3)}, {}) for _ in range(500)]
    assert all(each["scale"]["x"] == each["scale"]["y"] for each in drawn)
    scales, turns = ([each[name] for each in drawn] for name in ("scale", "rotate"))
    assert 0.9 <= min(s["x"] for s in scales) < 0.91
    assert 1.09 < max(s["x"] for s in scales) <= 1.1
    assert -15 <= min(turns) < -14
    assert 14 < max(turns) <= 15
    assert affine.translate_percent == {"x": (-0.0625, 0.0625), "y": (-0.0625, 0.0625)}
    assert affine.border_mode == cv2.BORDER_REFLECT_101


def test_flip_crop_takes_a_window_of_the_padded_image_and_flips_half_of_them() -> None:
    image = noise(1)[0]
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="reflect")
    windows = {padded[y : y + SIZE, x : x + SIZE].tobytes(): (y, x) for y in range(9) for x in range(9)}
    changed = made("flip-crop").batch(np.stack([image] * 500), range(500), seed=0, epoch=0)
    plain = [windows.get(each.tobytes()) for each in changed]
    flipped = [windows.get(each[:, ::-1].tobytes()) for each in changed]
    assert all((one is None) != (other is None) for one, other in zip(plain, flipped, strict=True))
    assert 190 < sum(window is not None for window in plain) < 310
    assert len({*plain, *flipped} - {None}) > 70  # of 81


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("policy", EVERYTHING)
def test_the_short_way_equals_compose_bit_for_bit(policy: str, channels: int) -> None:
    images, ours, stream = noise(150, channels), made(policy, channels), Stream()
    compose = A.Compose(list(made(policy, channels).transforms), strict=True)
    compose.set_random_state(stream.numpy, stream.python)
    for index, image in enumerate(images):
        ours.reseed(3, 4, index)
        stream.move_to(3, 4, index)
        np.testing.assert_array_equal(ours(image), compose(image=image, force_apply=True)["image"], strict=True)


def test_the_short_way_of_a_warp_equals_compose_with_every_argument_in_use() -> None:
    spec = {
        "scale": {"x": (0.5, 2), "y": (0.8, 1.2)},
        "shear": (-20, 20),
        "translate_px": (-5, 5),
        "rotate": (-180, 180),
    }
    policy = [{"name": "Affine", **spec, "border_mode": "BORDER_CONSTANT", "fill": [9, 8, 7], "p": 0.7}]
    ours, stream = made(policy), Stream()
    compose = A.Compose(list(made(policy).transforms))
    compose.set_random_state(stream.numpy, stream.python)
    for index, image in enumerate(noise(200)):
        ours.reseed(0, 0, index)
        stream.move_to(0, 0, index)
        np.testing.assert_array_equal(ours(image), compose(image=image, force_apply=True)["image"])


def test_the_catalogue_shows_each_entry_as_a_visible_change() -> None:
    photograph = cv2.GaussianBlur(noise(1)[0], (0, 0), 1.5)
    shown = catalogue(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), size=SIZE)
    assert list(shown) == list(CATALOGUE)
    assert len(shown) == 8
    for name, augment in shown.items():
        augment.reseed(0)
        changed = augment(photograph)
        assert np.abs(changed.astype(int) - photograph).mean() > 1, name


def test_whitening_gives_every_image_the_data_sets_mean_and_deviation() -> None:
    dull = (noise(1)[0] // 8 + 40).astype(np.uint8)
    whitened = made([{"name": "whitening", "p": 1.0}])(dull) / 255
    np.testing.assert_allclose(whitened.mean((0, 1)), (0.49139968, 0.48215841, 0.44653091), atol=0.01)
    np.testing.assert_allclose(whitened.std((0, 1)), (0.24703223, 0.24348513, 0.26158784), atol=0.01)


def test_whitening_leaves_an_even_image_even() -> None:
    even = made([{"name": "whitening", "p": 1.0}])(np.full((SIZE, SIZE, 3), 9, np.uint8))
    assert (even == MEAN_COLOUR).all()


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("factor", [0.0, 0.46, 0.8, 1.0, 1.2, 1.54])
def test_sharpness_is_that_of_pillow(factor: float, channels: int) -> None:
    sharpness = made([{"name": "Sharpness", "factor": (factor, factor), "p": 1.0}], channels)
    for image in noise(5, channels):
        pillow = np.asarray(ImageEnhance.Sharpness(Image.fromarray(image.squeeze())).enhance(factor))
        difference = np.abs(sharpness(image).astype(int) - pillow.reshape(image.shape))
        assert difference.max() <= 1, "bytes; Pillow drops fractions"


def test_strong_changes_the_sharpness_as_far_as_randaugment_up_and_down() -> None:
    (one_of, _) = (part for part in made("strong").transforms if isinstance(part, A.OneOf))
    (sharpness,) = (part for part in one_of.transforms if isinstance(part, Sharpness))
    assert sharpness.factor == (0.46, 1.54)


def test_importing_and_augmenting_warns_of_nothing_and_reaches_for_no_network() -> None:
    code = """
import socket, warnings
warnings.simplefilter("error")
def refuse(*arguments, **options): raise AssertionError(f"network: {arguments}")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import numpy as np
from trainer.augment import CATALOGUE, POLICIES, augmentation
image = np.zeros((32, 32, 3), np.uint8)
for name in [*POLICIES, *CATALOGUE]:
    augment = augmentation(name, mean=(0.5,) * 3, std=(0.2,) * 3, size=32)
    for index in range(50):
        augment.reseed(0, 0, index)
        augment(image)
assert not augment.notes
"""
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("installed", "successor", "message"),
    [
        ("2.0.8", None, None),
        ("2.0.7", None, "found albumentations 2.0.7; pip install albumentations==2.0.8"),
        (None, None, "found none; pip install albumentations==2.0.8"),
        (None, "2.5.1", "found albumentationsx 2.5.1; pip uninstall albumentationsx, then pip install"),
        ("2.0.8", "2.5.1", "found albumentationsx 2.5.1; pip uninstall albumentationsx, then pip install"),
    ],
)
def test_only_the_last_version_under_the_mit_licence_is_used(
    installed: str | None, successor: str | None, message: str | None
) -> None:
    said = complaint(installed, successor)
    assert said is None if message is None else said is not None and message in said


@pytest.mark.parametrize("policy", [*POLICIES, *CATALOGUE])
@pytest.mark.parametrize("way", ["one by one", "in batches"])
def test_images_that_are_not_square_keep_their_shape(policy: str, way: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (32, 20, 36, 3), np.uint8)
    if way == "in batches":
        tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
        on_batch = batched(policy, mean=MEAN, std=STD, size=(20, 36))
        changed = on_batch(tensor, draws(0, 0, range(32))).permute(0, 2, 3, 1).numpy()
    else:
        changed = augmentation(policy, mean=MEAN, std=STD, size=(20, 36)).batch(images, range(32), 0, 0)
    assert changed.shape == images.shape
    assert (changed != images).any() == (policy != "none")
