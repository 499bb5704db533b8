"""An augmentation in a file of the user's: YAML, JSON or Python."""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from tests.trainer.augmented import made, noise
from trainer.augment.library import albumentations as A
from trainer.errors import TrainerError

IMPORT = "import albumentations as A\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


@pytest.mark.parametrize("data_format", ["yaml", "json"])
def test_what_albumentations_saves_gives_the_same_images(tmp_path: Path, data_format: str) -> None:
    parts = made("strong").transforms
    A.save(A.Compose(list(parts)), tmp_path / f"strong.{data_format}", data_format)
    images = noise(60)
    saved = made(tmp_path / f"strong.{data_format}")
    np.testing.assert_array_equal(
        saved.batch(images, range(60), seed=0, epoch=0), made("strong").batch(images, range(60), seed=0, epoch=0)
    )


def test_what_version_1_saved_is_read_with_its_old_words(tmp_path: Path) -> None:
    hole: dict[str, Any] = {"max_holes": 1, "max_height": 16, "max_width": 16}
    hole |= {"min_holes": 1, "min_height": 16, "min_width": 16, "fill_value": [0.4914, 0.4822, 0.4465]}
    shift: dict[str, Any] = {"shift_limit_x": [-0.0625, 0.0625], "shift_limit_y": [-0.0625, 0.0625]}
    shift |= {"scale_limit": [-0.1, 0.1], "rotate_limit": [-15, 15], "interpolation": 1, "border_mode": 4}
    shift |= {"value": None, "mask_value": None, "rotate_method": "largest_box"}
    parts: list[tuple[str, dict[str, Any]]] = [
        ("transforms.HorizontalFlip", {}),
        ("geometric.transforms.ShiftScaleRotate", shift),
        ("dropout.coarse_dropout.CoarseDropout", {**hole, "mask_fill_value": None}),
    ]
    transforms = [
        {"__class_fullname__": f"albumentations.augmentations.{name}", "always_apply": False, "p": 0.5, **arguments}
        for name, arguments in parts
    ]
    compose: dict[str, Any] = {
        "__class_fullname__": "albumentations.core.composition.Compose",
        "p": 1.0,
        "transforms": transforms,
    }
    compose |= {"bbox_params": None, "keypoint_params": None, "additional_targets": {}, "is_check_shapes": True}
    path = written(tmp_path, "old.json", json.dumps({"__version__": "1.3.1", "transform": compose}))
    images = noise(60)
    np.testing.assert_array_equal(
        made(str(path)).batch(images, range(60), seed=0, epoch=0),
        made("assignment").batch(images, range(60), seed=0, epoch=0),
    )


def test_a_list_of_names_in_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, "mine.yml", "- mirroring\n- name: rotation\n  rotate: [-5, 5]\n- scale: {p: 1}\n")
    assert [type(each) for each in made(path).transforms] == [A.HorizontalFlip, A.Affine, A.Affine]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.py", "transform = A.Compose([A.HorizontalFlip(p=1)])"),
        ("mine.py", "anything = A.Compose([A.HorizontalFlip(p=1)])"),
        ("mine.py", "anything = A.HorizontalFlip(p=1)"),
        ("mine.py", "def anything(): return A.Compose([A.HorizontalFlip(p=1), A.Normalize(), A.pytorch.ToTensorV2()])"),
        ("mine.py", "def transform(): return [A.HorizontalFlip(p=1)]\nother = A.Blur()"),
        ("mine.py:this", "this = A.Compose([A.HorizontalFlip(p=1)])\nthat = A.Compose([A.Blur()])"),
    ],
)
def test_an_object_or_a_function_in_a_python_file(tmp_path: Path, name: str, text: str) -> None:
    file, _, wanted = name.partition(":")
    path = written(tmp_path, file, IMPORT + text)
    augment = made(f"{path}:{wanted}" if wanted else path)
    image = noise(1)[0]
    np.testing.assert_array_equal(augment(image), image[:, ::-1])


def test_a_function_is_told_of_the_data_what_it_asks_for(tmp_path: Path) -> None:
    text = (
        IMPORT + "def make(size, mean):\n    return A.CoarseDropout(fill=mean, hole_height_range=(size, size), p=1)\n"
    )
    (transform,) = made(written(tmp_path, "mine.py", text)).transforms
    assert transform.hole_height_range == (32, 32)


