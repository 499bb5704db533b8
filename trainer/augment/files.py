"""An augmentation in a file of the user's: YAML or JSON, ours or as Albumentations saves it, or Python."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isfunction, signature
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

import yaml

from trainer.augment.library import albumentations as A
from trainer.augment.policies import Images
from trainer.errors import TrainerError

_FILE = re.compile(r"(?P<path>.+\.(?:ya?ml|json|py))(?::(?P<name>[^\W\d]\w*))?", re.IGNORECASE)
_USUAL = ("augmentation", "augment", "transform", "train_transform", "train_transforms")


def split_file(policy: str | Path) -> tuple[Path, str | None] | None:
    """Return the file that is meant, and the name in it where there is one; None where no file is meant.

    Raises:
        TrainerError: If a path does not end as such a file does, or a name is given for a file without names.
    """
    match = _FILE.fullmatch(str(policy))
    if match is None:
        if isinstance(policy, Path):
            raise TrainerError(f"{policy}: a file with an augmentation ends in .yaml, .yml, .json or .py")
        return None
    path, name = Path(match["path"]), match["name"]
    if name and path.suffix.lower() != ".py":
        raise TrainerError(f"{policy}: only a Python file has names in it; leave out :{name}")
    return path, name


def read_file(path: Path, name: str | None, images: Images) -> Any:
    """Return what the file stands for: transforms, or names and mappings to be turned into transforms.

    Raises:
        TrainerError: If it cannot be read, is not what its name says, or has no augmentation in it.
    """
    if path.suffix.lower() == ".py":
        return _called(path, *_found(path, _imported(path), name), images)
    text = _text(path)
    try:
        content = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise TrainerError(f"{path} is not {path.suffix[1:].upper()}: {' '.join(str(error).split())}") from error
    if isinstance(content, Mapping) and isinstance(content.get("transform"), Mapping):
        content = content["transform"]
    if not isinstance(content, Mapping | list):
        raise TrainerError(f"{path} has no augmentation; it needs a list of names, or what albumentations.save writes")
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TrainerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise TrainerError(f"cannot read {path}: it is not text in UTF-8") from error


def _imported(path: Path) -> ModuleType:
    """Run the file as a module of its own, with its folder importable while it runs."""
    _text(path)
    spec = spec_from_file_location(f"_augmentation_of_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise TrainerError(f"cannot read {path}: it is no Python file")
    module, before = module_from_spec(spec), list(sys.path)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise TrainerError(_failure(path, error)) from error
    finally:
        sys.path[:] = before
    return module


def _found(path: Path, module: ModuleType, name: str | None) -> tuple[str, Any]:
    """Return the object that is asked for, or the one that can be meant."""
    if name is not None:
        if not hasattr(module, name):
            raise TrainerError(f"{path} has no {name}")
        return name, getattr(module, name)
    usual = [each for each in _USUAL if hasattr(module, each)]
    objects = [each for each, value in vars(module).items() if isinstance(value, A.BasicTransform | A.BaseCompose)]
    functions = [
        each for each, value in vars(module).items() if isfunction(value) and value.__module__ == module.__name__
    ]
    choices = usual[:1] or objects or functions
    if len(choices) == 1:
        return choices[0], getattr(module, choices[0])
    if choices:
        raise TrainerError(f"{path} has {', '.join(choices)}; say which, e.g. {path}:{choices[0]}")
    raise TrainerError(f"{path} has no augmentation; name an object or a function in it, e.g. {path}:transform")


def _called(path: Path, name: str, found: Any, images: Images) -> Any:
    """Return a transform or a sequence; a function is called with what it takes of the images' figures."""
    if callable(found) and not isinstance(found, A.BasicTransform | A.BaseCompose):
        known = {name: getattr(images, name) for name in ("mean", "std", "size", "height", "width")}
        try:
            found = found(**{each: known[each] for each in signature(found).parameters if each in known})
        except (Exception, SystemExit) as error:
            raise TrainerError(_failure(path, error)) from error
    listed = isinstance(found, Sequence) and not isinstance(found, str)
    if not listed and not isinstance(found, A.BasicTransform | A.BaseCompose):
        raise TrainerError(f"{path}: {name} gives a {type(found).__name__}, not a Compose of Albumentations")
    return found


def _failure(path: Path, error: BaseException) -> str:
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if Path(frame.filename) == path]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    where = path if line is None else f"{path}:{line}"
    return f"{where}: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
