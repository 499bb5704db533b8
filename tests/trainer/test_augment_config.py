"""Names and arguments in a configuration: old ones are translated, wrong ones are named in one line."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from tests.trainer.augmented import MEAN, MEAN_COLOUR, box, made, noise, pixels_of, white
from trainer.augment import CATALOGUE
from trainer.augment.library import albumentations as A
from trainer.augment.library import cv2
from trainer.errors import TrainerError

OLD_HOLE = {
    "name": "CoarseDropout",
    "max_holes": 1,
    "max_height": 16,
    "max_width": 16,
    "min_holes": 1,
    "min_height": 16,
    "min_width": 16,
    "fill_value": MEAN,
    "mask_fill_value": None,
}


def hole(**arguments: Any) -> Any:
    (transform,) = made([{"name": "CoarseDropout", **arguments}]).transforms
    return transform


def affine(**arguments: Any) -> Any:
    (transform,) = made([{"name": "ShiftScaleRotate", **arguments}]).transforms
    assert type(transform) is A.Affine
    return transform


def test_the_documents_coarse_dropout_makes_the_hole_it_was_meant_to_make() -> None:
    changed = made([{**OLD_HOLE, "p": 1.0}]).batch(white(50), range(50), seed=0, epoch=0)
    holes = [pixels_of(image, MEAN_COLOUR) for image in changed]
    assert {(box(each)[2:], each.sum()) for each in holes} == {((16, 16), 256)}


def test_the_documents_pipeline_in_old_words_is_the_assignment() -> None:
    shift = {"name": "ShiftScaleRotate", "shift_limit": 0.0625, "scale_limit": 0.1, "rotate_limit": 15}
    old, policy = made(["HorizontalFlip", shift, OLD_HOLE]), made("assignment")
    images = noise(100)
    np.testing.assert_array_equal(
        old.batch(images, range(100), seed=0, epoch=0), policy.batch(images, range(100), seed=0, epoch=0)
    )


def test_missing_minima_are_the_maxima_and_missing_maxima_are_8_as_in_version_1() -> None:
    transform = hole(max_holes=3, max_width=4)
    assert transform.num_holes_range == (3, 3)
    assert (transform.hole_height_range, transform.hole_width_range) == ((8, 8), (4, 4))


@pytest.mark.parametrize(
    ("arguments", "holes", "height", "width"),
    [
        ({"max_holes": 4, "min_holes": 2}, (2, 4), (8, 8), (8, 8)),
        ({"max_height": 9, "min_height": 5}, (8, 8), (5, 9), (8, 8)),
        ({"max_width": 9, "min_width": 1}, (8, 8), (8, 8), (1, 9)),
        ({"max_height": 0.5, "max_width": 0.25, "min_width": 0.125}, (8, 8), (0.5, 0.5), (0.125, 0.25)),
        ({"max_height": 0.5, "max_width": 4}, (8, 8), (16, 16), (4, 4)),
        ({"max_width": 1}, (8, 8), (8, 8), (1, 1)),
    ],
)
def test_every_old_argument_of_coarse_dropout_is_translated(
    arguments: dict[str, Any], holes: Any, height: Any, width: Any
) -> None:
    transform = hole(**arguments)
    assert transform.num_holes_range == holes
    assert (transform.hole_height_range, transform.hole_width_range) == (height, width)


@pytest.mark.parametrize(
    ("given", "fill"),
    [
        (MEAN, MEAN_COLOUR),
        ("mean", MEAN_COLOUR),
        ([125, 123, 114], MEAN_COLOUR),
        (0.5, 128),
        (0, 0),
        (255, 255),
        ([0, 0, 0], (0, 0, 0)),
        ([1, 1, 1], (1, 1, 1)),
        ([0, 0.5, 1], (0, 128, 255)),
        ("random", "random"),
    ],
)
@pytest.mark.parametrize("name", ["fill_value", "fill"])
def test_a_fill_in_shares_of_full_scale_is_not_black(name: str, given: Any, fill: Any) -> None:
    assert hole(**{name: given}).fill == fill


def test_a_hole_for_masks_is_of_no_account() -> None:
    assert hole(max_holes=1, mask_fill_value=3).fill_mask is None


@pytest.mark.parametrize(
    ("arguments", "x", "y", "scale", "rotate"),
    [
        ({}, (-0.0625, 0.0625), (-0.0625, 0.0625), (0.9, 1.1), (-45, 45)),
        ({"shift_limit": 0.1}, (-0.1, 0.1), (-0.1, 0.1), (0.9, 1.1), (-45, 45)),
        ({"shift_limit": (0.1, 0.2)}, (0.1, 0.2), (0.1, 0.2), (0.9, 1.1), (-45, 45)),
        ({"shift_limit_x": 0.2}, (-0.2, 0.2), (-0.0625, 0.0625), (0.9, 1.1), (-45, 45)),
        ({"shift_limit_y": 0}, (-0.0625, 0.0625), (0, 0), (0.9, 1.1), (-45, 45)),
        ({"scale_limit": 0.25}, (-0.0625, 0.0625), (-0.0625, 0.0625), (0.75, 1.25), (-45, 45)),
        ({"scale_limit": [0, 0.5]}, (-0.0625, 0.0625), (-0.0625, 0.0625), (1, 1.5), (-45, 45)),
        ({"rotate_limit": 15}, (-0.0625, 0.0625), (-0.0625, 0.0625), (0.9, 1.1), (-15, 15)),
        ({"rotate_limit": [0, 10]}, (-0.0625, 0.0625), (-0.0625, 0.0625), (0.9, 1.1), (0, 10)),
    ],
)
def test_every_old_argument_of_shift_scale_rotate_is_translated(
    arguments: dict[str, Any], x: Any, y: Any, scale: Any, rotate: Any
) -> None:
    transform = affine(**arguments)
    assert transform.translate_percent == {"x": x, "y": y}
    assert transform.scale == {"x": scale, "y": scale}
    assert transform.rotate == rotate
    assert transform.keep_ratio
    assert transform.border_mode == cv2.BORDER_REFLECT_101


def test_shift_scale_rotate_keeps_a_border_that_is_asked_for() -> None:
    transform = affine(border_mode=0, value=[1, 2, 3], mask_value=9, interpolation="INTER_NEAREST")
    assert (transform.border_mode, transform.fill, transform.interpolation) == (0, (1, 2, 3), cv2.INTER_NEAREST)


@pytest.mark.parametrize("name", ["CoarseDropout", "ShiftScaleRotate", "HorizontalFlip", "scale"])
def test_always_apply_is_a_probability_of_1(name: str) -> None:
    for always, p in [(True, 1.0), (False, 0.5)]:
        (transform,) = made([{"name": name, "always_apply": always}]).transforms
        assert transform.p == p


def test_the_catalogue_can_be_asked_for_by_name_in_any_order() -> None:
    image = noise(1)[0]
    for names in list(permutations(CATALOGUE))[::1700]:
        augment = made(list(names))
        assert [type(each) for each in augment.transforms] == [CATALOGUE[name].transform for name in names]
        augment.reseed(1)
        assert augment(image).shape == image.shape


def test_the_order_that_is_asked_for_is_the_order_of_application() -> None:
    steps = [{"name": "rotation", "rotate": (20, 20), "p": 1}, {"name": "mirroring", "p": 1}]
    image = noise(1)[0]
    one, other = made(steps)(image), made(steps[::-1])(image)
    assert (one != other).any()
    np.testing.assert_array_equal(one, made(steps[1:])(made(steps[:1])(image)))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Color Shifting", "colour-shifting"),
        ("colour_shifting", "colour-shifting"),
        ("Image Mirroring", "mirroring"),
        ("coarse dropout", "coarse-dropout"),
        (" Rotation ", "rotation"),
    ],
)
def test_names_may_be_spelt_as_people_spell_them(spelling: str, name: str) -> None:
    assert repr(made(spelling).transforms) == repr(made(name).transforms)


def test_a_string_may_hold_several_names_and_a_list_may_hold_policies() -> None:
    assert repr(made("mirroring, scale").transforms) == repr(made(["mirroring", "scale"]).transforms)
    assert len(made(["flip-crop", {"rotation": {"rotate": (-5, 5)}}, {"whitening": None}]).transforms) == 5


def test_compositions_can_be_written_down() -> None:
    (one_of,) = made([{"name": "OneOf", "transforms": ["blurring", {"name": "Sharpen", "p": 1}], "p": 1}]).transforms
    assert [type(each) for each in one_of.transforms] == [A.GaussianBlur, A.Sharpen]


def test_normalising_at_the_end_is_left_out_with_a_note() -> None:
    augment = made(["mirroring", {"name": "Normalize", "mean": MEAN}, "ToTensorV2"])
    assert [type(each) for each in augment.transforms] == [A.HorizontalFlip]
    assert [note.split()[0] for note in augment.notes] == ["Normalize", "ToTensorV2"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("miroring", 'there is no augmentation "miroring"; did you mean "mirroring"?'),
        ("asignment", 'there is no augmentation "asignment"; did you mean "assignment"?'),
        ("horizontalflp", 'there is no augmentation "horizontalflp"; did you mean "HorizontalFlip"?'),
        ("", 'there is no augmentation ""; there are none, flip-crop, assignment, strong, scale, '),
        ("BasicTransform", 'there is no augmentation "BasicTransform"'),
        (
            [{"name": "CoarseDropout", "max_hole": 1}],
            'CoarseDropout has no argument "max_hole"; did you mean "max_holes"?',
        ),
        ([{"name": "rotation", "rotat": 1}], 'rotation has no argument "rotat"; did you mean "rotate"?'),
        ([{"name": "mirroring", "zzz": 1}], 'mirroring has no argument "zzz"; it has always_apply, p'),
        ([{"name": "ShiftScaleRotate", "shear": 1}], 'ShiftScaleRotate has no argument "shear"'),
        ([{"name": "HorizontalFlip", "p": 2}], "HorizontalFlip: p = 2: Input should be less than or equal to 1"),
        ([{"name": "RandomCrop", "width": 3}], "RandomCrop: height is missing"),
        ([{"name": "assignment", "p": 1}], 'augmentation "assignment" is a policy and takes no arguments'),
        ([{"name": "OneOf", "transforms": []}], "OneOf has no transforms in it"),
        (
            [{"name": "SomeOf", "n": 2, "transforms": ["scale"]}],
            "SomeOf: `n` is greater than number of transforms",
        ),
        ([{"name": "ShiftScaleRotate", "scale_limit": "a"}], "scale_limit is a number or a pair of numbers, not 'a'"),
        ([{"name": "CoarseDropout", "max_holes": 1, "num_holes_range": [1, 1]}], "both max_holes and num_holes_range"),
        ([{"name": "CoarseDropout", "fill": 1, "fill_value": 1}], "both fill_value and fill, which say the same"),
        ([{"name": "Affine", "border_mode": "BORDER_REFLEC"}], 'did you mean "BORDER_REFLECT"?'),
        (
            [{"name": "coarse-dropout", "hole_height_range": [40, 40]}],
            "a hole of 40×16 pixels does not fit into images of 32×32",
        ),
        (["Normalize", "mirroring"], "Normalize comes before other transforms"),
        ([{"OneOf": {"transforms": ["Normalize", "mirroring"]}}], "Normalize comes before other transforms"),
        (
            [{"name": "RandomCrop", "width": 28, "height": 28}],
            "turns an image of 32×32×3 uint8 into one of 28×28×3 uint8",
        ),
        ("MaskDropout", "the augmentation fails on an image of 32×32×3: ValueError: MaskDropout requires ['mask']"),
        ([3], "an augmentation is a name or"),
        ([{"scale": 3}], "an augmentation is a name or"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(policy: Any, message: str) -> None:
    with pytest.raises(TrainerError) as raised:
        made(policy)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_assignments_hole_does_not_fit_into_tiny_images() -> None:
    with pytest.raises(
        TrainerError, match="a hole of 16×16 pixels does not fit into images of 8×8; take coarse-dropout"
    ):
        made("assignment", size=8)
