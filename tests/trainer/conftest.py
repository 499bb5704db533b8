"""What the tests of runs share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.trainer.trainings import images, settings


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a real training of moments, which leaves mistakes; only evaluations may be added to it."""
    from trainer.progress import Progress
    from trainer.train import fit

    folder = tmp_path_factory.mktemp("trained")
    tested = images(folder / "images") / "test"
    for number in ("005", "006", "007"):  # red images among the green: mistakes of whatever has learned the colours
        shutil.copy(tested / "red" / f"{number}.png", tested / "green" / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RFKIT_CACHE", str(folder.parent / "cache"))
        assert fit(settings(folder, epochs=4, lr=0.3), Progress()).exit_code == 0
    return folder / "run"


@pytest.fixture
def its_cache(trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of images that the trained run used."""
    monkeypatch.setenv("RFKIT_CACHE", str(trained_run.parent.parent / "cache"))
