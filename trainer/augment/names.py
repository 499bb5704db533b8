"""Names in a configuration: which exist, and which was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from inspect import isabstract, isclass, signature

from trainer.augment.library import albumentations as A
from trainer.augment.old_names import OLD_ARGUMENTS
from trainer.augment.policies import CATALOGUE, POLICIES
from trainer.augment.sharpness import Sharpness

_ALIASES = {"color-shifting": "colour-shifting", "image-mirroring": "mirroring", "blur": "blurring", "scaling": "scale"}


def plain(name: str) -> str:
    """Return a policy's or a catalogue entry's name as the tables have it: ``Color Shifting`` is ``colour-shifting``."""
    word = "-".join(name.replace("_", " ").replace("-", " ").lower().split())
    return _ALIASES.get(word, word)


def transform_class(name: str) -> type | None:
    """Return the class of this name, which may have its module before it: Albumentations' or Sharpness; else None."""
    word = name.rpartition(".")[2]
    found = Sharpness if word == Sharpness.__name__ else getattr(A, word, None)
    if not (isclass(found) and issubclass(found, A.BasicTransform | A.BaseCompose)) or isabstract(found):
        return None
    return None if found in {A.BasicTransform, A.BaseCompose, A.DualTransform, A.ImageOnlyTransform} else found


def all_names() -> list[str]:
    """Return every name an augmentation can have."""
    return [*POLICIES, *CATALOGUE, Sharpness.__name__, *(name for name in dir(A) if transform_class(name))]


def arguments_of(kind: type) -> set[str]:
    """Return the arguments of a transform, also those of version 1 where they are translated."""
    old = OLD_ARGUMENTS.get(kind.__name__, ())
    if kind.__name__ == "ShiftScaleRotate":
        return set(old)
    return ({*signature(kind).parameters} | {*old, "always_apply"}) - {"strict"}


def meant(word: str, words: Iterable[str]) -> str:
    """Return ``; did you mean "scale"?`` where one of the words is near, else nothing. Case does not matter."""
    by_lower = {each.lower(): each for each in words}
    near = get_close_matches(word.lower(), by_lower, 1, 0.6)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""
