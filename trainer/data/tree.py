"""What the names of a tree of images say: which split, which class, what is left aside. No file is opened."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from trainer.data.decode import SUFFIXES
from trainer.data.splits import PARTS, TEST, TRAIN, VALIDATION
from trainer.errors import TrainerError

SPLIT_FOLDERS = {
    "train": TRAIN,
    "training": TRAIN,
    "test": TEST,
    "testing": TEST,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
}
_RUBBISH = ("__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN")


@dataclass(frozen=True)
class Placed:
    """An image's place in the tree.

    Attributes:
        index: which of the given names it is.
        name: its path below the folder that holds the splits, or the classes.
        part: ``train``, ``validation`` or ``test``.
        label: index into the classes.
    """

    index: int
    name: str
    part: str
    label: int


@dataclass(frozen=True)
class Tree:
    """The images of a tree in a fixed order (split, class, name), and what there is to say of the rest."""

    classes: tuple[str, ...]
    images: tuple[Placed, ...]
    notes: tuple[str, ...]


def is_hidden(name: str) -> bool:
    """Whether a path is a system's own: ``.DS_Store``, ``__MACOSX/...``, ``Thumbs.db`` and their like."""
    return any(part.startswith(".") or part in _RUBBISH for part in name.split("/"))


def arrange(names: Sequence[str], folders: Collection[str], place: str) -> Tree:
    """Read splits and classes off the paths ``train/CLASS/...``, ``test/CLASS/...`` or just ``CLASS/...``.

    Args:
        names: paths of files, ``/`` between components, none hidden.
        folders: paths of folders, for classes without a file.
        place: how messages call the tree.

    Raises:
        TrainerError: no images, no classes, one class only, a class without images, a class that is not trained on.
    """
    kept = [index for index, name in enumerate(names) if PurePosixPath(name).suffix.lower() in SUFFIXES]
    if not kept:
        raise TrainerError(f"{place} has no images: expected train/CLASS/NAME.png and test/CLASS/NAME.png in it")
    prefix = _shared_prefix([_components(names[index]) for index in kept])
    paths = {index: _components(names[index])[len(prefix) :] for index in kept}
    parts = _parts(paths.values(), place)
    depth = 2 if parts else 1
    inside = {index: path for index, path in paths.items() if len(path) > depth and (not parts or path[0] in parts)}
    labelled = {index: (parts[path[0]] if parts else TRAIN, path[depth - 1]) for index, path in inside.items()}
    below = [path[len(prefix) :] for path in map(_components, folders) if path[: len(prefix)] == prefix]
    trained = [path[-1] for path in below if len(path) == depth and (not parts or parts.get(path[0]) == TRAIN)]
    classes = _classes(labelled.values(), trained, place, sample=names[kept[0]])
    numbers = {name: label for label, name in enumerate(classes)}
    images = [Placed(i, "/".join(inside[i]), part, numbers[name]) for i, (part, name) in labelled.items()]
    images.sort(key=lambda image: (PARTS.index(image.part), image.label, image.name))
    _refuse_twins(images, place)
    loose = [path for index, path in paths.items() if index not in inside]
    untested = set(classes) - {name for part, name in labelled.values() if part == TEST}
    notes = _notes(len(names) - len(kept), loose, sorted(untested) if TEST in parts.values() else ())
    return Tree(classes, tuple(images), tuple(notes))


def _components(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


def _shared_prefix(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The folders that all images lie in and that are neither a split nor a class."""
    depth = 0
    while all(len(path) > depth + 2 for path in paths):
        first = paths[0][depth]
        if first.lower() in SPLIT_FOLDERS or any(path[depth] != first for path in paths):
            break
        depth += 1
    return paths[0][:depth]


def _parts(paths: Iterable[tuple[str, ...]], place: str) -> dict[str, str]:
    """The split that each top folder stands for; empty where the top folders are the classes.

    A folder is a split if folders lie in it: ``train/x.png`` is an image of a train. Without a test split, the
    validation split is the test split.
    """
    tops = {path[0] for path in paths if len(path) > 2}
    parts = {top: SPLIT_FOLDERS[top.lower()] for top in sorted(tops) if top.lower() in SPLIT_FOLDERS}
    twice = [pair for pair in pairwise(sorted(parts, key=lambda top: parts[top])) if parts[pair[0]] == parts[pair[1]]]
    if twice:
        raise TrainerError(f"{place} has both {twice[0][0]}/ and {twice[0][1]}/: rename or remove one of them")
    if parts and TRAIN not in parts.values():
        raise TrainerError(
            f"{place} has {', '.join(f'{part}/' for part in parts)} and no train/ with class folders in it"
        )
    if TEST not in parts.values():
        return {top: TEST if part == VALIDATION else part for top, part in parts.items()}
    return parts


def _classes(labelled: Iterable[tuple[str, str]], folders: Collection[str], place: str, sample: str) -> tuple[str, ...]:
    """The classes in the order of their names, once they are fit to be trained on.

    Args:
        labelled: split and class of every image.
        folders: class folders of the training split, those without images too.
        place: how messages call the tree.
        sample: a name to show where no image is in a class folder.
    """
    found: dict[str, set[str]] = {}
    for part, name in set(labelled):
        found.setdefault(part, set()).add(name)
    trained = found.get(TRAIN, set())
    if not trained:
        raise TrainerError(f"{place}: {sample} is in no class folder; expected train/CLASS/NAME.png or CLASS/NAME.png")
    bare = sorted(set(folders) - trained)
    if bare:
        raise TrainerError(f"{place}: class {bare[0]} has no images to train on; add some or remove its folder")
    for part in (TEST, VALIDATION):
        for name in sorted(found.get(part, set()) - trained):
            near = difflib.get_close_matches(name, trained, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"the classes are {_some(sorted(trained))}"
            raise TrainerError(f"{place}: class {name} is in the {part} split and not in train; {hint}")
    if len(trained) < 2:
        raise TrainerError(f"{place} has one class only, {min(trained)}: two or more are needed to tell them apart")
    return tuple(sorted(trained))


def _refuse_twins(images: Sequence[Placed], place: str) -> None:
    name, times = Counter(image.name for image in images).most_common(1)[0]
    if times > 1:
        raise TrainerError(f"{place}: {name} is there {times} times, in several zips; keep one of them")


def _notes(other: int, loose: Sequence[tuple[str, ...]], untested: Sequence[str]) -> Iterable[str]:
    if other:
        yield f"{other:,} file{'s' * (other != 1)} left aside: no image by the suffix"
    if loose:
        names = _some(["/".join(path) for path in sorted(loose)])
        yield f"{len(loose):,} image{'s' * (len(loose) != 1)} left aside, in no class folder: {names}"
    if untested:
        yield f"the test split has no image of {_some(untested)}"


def _some(words: Sequence[str], most: int = 4) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most:,} more" if len(words) > most else "")
