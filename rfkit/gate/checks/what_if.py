"""What the receptive field would be along one axis if a layer were changed: the closed form, replayed over the graph.

r' = r + taps*j and j' = j*s over every layer; at a joint, r is that of the operand that sees most. Only edits that keep the size of
every map are replayed (padding grows with dilation), so that a pooling over a whole map adds as many taps as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from rfkit.gate.checks.graph import Graph, identity
from rfkit.report import Layer, Number

INEXACT = frozenset({"misaligned", "measured", "bound", "unknown"})


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to one layer.

    Attributes:
        taps: what is added to the extent of its kernel less one, (k-1)*d.
        stride: what its stride is multiplied with.
        behind: what layers put straight behind it add to theirs, e.g. 2 for a 3x3 convolution.
    """

    taps: int = 0
    stride: int = 1
    behind: int = 0


_NO_EDIT = Edit()


def _whole(value: Number) -> Number:
    return int(value) if value.denominator == 1 else value


@dataclass(frozen=True, slots=True)
class Step:
    """What a layer of a module adds: ``taps`` times the jump of its operand that sees most, which it multiplies by ``stride``."""

    module: str
    operands: tuple[str, ...]
    taps: Number
    stride: Number


class WhatIf:
    """The receptive fields of a network along one axis, to be replayed with edits.

    ``exact`` is False where the closed form cannot be replayed up to the target: misaligned or measured fields, context that
    counts, a layer that narrows the field.
    """

    def __init__(self, graph: Graph, axis: int, target: str) -> None:
        self.graph, self.axis, self.target = graph, axis, target
        self.steps: dict[str, Step] = {}
        self.exact = not graph.report.strict and target in graph.layers
        wanted = (graph.ancestors(graph.layers[target]) | {target}) if self.exact else set()
        for layer in graph:
            if layer.label in wanted:
                self._add(layer)
        self.exact = self.exact and self.size({}) == self._known(target)

    def _known(self, label: str) -> Number | None:
        return self.graph.layers[label].receptive_field[self.axis]

    def _add(self, layer: Layer) -> None:
        sources = self.graph.sources(layer)
        kept = [s for s in sources if not self.graph.is_single(s)] or sources
        outside = any(label not in self.graph.layers for label in layer.inputs) or not sources
        before = max((s.receptive_field[self.axis] or 0 for s in kept), default=1) if kept else 1
        jumps = [s.jump[self.axis] for s in kept] or [1]
        jump = next((j for j in jumps if j), None)
        after, size = layer.jump[self.axis], layer.receptive_field[self.axis]
        if size is None or size < before or not INEXACT.isdisjoint(layer.flags) or (jump is None and size != before):
            self.exact = False
            return
        operands = tuple(s.label for s in kept) + (("",) if outside else ())
        taps = _whole(Fraction(size - before) / jump) if jump else 0
        stride = _whole(Fraction(after) / jump) if after and jump else 1
        self.steps[layer.label] = Step(identity(layer), operands, taps, stride)

    def size(self, edits: Mapping[str, Edit], label: str | None = None) -> Number | None:
        """The receptive field of the target, or of a layer before it, with edits by label; None where it cannot be told.

        An edit of a module that is called several times holds for all its calls.
        """
        if not self.exact:
            return None
        made = {identity(self.graph.layers[name]): edit for name, edit in edits.items()}
        sizes: dict[str, Number] = {"": 1}
        jumps: dict[str, Number] = {"": 1}
        for name, step in self.steps.items():
            first = step.operands[0]
            for operand in step.operands[1:]:
                if sizes[operand] > sizes[first]:
                    first = operand
            edit = made.get(step.module, _NO_EDIT)
            jump = jumps[first] * step.stride * edit.stride
            sizes[name] = sizes[first] + (step.taps + edit.taps) * jumps[first] + edit.behind * jump
            jumps[name] = jump
        return _whole(sizes[label or self.target])

    def unavoidable(self, label: str) -> bool:
        """Whether every path from the input to the target leads through a layer."""
        pending, seen = [self.target], {label}
        while pending:
            here = pending.pop()
            if here in seen:
                continue
            seen.add(here)
            if not here or here not in self.steps:
                return False
            pending.extend(self.steps[here].operands)
        return True
