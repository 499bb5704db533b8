"""What a mistake is. Those about sizes, jumps and units each have a registry in a file of their own.

A mistake gets the terms of the right calculation, worked out from the row's own inputs, and the case; it returns the
terms as someone who makes the mistake would write them, or None where the row offers no occasion for it. A new mistake
is one more function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from rfkit.auditing.terms import Case
from rfkit.report import Number


class Terms(Protocol):
    """The terms of a calculation: what they come to, and the arithmetic."""

    @property
    def value(self) -> Number:
        """What the terms come to."""

    @property
    def words(self) -> str:
        """The arithmetic."""


T = TypeVar("T", bound=Terms)


@dataclass(frozen=True, slots=True)
class Slip(Generic[T]):
    """Terms with a mistake in them, and what it did to them. ``lasting``: the jump it used stays in use below."""

    terms: T
    remark: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Mistake(Generic[T]):
    """A named mistake: what it is in one sentence, the formula it amounts to, and what it makes of the right terms."""

    name: str
    explanation: str
    formula: str
    make: Callable[[T, Case], Slip[T] | None]


Make = Callable[[T, Case], Slip[T] | None]


def mistake(registry: dict[str, Mistake[T]], formula: str = "") -> Callable[[Make[T]], Make[T]]:
    """Put a function into a registry under its own name; its docstring explains the mistake in a sentence.

    The sentence begins with a clause that stands alone, up to the first colon or semicolon.

    Raises:
        ValueError: two mistakes have the same name.
    """

    def put(make: Make[T]) -> Make[T]:
        name = make.__name__
        if name in registry:
            raise ValueError(f"two mistakes are called {name}")
        registry[name] = Mistake(name, " ".join((make.__doc__ or "").split()), formula, make)
        return make

    return put


NOUNS = {"k": "kernel", "s": "stride", "p": "padding", "d": "dilation"}


def worked_with(changed: Mapping[str, int]) -> str:
    """What a row that goes by its own window does: ``worked out with the row's own kernel 5``."""
    return f"worked out with the row's own {' and '.join(f'{NOUNS[name]} {value}' for name, value in changed.items())}"
