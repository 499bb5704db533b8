from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer.trees import load, tree
from tests.trainer.trees import picture as random_picture
from trainer.augment import augmentation, catalogue
from trainer.cli import data as command
from trainer.data import DataSet
from trainer.data.statistics import counts, duplicates
from trainer.data_figures import Row, augmented, each_augmentation, samples, save, sheet
from trainer.data_page import as_json, as_text
from trainer.errors import TrainerError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes, one of them bigger, with an image that is there three times and one with two labels."""
    root = tree(tmp_path / "pets", count=10)
    train, test = root / "train", root / "test"
    for copy in (train / "cat" / "copy.png", test / "cat" / "copy.bmp"):
        Image.open(train / "cat" / "3.png").save(copy)
    Image.open(test / "dog" / "1.png").save(test / "cat" / "1.png")
    return root


def page(data: DataSet) -> str:
    return as_text(data, {"samples of each class": Path("figures/pets/samples.png")})


def test_the_page_counts_measures_and_names_duplicates(pets: Path, golden: Callable[[str, str], None]) -> None:
    golden("data_page.txt", page(load(pets, validation=0.2)))


def test_validating_on_the_test_split_has_no_column_of_its_own(pets: Path) -> None:
    text = page(load(pets, validate_on="test"))
    assert "class  train  test\n" in text
    assert "before any are held out" not in text


def test_the_json_has_what_the_page_has(pets: Path) -> None:
    data = load(pets, size=6, skip_bad_images=True)
    found = json.loads(as_json(data, {"samples": Path("a.png")}))
    assert found["counts"] == counts(data)
    assert sum(found["counts"]["train"].values()) + sum(found["counts"]["validation"].values()) == 21
    assert (found["mean"], found["std"]) == (list(data.mean), list(data.std))
    assert found["files"] == {"8x8 RGB": 42}
    assert [len(group["images"]) for group in found["duplicates"]] == [3, 2]
    assert found["duplicates"][1]["across_classes"]


def test_duplicates_are_equal_in_every_pixel(pets: Path) -> None:
    data = load(pets, validate_on="test")
    first, second = duplicates(data)
    assert [copy.name for copy in first.copies] == ["train/cat/3.png", "train/cat/copy.png", "test/cat/copy.bmp"]
    assert (first.across_splits, first.across_classes) == (True, False)
    assert [copy.name for copy in second.copies] == ["test/cat/1.png", "test/dog/1.png"]
    assert (second.across_splits, second.across_classes) == (False, True)
    near = np.asarray(Image.open(pets / "train" / "dog" / "0.png")).copy()
    near[0, 0, 0] ^= 1
    Image.fromarray(near).save(pets / "test" / "dog" / "near.png")
    assert len(duplicates(load(pets))) == 2


def test_a_sheet_has_every_image_enlarged_pixel_by_pixel() -> None:
    images = [np.asarray(random_picture(number)) for number in range(4)]
    drawn = np.asarray(sheet([Row("one", [[images[0]], [images[1]]]), Row("two", [[images[2]], [images[3]]])]))
    for image in images:
        tile = image.repeat(8, 0).repeat(8, 1)
        windows = np.lib.stride_tricks.sliding_window_view(drawn[..., 0], (64, 64))
        corners = np.argwhere(windows[:, :, 0, 0] == tile[0, 0, 0])
        assert any((drawn[y : y + 64, x : x + 64] == tile).all() for y, x in corners)


def test_large_and_grey_images_fit_on_a_sheet() -> None:
    drawn = sheet([Row("large", [[np.zeros((500, 1000, 1), np.uint8)]])])
    assert drawn.width < 300
    assert drawn.height < 120


def test_pictures_show_images_and_their_augmentation(pets: Path) -> None:
    data = load(pets)
    options = {"mean": data.mean, "std": data.std, "size": 8}
    plain = augmented(data, augmentation("none", **options), 0)
    changed = augmented(data, augmentation("flip-crop", **options), 0)
    assert plain.size == changed.size
    assert plain.tobytes() != changed.tobytes()
    assert samples(data, 0).tobytes() != samples(data, 1).tobytes()
    every = each_augmentation(data, catalogue(**options), 0)
    assert every.height > len(catalogue(**options)) * 64


def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainerError, match=r"cannot write .*samples.png"):
        save(Image.new("RGB", (2, 2)), tmp_path / "file" / "samples.png")


def run(root: Path, monkeypatch: pytest.MonkeyPatch, **options: object) -> int:
    monkeypatch.chdir(root.parent)
    return command.data(f"folder:{root}", **options)  # type: ignore[arg-type]


def test_the_command_prints_and_draws(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(pets, monkeypatch, augment="flip-crop", augmentations=True) == 0
    text = capsys.readouterr().out
    for name in ("samples", "augmented", "augmentations"):
        assert f"figures/pets/{name}.png" in text
        with Image.open(pets.parent / "figures" / "pets" / f"{name}.png") as picture:
            assert picture.width > 100


def test_the_command_prints_one_json_object_and_draws_nothing_where_told(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(pets, monkeypatch, form="json", no_pictures=True) == 0
    assert json.loads(capsys.readouterr().out)["figures"] == {}
    assert not (pets.parent / "figures").exists()


def test_a_class_that_the_terminal_cannot_write_is_no_error(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split in ("train", "test"):
        (pets / split / "cat").rename(pets / split / "chat é 猫")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert run(pets, monkeypatch, no_pictures=True) == 0
    assert b"chat ? ?" in written.getvalue()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"form": "xml"}, "--format 'xml': expected text or json"),
        ({"no_pictures": True, "augmentations": True}, "--no-pictures and --augmentations: choose one"),
        ({"no_pictures": True, "pictures": Path("x")}, "--no-pictures and --pictures: choose one"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    pets: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(TrainerError) as error:
        run(pets, monkeypatch, **options)
    assert str(error.value) == complaint


def test_naming_the_command_imports_neither_torch_nor_what_reads_images() -> None:
    heavy = ("torch", "numpy", "PIL", "albumentations")
    code = f"import sys, trainer.cli.data; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_reading_images_does_not_import_torch(pets: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from trainer.data import load_data; "
        f"load_data('folder:{pets}', Path('x'), say=print); print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.endswith("False\n")