def test_a_file_may_import_its_neighbours_and_leaves_the_path_as_it_was(tmp_path: Path) -> None:
    written(tmp_path, "neighbour_of_augmentation.py", "P = 1")
    path = written(
        tmp_path, "mine.py", IMPORT + "from neighbour_of_augmentation import P\ntransform = A.HorizontalFlip(p=P)\n"
    )
    before = list(sys.path)
    made(path)
    assert sys.path == before
    del sys.modules["neighbour_of_augmentation"]


def test_a_users_augmentation_follows_the_streams_and_travels_to_other_processes(tmp_path: Path) -> None:
    text = (
        "transform = A.Compose([A.Blur(), A.SomeOf([A.RandomGamma(), A.Rotate()], n=1), A.Compose([A.Blur()], p=0.5)])"
    )
    augment = made(written(tmp_path, "mine.py", IMPORT + text))
    copy = pickle.loads(pickle.dumps(augment))
    images = noise(40)
    first = augment.batch(images, range(40), seed=0, epoch=0)
    np.testing.assert_array_equal(copy.batch(images, range(39, -1, -1), seed=0, epoch=0)[::-1], first)
    assert (augment.batch(images, range(40), seed=0, epoch=1) != first).any()


def test_the_librarys_own_remarks_become_notes(tmp_path: Path) -> None:
    augment = made(written(tmp_path, "mine.py", IMPORT + "transform = A.ShiftScaleRotate()\n"))
    assert augment.notes == (
        "ShiftScaleRotate is a special case of Affine transform. Please use Affine transform instead.",
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.py", "import albumentations as A\nx = 1 / 0\n", "mine.py:2: ZeroDivisionError: division by zero"),
        ("mine.py", "x = (\n", "mine.py:1: SyntaxError: '(' was never closed"),
        ("mine.py", "raise SystemExit(3)", "mine.py:1: SystemExit: 3"),
        ("mine.py", "import no_such_module_anywhere", "mine.py:1: ModuleNotFoundError: No module named"),
        ("mine.py", "x = 1", "mine.py has no augmentation; name an object or a function in it"),
        ("mine.py", "import albumentations as A\na = A.Blur()\nb = A.Blur()\n", "has a, b; say which, e.g. "),
        ("mine.py:other", "transform = None", "mine.py has no other"),
        ("mine.py:x", "x = 1", "x gives a int, not a Compose of Albumentations"),
        ("mine.py", "def transform(): return 1", "transform gives a int, not a Compose of Albumentations"),
        ("mine.py", "\ndef transform(other): return 1", "mine.py: TypeError: transform() missing 1 required"),
        ("mine.py", "\ndef transform():\n    return missing", "mine.py:3: NameError: name 'missing' is not defined"),
        ("mine.yaml", "a: [", "mine.yaml is not YAML: while parsing a flow node"),
        ("mine.json", "{", "mine.json is not JSON: Expecting property name"),
        ("mine.json", "3", "mine.json has no augmentation; it needs a list of names"),
        ("mine.yaml", "", "mine.yaml has no augmentation; it needs a list of names"),
        ("mine.yaml", "- miroring", 'there is no augmentation "miroring"; did you mean "mirroring"?'),
        ("mine.yaml:name", "- scale", "only a Python file has names in it"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    written(tmp_path, name.partition(":")[0], text)
    with pytest.raises(TrainerError) as raised:
        made(f"{tmp_path}/{name}")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_arguments_that_the_library_would_ignore_are_refused(tmp_path: Path) -> None:
    path = written(
        tmp_path, "mine.py", IMPORT + "transform = A.Compose([A.CoarseDropout(max_holes=1, max_height=16)])\n"
    )
    with (
        warnings.catch_warnings(),
        pytest.raises(TrainerError, match=r"CoarseDropout of .* ignores max_holes, max_height;"),
    ):
        made(path)


def test_a_missing_file_a_folder_and_an_unknown_kind(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    for path, message in [
        (tmp_path / "no.yaml", "no.yaml: no such file"),
        (tmp_path / "no.py", "no.py: no such file"),
        (tmp_path / "folder.py", "folder.py: is a directory"),
        (tmp_path / "mine.txt", "mine.txt: a file with an augmentation ends in .yaml, .yml, .json or .py"),
    ]:
        with pytest.raises(TrainerError, match=message):
            made(path)
