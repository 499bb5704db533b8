"""The data set that the settings of a run name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trainer.config import Config
from trainer.data import DataSet, load_data


def data_of(config: Config, say: Callable[[str], None], root: str | None = None) -> DataSet:
    """The data set of the settings, its images held out as they say.

    Args:
        config: the settings.
        say: takes what there is to say, a line each.
        root: where data sets are downloaded to; None: where the settings say.

    Raises:
        TrainerError: it cannot be used.
    """
    return load_data(
        config.data,
        Path(root or config.data_root),
        validation=config.validation,
        validate_on=config.validate_on,
        seed=config.seed,
        skip_bad_images=config.skip_bad_images,
        size=config.size,
        channels=config.channels,
        say=say,
    )
