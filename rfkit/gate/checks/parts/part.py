"""What a part is: how it is told from everything else, and what is often mistaken for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rfkit.gate.checks.graph import Graph


def _nothing(_graph: Graph) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part that ``require`` and ``forbid`` can name.

    Attributes:
        name: as the spec writes it, e.g. ``depthwise_separable``.
        title: as a sentence writes it, e.g. ``depthwise separable convolution``.
        description: what counts as one.
        recipe: PyTorch code that adds one.
        find: labels of the layers that are one, in execution order.
        near: sentences about layers that look like one and are not.
    """

    name: str
    title: str
    description: str
    recipe: str
    find: Callable[[Graph], list[str]]
    near: Callable[[Graph], Iterable[str]] = _nothing
