"""Batches on the device: the pixels of the per-image way where nothing is random, its distributions where something is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest
from torch import Tensor

from tests.trainer.augmented import MEAN, MEAN_COLOUR, SIZE, STD, box, made, noise, pixels_of, white
from trainer.augment import CATALOGUE, POLICIES
from trainer.augment.draws import draws
from trainer.augment.library import cv2
from trainer.augment.on_device import batched
from trainer.errors import TrainerError

COUNT = 2000
ALIKE = 0.001  # a two-sample Kolmogorov-Smirnov test with fixed seeds says "not the same" below this
ONE_OF_EACH: dict[str, dict[str, Any]] = {
    "shear": {"name": "Affine", "shear": {"x": (12, 12), "y": (-7, -7)}, "scale": {"x": (0.9, 0.9), "y": (1.2, 1.2)}},
    "filled": {"name": "Affine", "translate_px": {"x": (3, 3), "y": (-2, -2)}, "rotate": (9, 9), "fill": (9, 200, 30)},
    "nearest": {"name": "Affine", "translate_px": {"x": (3, 3), "y": (2, 2)}, "interpolation": "INTER_NEAREST"},
    "padded": {"name": "Affine", "translate_px": {"x": (3, 3), "y": (2, 2)}, "border_mode": "BORDER_REPLICATE"},
    "vertical": {"name": "VerticalFlip"},
    "brightness": {"name": "ColorJitter", "brightness": (1.3, 1.3), "contrast": 0, "saturation": 0, "hue": 0},
    "contrast": {"name": "ColorJitter", "brightness": 0, "contrast": (0.5, 0.5), "saturation": 0, "hue": 0},
    "saturation": {"name": "ColorJitter", "brightness": 0, "contrast": 0, "saturation": (1.5, 1.5), "hue": 0},
    "sharpen": {"name": "Sharpen", "alpha": (0.5, 0.5), "lightness": (1, 1)},
    "sharper": {"name": "Sharpness", "factor": (1.54, 1.54)},
    "softer": {"name": "Sharpness", "factor": (0.46, 0.46)},
    "posterize": {"name": "Posterize", "num_bits": (5, 5)},
    "solarize": {"name": "Solarize", "threshold_range": (0.5, 0.5)},
    "equalize": {"name": "Equalize"},
    "auto-contrast": {"name": "AutoContrast", "method": "pil"},
    "blur": {"name": "GaussianBlur", "blur_limit": (5, 5), "sigma_limit": (0.8, 0.8)},
    **{name: {"name": name, **CATALOGUE[name].shown} for name in ("scale", "translation", "rotation", "blurring")},
    **{name: {"name": name} for name in ("mirroring", "whitening")},
}


def photographs(count: int, channels: int = 3) -> np.ndarray:
    """Smooth images with some contrast, (count, 32, 32, channels)."""
    smooth = [cv2.GaussianBlur(image, (0, 0), 2.0).astype(float) for image in noise(count)]
    return np.clip((np.stack(smooth) - 128) * 4 + 128, 0, 255).astype(np.uint8)[..., :channels]


def batch_of(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def on_device(policy: Any, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Augment (N, H, W, C) bytes in one batch; the same layout comes back."""
    channels = images.shape[-1]
    augment = batched(policy, mean=MEAN[:channels], std=STD[:channels], size=SIZE)
    changed: np.ndarray = augment(batch_of(images), draws(seed, 0, range(len(images)))).numpy()
    return changed.transpose(0, 2, 3, 1)


def each(policy: Any, images: np.ndarray) -> np.ndarray:
    return made(policy, images.shape[-1]).batch(images, range(len(images)), seed=0, epoch=0)


def both(policy: Any, images: np.ndarray, measure: Callable[[np.ndarray], Any]) -> tuple[Any, Any]:
    return measure(each(policy, images)), measure(on_device(policy, images))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_without_chance_the_pixels_are_those_of_the_per_image_way(name: str) -> None:
    policy, images = [{**ONE_OF_EACH[name], "p": 1.0}], photographs(32)
    difference = np.abs(each(policy, images).astype(int) - on_device(policy, images))
    assert difference.max() <= 2, "bytes; the two round differently"
    assert difference.mean() < 0.05


