"""The one place that imports Albumentations and OpenCV.

Albumentations 2.0.8 asks the package index for a newer version whenever it is imported, unless it is told not to; without
a network that costs seconds and warns. OpenCV's own threads gain nothing on one small image and starve worker processes.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version

from trainer.errors import TrainerError

VERSION = "2.0.8"


def complaint(installed: str | None, successor: str | None) -> str | None:
    """Return what is wrong with the versions of albumentations and of albumentationsx, or None.

    2.0.8 is the last version under the MIT licence. AlbumentationsX is imported by the same name, but is under the AGPL,
    and draws differently.
    """
    if installed == VERSION and successor is None:
        return None
    found = f"albumentationsx {successor}" if successor else f"albumentations {installed}" if installed else "none"
    remedy = "pip uninstall albumentationsx, then " if successor else ""
    return f"augmentation needs albumentations {VERSION}, found {found}; {remedy}pip install albumentations=={VERSION}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if message := complaint(_version("albumentations"), _version("albumentationsx")):
    raise TrainerError(message)

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations  # noqa: E402 -- after the variable it reads
import cv2  # noqa: E402

cv2.setNumThreads(0)

__all__ = ["albumentations", "cv2"]
