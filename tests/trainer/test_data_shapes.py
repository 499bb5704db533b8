from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.trees import Said
from trainer.data import load_data, shapes
from trainer.data.shapes import OUTLINES, draw
from trainer.data.statistics import duplicates


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RFKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_shapes_are_ten_balanced_classes_of_different_images() -> None:
    data = load_data("shapes", Path("unused"), say=Said())
    assert len(data.classes) == 10
    assert data.shape == (32, 32, 3)
    for split, each in ((data.train, 900), (data.validation, 100), (data.test, 200)):
        assert np.bincount(split.labels).tolist() == [each] * 10
    assert not duplicates(data)
    assert data.test.names[13].startswith(f"test/{data.classes[data.test.labels[13]]}/")


def test_a_drawing_is_a_function_of_the_labels_and_the_seed() -> None:
    labels = np.arange(20) % 10
    first, again, other = (draw(labels, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any((1, 2, 3)).all()


def test_other_sizes_and_grey_are_the_same_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "COUNTS", {"train": 40, "test": 20})
    data = load_data("shapes", Path("unused"), size=24, channels=1, say=Said())
    assert data.shape == (24, 24, 1)
    assert data.kinds == (("32x32 RGB", 60),)


def test_the_shape_stands_out_from_its_background() -> None:
    masks = [
        shapes._mask([[(16 * 4 + 40 * x, 16 * 4 + 40 * y) for x, y in outline] for outline in outlines])
        for outlines in OUTLINES.values()
    ]
    assert all(100 < int(mask.sum()) / 255 < 400 for mask in masks)
    assert all(((mask > 0) & (mask < 255)).any() for mask in masks), "edges are smooth"
    apart = [np.abs(a.astype(int) - b).mean() for number, a in enumerate(masks) for b in masks[:number]]
    assert min(apart) > 5


def test_nothing_but_the_shape_tells_the_class() -> None:
    """Colours and brightness alone: the classes' means are no further apart than those of random groups."""
    labels = np.arange(2000) % 10
    images = draw(labels, np.random.default_rng(3)).astype(float)
    border = np.concatenate([images[:, :2].reshape(2000, -1, 3), images[:, -2:].reshape(2000, -1, 3)], 1).mean(1)
    spread = np.array([border[labels == label].mean(0) for label in range(10)]).std(0)
    expected = border.std(0) / np.sqrt(200)
    assert (spread < 2 * expected).all()
