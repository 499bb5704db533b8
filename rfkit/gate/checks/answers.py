"""What a check is asked and what it answers, before severities and exceptions make a finding of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rfkit.gate.checks.graph import Graph
from rfkit.gate.findings import Status, Value
from rfkit.gate.requirements import Requirement
from rfkit.report import Layer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found; the fields are those of a Finding.

    ``culprits`` are the labels of all layers responsible, of which ``layer`` is the worst; empty where it is the network.
    """

    code: str
    status: Status
    message: str
    value: Value = None
    limit: str | None = None
    gap: int | float | None = None
    layer: str | None = None
    help: tuple[str, ...] = ()
    culprits: tuple[str, ...] = ()


class NoLayerError(Exception):
    """A pattern of layers matches none; the message names the nearest."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A network as a check sees it: its graph, and the labels that exceptions hide."""

    graph: Graph
    hidden: frozenset[str] = frozenset()

    def layers(self, requirement: Requirement) -> list[Layer]:
        """The layers a requirement is asked of, hidden ones left out.

        Raises:
            NoLayerError: if its pattern matches no layer.
        """
        pattern = requirement.layers
        if pattern is None:
            return [layer for layer in self.graph if layer.label not in self.hidden]
        found = [layer for layer in self.graph if matches(layer, pattern)]
        if not found:
            raise NoLayerError(no_layer(pattern, self.graph))
        return [layer for layer in found if layer.label not in self.hidden]


def matches(layer: Layer, pattern: str) -> bool:
    """Whether a pattern such as ``backbone.*`` means a layer, by its label or, for all its calls, by its name."""
    return fnmatchcase(layer.label, pattern) or fnmatchcase(layer.name, pattern)


def no_layer(pattern: str, graph: Graph) -> str:
    """The sentence for a pattern that matches no layer, with the nearest one that does."""
    containers = {layer.name.rpartition(".")[0] for layer in graph if "." in layer.name}
    tops = {name[: name.index(".")] if "." in name else name for name in containers}
    if pattern in containers | tops:
        return f"no layer is called {pattern!r}: for all layers in it write {pattern + '.*'!r}"
    known = [layer.label for layer in graph] + [f"{name}.*" for name in sorted(containers | tops)]
    near = difflib.get_close_matches(pattern, known, 1, 0.6)
    return f"no layer matches {pattern!r}" + (f"; did you mean {near[0]!r}?" if near else "")
