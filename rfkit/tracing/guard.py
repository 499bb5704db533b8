"""Leave the model as found: everything a forward may change is put back, also when it raises."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

_TABLES = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")


@contextmanager
def as_found(modules: Collection[nn.Module]) -> Iterator[None]:
    """Restore on exit, per module: attributes, training flag, parameters, buffers, children; their values; the random state.

    Values of buffers (and of parameters that a forward overwrites) are only kept where the tensors are real.
    """
    attributes = [(m, dict(m.__dict__), {t: m.__dict__[t].copy() for t in _TABLES if m.__dict__[t]}) for m in modules]
    real = [b for m in modules for b in m._buffers.values() if b is not None and not b.is_meta]
    buffers = [(b, b.detach().clone(), b._version) for b in real]
    state = _random_state()
    try:
        yield
    finally:
        for module, found, tables in attributes:
            module.__dict__.clear()
            module.__dict__.update(found)
            for name in _TABLES:
                current, table = module.__dict__[name], tables.get(name)
                if current:
                    current.clear()
                if table:
                    current.update(table)
        with torch.no_grad():
            for buffer, value, version in buffers:
                if buffer._version != version:
                    buffer.copy_(value)
        _set_random_state(state)


def _random_state() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return torch.get_rng_state(), cuda, random.getstate(), np.random.get_state()


def _set_random_state(state: tuple[Any, ...]) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state_all(state[1])
    random.setstate(state[2])
    np.random.set_state(state[3])


@contextmanager
def evaluating(modules: Collection[nn.Module]) -> Iterator[None]:
    """Every module in eval mode, without calling ``eval()`` (which a module may override); undone by ``as_found``."""
    for module in modules:
        module.__dict__["training"] = False
    with torch.no_grad():
        yield


def on_meta(modules: Collection[nn.Module]) -> dict[int, torch.Tensor]:
    """Replace every real parameter and buffer by a ``meta`` twin; undone by ``as_found``.

    Returns the real tensors by the identity of their twins. A tensor registered under several names keeps one twin.
    """
    twins: dict[int, torch.Tensor] = {}
    real: dict[int, torch.Tensor] = {}
    for module in modules:
        for table in (module._parameters, module._buffers):
            for name, tensor in table.items():
                if tensor is None or tensor.device.type == "meta":
                    continue
                twin = twins.get(id(tensor))
                if twin is None:
                    twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
                    twins[id(tensor)] = twin
                    real[id(twin)] = tensor
                table[name] = twin  # type: ignore[assignment]
    return real
