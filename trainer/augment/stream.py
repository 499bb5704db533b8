"""Random numbers that are a function of (seed, epoch, index of the sample), and of nothing else.

Albumentations draws from two generators, NumPy's and Python's. Both are fed here from one Philox generator (Salmon et
al., "Parallel random numbers: as easy as 1, 2, 3", 2011), whose state is a key and a counter: moving to another sample
means writing three numbers, instead of seeding two generators from scratch.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

_WORD = 2**64 - 1


class Stream:
    """The two generators of a pipeline, ``numpy`` and ``python``, which share one stream of random bits."""

    def __init__(self) -> None:
        self._philox = np.random.Philox(key=0)
        self._start: Any = self._philox.state
        self.numpy = np.random.Generator(self._philox)
        self.python = PythonRandom(self.numpy)

    def move_to(self, seed: int, epoch: int, index: int) -> None:
        """Begin the stream of one sample in one epoch of one run."""
        words = self._start["state"]
        words["key"][0] = seed & _WORD
        words["key"][1] = epoch & _WORD
        words["counter"][2] = index & _WORD  # the lowest word counts the draws
        self._philox.state = self._start
        self.python.gauss_next = None


class PythonRandom(random.Random):
    """Python's random numbers (``uniform``, ``randint``, ``choice`` ...) made from a NumPy generator's."""

    gauss_next: float | None

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        super().__init__(0)

    def random(self) -> float:
        """Return the generator's next number in [0, 1), of 53 bits."""
        return self._generator.random()

    def seed(self, *_: object, **__: object) -> None:
        """Do nothing: the generator behind it is what is seeded."""

    def __reduce__(self) -> tuple[type[PythonRandom], tuple[np.random.Generator]]:
        return type(self), (self._generator,)
