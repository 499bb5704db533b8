"""Whole states in one file each: tensors as safetensors, everything else as JSON in its header, and nothing to unpickle.

A file appears complete or not at all: it is written beside its place, synced to the disk and renamed. A checksum of
the tensors tells a damaged file. The network's own tensors keep their names, so that
``model.load_state_dict(safetensors.torch.load_file(FILE), strict=False)`` works anywhere; all others begin with
``trainer/``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from trainer.errors import TrainerError
from trainer.files import write_whole

SCHEMA = "trainer.checkpoint/1"
OURS = "trainer/"


def write_checkpoint(path: Path, weights: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a checkpoint in one piece.

    Args:
        path: where it is to be; what is there stays until the new one is complete.
        weights: the network's ``state_dict``.
        state: anything made of dicts, lists, tuples, numbers, texts, None and tensors.

    Raises:
        TrainerError: it cannot be written, for want of space for one; what was there is untouched.
    """
    tensors = {name: _plain(tensor) for name, tensor in weights.items()}
    packed = pack(state, tensors)
    header = {
        "schema": SCHEMA,
        "state": json.dumps(packed, separators=(",", ":")),
        "crc32": f"{checksum(tensors):08x}",
    }
    write_whole(path, save(tensors, header), durable=True)


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and the state of a checkpoint, on the CPU.

    Raises:
        TrainerError: there is none, or it is damaged or not ours.
    """
    if not path.is_file():
        raise TrainerError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("schema") != SCHEMA:
                raise TrainerError(f"{path} is not a checkpoint of trainer, but another safetensors file")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise TrainerError(
            f"{path} is damaged or not a checkpoint: {_one_line(error)}; it was left as it is"
        ) from error
    if header.get("crc32") != f"{checksum(tensors):08x}":
        raise TrainerError(f"{path} is damaged: its tensors do not match their checksum; it was left as it is")
    try:
        state = unpack(json.loads(header["state"]), tensors)
    except (KeyError, ValueError, TypeError) as error:
        raise TrainerError(f"{path} is damaged: its state cannot be read ({_one_line(error)})") from error
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(OURS)}, state


def pack(value: Any, tensors: dict[str, Tensor], at: str = "") -> Any:
    """JSON values that stand for a state; its tensors go into `tensors`, under the path that leads to them.

    Raises:
        TypeError: for a value of another kind, which could not be read back.
    """
    if isinstance(value, Tensor):
        name = OURS + at
        tensors[name] = _plain(value)
        return {"$tensor": name}
    if isinstance(value, Mapping):
        if all([isinstance(key, str) and not key.startswith("$") for key in value]):
            return {key: pack(item, tensors, f"{at}/{key}".lstrip("/")) for key, item in value.items()}
        return {"$items": [[key, pack(item, tensors, f"{at}/{key}")] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"$tuple": [pack(item, tensors, f"{at}/{index}") for index, item in enumerate(value)]}
    if isinstance(value, list):
        return [pack(item, tensors, f"{at}/{index}") for index, item in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{at}: a {type(value).__name__} cannot be stored in a checkpoint")


def unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The state that `pack` made the JSON values of."""
    if isinstance(value, list):
        return [unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "$tensor" in value:
        return tensors[value["$tensor"]]
    if "$tuple" in value:
        return tuple(unpack(item, tensors) for item in value["$tuple"])
    if "$items" in value:
        return {key: unpack(item, tensors) for key, item in value["$items"]}
    return {key: unpack(item, tensors) for key, item in value.items()}


def checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 over the names and the bytes of all tensors, in the order of their names."""
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, total)
    return total


def _plain(tensor: Tensor) -> Tensor:
    """An own copy on the CPU in the usual order, as safetensors wants it; tensors that share memory become two."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