def test_a_turn_of_the_hue_is_that_of_the_per_image_way_within_its_steps_of_2_degrees() -> None:
    policy = [{"name": "ColorJitter", "brightness": 0, "contrast": 0, "saturation": 0, "hue": (0.1, 0.1), "p": 1}]
    images = photographs(32)
    difference = np.abs(each(policy, images).astype(int) - on_device(policy, images))
    assert difference.mean() < 1.5


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("policy", [*POLICIES, *CATALOGUE])
def test_every_policy_and_entry_keeps_shape_and_type_and_treats_images_one_by_one(policy: str, channels: int) -> None:
    images = np.repeat(photographs(1, channels), 64, 0)
    changed = on_device(policy, images)
    assert (changed.shape, changed.dtype) == (images.shape, images.dtype)
    assert (len({image.tobytes() for image in changed}) > 1) == (policy != "none")


def test_floats_in_0_to_1_come_back_as_such() -> None:
    augment = batched("strong", mean=MEAN, std=STD, size=SIZE)
    images = batch_of(photographs(64))
    changed = augment(images / 255, draws(0, 0, range(64)))
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed * 255 - augment(images, draws(0, 0, range(64)))).abs().max() < 0.51


def test_the_seed_decides() -> None:
    images = photographs(64)
    np.testing.assert_array_equal(on_device("strong", images, seed=1), on_device("strong", images, seed=1))
    assert (on_device("strong", images, seed=1) != on_device("strong", images, seed=2)).any()


def test_flips_are_as_frequent() -> None:
    images = np.repeat(photographs(1), COUNT, 0)
    shares = both("mirroring", images, lambda changed: [(image[:, ::-1] == images[0]).all() for image in changed])
    for share in map(np.mean, shares):
        assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(COUNT)


def test_holes_are_the_same_squares_in_the_same_places_as_often() -> None:
    images = white(COUNT)

    def holes(changed: np.ndarray) -> list[tuple[int, int, int, int]]:
        return [box(hole) for hole in (pixels_of(image, MEAN_COLOUR) for image in changed) if hole.any()]

    one, other = both("coarse-dropout", images, holes)
    assert {hole[2:] for hole in one} == {hole[2:] for hole in other} == {(16, 16)}
    assert {hole[0] for hole in other} == {hole[1] for hole in other} == set(range(17))
    for place in (0, 1):
        assert ks_2samp([hole[place] for hole in one], [hole[place] for hole in other], method="asymp").pvalue > ALIKE
    assert abs(len(one) - len(other)) < 4 * np.sqrt(COUNT / 2)


def test_the_number_and_the_sizes_of_holes_are_distributed_alike() -> None:
    policy = [
        {"name": "CoarseDropout", "num_holes_range": (1, 3), "hole_height_range": (2, 6), "hole_width_range": (3, 9)}
    ]
    areas = both(policy, white(COUNT), lambda changed: [(image == 0).all(-1).sum() for image in changed])
    assert ks_2samp(*areas, method="asymp").pvalue > ALIKE


def test_shifts_scales_and_turns_are_distributed_alike() -> None:
    """Read from the images: where a dot goes, how large a square becomes, how far it is turned."""
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[10:22, 10:22] = 255
    policy = [{"name": "ShiftScaleRotate", "shift_limit": 0.2, "scale_limit": 0.3, "rotate_limit": 40, "p": 1}]
    policy[0]["border_mode"] = 0

    def figures(changed: np.ndarray) -> list[tuple[float, ...]]:
        return [_moments(one[..., 0].astype(float)) for one in changed]

    one, other = (np.array(each) for each in both(policy, np.stack([image] * COUNT), figures))
    for column in range(one.shape[1]):
        assert ks_2samp(one[:, column], other[:, column], method="asymp").pvalue > ALIKE


def _moments(image: np.ndarray) -> tuple[float, ...]:
    """Centre, area and fourth-order turn of what is bright."""
    mass = image.sum()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    centre_x, centre_y = (image * x).sum() / mass, (image * y).sum() / mass
    turn = (image * ((x - centre_x) + 1j * (y - centre_y)) ** 4).sum()
    return round(centre_x, 1), round(centre_y, 1), mass, float(np.angle(turn))


