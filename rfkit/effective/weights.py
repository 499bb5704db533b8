"""Reading trained weights from a file and giving them to a network. Nothing in the file is run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from rfkit.errors import UsageError

NOT_OF_THE_NETWORK = "trainer/"
"""How the names of an optimiser's tensors begin in a checkpoint of ``trainer``."""

_INSIDE = ("state_dict", "model", "model_state_dict", "module")
_PARALLEL = "module."


def load_weights(path: Path, model: nn.Module, label: str) -> None:
    """Give a network the weights of a file.

    Args:
        path: ``.safetensors``, or what ``torch.save`` wrote of a ``state_dict`` (also under "state_dict" or "model").
        model: with real parameters.
        label: what messages call it.

    Raises:
        UsageError: the file cannot be read, or its tensors are not those of the network.
    """
    tensors = read_weights(path)
    if tensors and all(name.startswith(_PARALLEL) for name in tensors):
        tensors = {name.removeprefix(_PARALLEL): tensor for name, tensor in tensors.items()}
    own = {name: tensor for name, tensor in model.state_dict().items() if isinstance(tensor, Tensor)}
    misfit = _misfit(tensors, own)
    if misfit:
        raise UsageError(f"{path} does not fit {label}: {misfit}")
    try:
        model.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise UsageError(f"{path} does not fit {label}: {' '.join(str(error).split())[:200]}") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU; those of an optimiser left out.

    Raises:
        UsageError: there is no such file, it is a folder, or it holds no weights.
    """
    if path.is_dir():
        raise UsageError(f"no weights {path}: it is a folder; give a file in it, .safetensors, .pt or .pth")
    if not path.is_file():
        raise UsageError(f"no weights {path}: there is no such file")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                names = [name for name in file.keys() if not name.startswith(NOT_OF_THE_NETWORK)]  # noqa: SIM118
                return {name: file.get_tensor(name) for name in names}
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"{path} is no file of weights, or holds more than tensors: save model.state_dict() instead"
        ) from error
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UsageError(f"{path} is no file of weights, or damaged: {reason}") from error
    return _tensors(content, path)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    for key in _INSIDE:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UsageError(f"{path} holds no state_dict: expected what torch.save(model.state_dict(), FILE) writes")
    return dict(content)


def _misfit(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """What does not fit, in words: the first missing name, else the first one too many, else the first other shape."""
    missing = [name for name in own if name not in given]
    spare = [name for name in given if name not in own]
    if missing:
        near = get_close_matches(missing[0], spare, 1, 0.6)
        hint = f", but {near[0]}" if near else ""
        rest = f" ({len(missing)} of {len(own)} tensors are missing)" if len(missing) > 1 else ""
        return f"it has no {missing[0]}{hint}{rest}"
    if spare:
        rest = f" ({len(spare)} are too many)" if len(spare) > 1 else ""
        return f"the network has no {spare[0]}{rest}"
    other = next((name for name in own if own[name].shape != given[name].shape), None)
    if other is not None:
        return f"{other} is {_times(given[other])} in the file and {_times(own[other])} in the network"
    return ""


def _times(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
