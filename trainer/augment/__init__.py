"""Augmentation of training images by Albumentations 2.0.8, behind a thin layer.

Images stay in bytes throughout; the training loop normalises them on the device. ``trainer.augment.on_device`` has the
same policies for whole batches of tensors.
"""

from __future__ import annotations

from trainer.augment.build import augmentation, catalogue
from trainer.augment.pipeline import Augment
from trainer.augment.policies import CATALOGUE, POLICIES

__all__ = ["CATALOGUE", "POLICIES", "Augment", "augmentation", "catalogue"]
