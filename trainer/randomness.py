"""The random generators of torch, NumPy and Python, as one state."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Begin all of them from one seed."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def seed_step(seed: int, rank: int, step: int) -> None:
    """Begin all of them from what tells a step of a process from all others."""
    seed_all(int(np.random.SeedSequence([seed, rank, step]).generate_state(1, np.uint64)[0]))


def random_state() -> dict[str, Any]:
    """Where they are."""
    numpy = np.random.get_state(legacy=False)
    assert isinstance(numpy, dict)
    numpy["state"]["key"] = numpy["state"]["key"].tolist()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": numpy,
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put them back; those of GPUs only where there are as many as before."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    numpy = dict(state["numpy"])
    numpy["state"] = {**numpy["state"], "key": np.array(numpy["state"]["key"], dtype=np.uint32)}
    np.random.set_state(numpy)
    random.setstate(state["python"])