def test_windows_are_cut_out_as_often_from_everywhere() -> None:
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[16, 16] = 255
    policy = [{"name": "Pad", "padding": 4, "p": 1}, {"name": "RandomCrop", "height": SIZE, "width": SIZE, "p": 1}]

    def places(changed: np.ndarray) -> list[tuple[int, int]]:
        return [box(one.any(-1))[:2] for one in changed]

    one, other = both(policy, np.stack([image] * COUNT), places)
    assert set(one) == set(other) == {(y, x) for y in range(12, 21) for x in range(12, 21)}
    for axis in (0, 1):
        assert ks_2samp([place[axis] for place in one], [place[axis] for place in other], method="asymp").pvalue > ALIKE


@pytest.mark.parametrize("policy", ["assignment", "strong", "colour-shifting", "blurring", "whitening", "flip-crop"])
def test_what_images_look_like_afterwards_is_distributed_alike(policy: str) -> None:
    images = np.repeat(photographs(1), COUNT, 0)
    one, other = each(policy, images), on_device(policy, images)
    for measure in (_brightness, _contrast, _roughness, _left_minus_right):
        figures = [np.round(measure(changed), 1) for changed in (one, other)]
        assert ks_2samp(*figures, method="asymp").pvalue > ALIKE, measure.__name__


def _brightness(images: np.ndarray) -> Any:
    return images.mean((1, 2, 3))


def _contrast(images: np.ndarray) -> Any:
    return images.std((1, 2, 3))


def _roughness(images: np.ndarray) -> Any:
    return np.abs(np.diff(images.astype(int), axis=1)).mean((1, 2, 3))


def _left_minus_right(images: np.ndarray) -> Any:
    return images[:, :, :16].mean((1, 2, 3)) - images[:, :, 16:].mean((1, 2, 3))


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("MotionBlur", "MotionBlur has no form for batches on the device; leave it out or augment on the CPU"),
        ([{"name": "CoarseDropout", "fill": "random"}], 'CoarseDropout with fill "random" has no form'),
        ([{"name": "Affine", "border_mode": "BORDER_WRAP"}], "has no form on the device"),
        ([{"name": "Sharpen", "method": "gaussian"}], "Sharpen on the device has the method kernel only"),
        ("miroring", 'did you mean "mirroring"?'),
    ],
)
def test_what_has_no_form_on_the_device_is_named(policy: Any, message: str) -> None:
    with pytest.raises(TrainerError) as raised:
        batched(policy, mean=MEAN, std=STD, size=SIZE)
    assert message in str(raised.value)


def test_the_draws_of_an_image_do_not_depend_on_its_batch() -> None:
    """An image alone, among others, or in the second half of a batch: the same numbers, and so the same image."""
    policy = ["mirroring", "rotation", "coarse-dropout", {"name": "OneOf", "p": 0.9, "transforms": ["scale", "NoOp"]}]
    images = batch_of(photographs(64))
    augment = batched(policy, mean=MEAN, std=STD, size=SIZE)
    together = augment(images, draws(3, 5, range(64)))
    halves = [augment(images[part], draws(3, 5, range(64)[part])) for part in (slice(32), slice(32, 64))]
    assert torch.equal(together, torch.cat(halves))
    for place in (0, 17, 63):
        assert torch.equal(together[place], augment(images[place : place + 1], draws(3, 5, [place]))[0])


def test_draws_are_uniform_and_differ_between_seeds_epochs_places_and_turns() -> None:
    streams = [draws(seed, epoch, range(COUNT)) for seed, epoch in ((0, 0), (1, 0), (0, 1), (2**40, 0))]
    numbers = [stream.uniform().numpy() for stream in (*streams, *streams)]
    for one in numbers:
        assert kstest(one, "uniform").pvalue > ALIKE
        assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 4 / np.sqrt(COUNT)
    for first, second in combinations(numbers, 2):
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(COUNT)
    assert len(set(np.concatenate(numbers).tolist())) == len(numbers) * COUNT


def test_whole_numbers_are_drawn_as_often_both_bounds_included() -> None:
    counts = np.bincount(draws(0, 0, range(6 * COUNT)).integers(-1, 4).numpy() + 1)
    assert len(counts) == 6
    assert np.abs(counts - COUNT).max() < 5 * np.sqrt(COUNT)
