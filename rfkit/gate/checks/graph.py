"""The layers of a report as a graph: what reads what, which path sees most, what is left of the positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from rfkit.report import Layer, Number, Report

LINEAR = frozenset({"linear", "mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "matmul", "addmm_activation"})
AVERAGING = ("avg_pool", "adaptive_avg_pool", "mkldnn_adaptive_avg_pool", "mean", "nanmean", "sum", "nansum")
JOINING = frozenset({"add", "cat", "concat", "stack"})


@dataclass(frozen=True, slots=True)
class Graph:
    """A report's layers by label, with the labels that read each one; inputs of the network have no layer.

    ``report`` is what it was made of, ``layers`` its rows by label, ``readers`` the labels that read each label.
    """

    report: Report
    layers: dict[str, Layer] = field(default_factory=dict)
    readers: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, report: Report) -> Graph:
        """The graph of a report."""
        graph = cls(report, {layer.label: layer for layer in report})
        for layer in report:
            for source in layer.inputs:
                graph.readers.setdefault(source, []).append(layer.label)
        return graph

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers.values())

    def sources(self, layer: Layer) -> list[Layer]:
        """The layers that a layer reads, in order; the network's inputs left out."""
        return [self.layers[label] for label in layer.inputs if label in self.layers]

    def consumers(self, layer: Layer) -> list[Layer]:
        """The layers that read a layer, in execution order."""
        return [self.layers[label] for label in self.readers.get(layer.label, ())]

    def ancestors(self, layer: Layer) -> set[str]:
        """Labels of everything that a layer depends on, the network's inputs included, itself left out."""
        return _closure(layer.inputs, lambda label: self.layers[label].inputs if label in self.layers else ())

    def descendants(self, layer: Layer) -> set[str]:
        """Labels of everything that depends on a layer, itself left out."""
        return _closure(self.readers.get(layer.label, ()), lambda label: self.readers.get(label, ()))

    def outputs(self) -> list[Layer]:
        """The layers that made the network's outputs."""
        return [self.layers[o] for o in dict.fromkeys(self.report.totals.outputs) if o in self.layers]

    def is_single(self, layer: Layer) -> bool:
        """Whether no positions are left: every unit sees the same, and what is left is one vector for each image."""
        shape, given = layer.output_shape, self.report.input_shape
        batch = given[0] if len(given) == 2 + len(layer.global_) else 1
        inner = shape[1:] if shape[:1] == (batch,) else shape
        return bool(layer.global_) and all(layer.global_) and sum(size > 1 for size in inner) <= 1

    def main_output(self) -> Layer | None:
        """The layer that made the output that sees most; None where an input is handed through."""
        found = self.outputs()
        seen = self.report.totals.receptive_field
        return next((layer for layer in found if layer.receptive_field == seen), found[0] if found else None)

    def features(self) -> Layer | None:
        """The layer that made the last feature map."""
        return self.layers.get(self.report.totals.features or "")

    def longest_path(self, layer: Layer | None) -> list[Layer]:
        """From the input to a layer, at every joint through the operand that sees most; the latest of those that see alike."""
        path: list[Layer] = []
        order = {label: place for place, label in enumerate(self.layers)}
        while layer is not None:
            path.append(layer)
            layer = max(self.sources(layer), key=lambda source: (_seen(source), order[source.label]), default=None)
        return path[::-1]

    def needed(self) -> set[str]:
        """Labels of the layers that an output depends on."""
        found: set[str] = set()
        for output in self.outputs():
            found |= {output.label} | self.ancestors(output)
        return found & self.layers.keys()


def _closure(start: Sequence[str], step: Callable[[str], Sequence[str]]) -> set[str]:
    found: set[str] = set()
    pending = list(start)
    while pending:
        label = pending.pop()
        if label not in found:
            found.add(label)
            pending.extend(step(label))
    return found


def _seen(layer: Layer) -> Number:
    return sum((size for size in layer.receptive_field if size is not None), Fraction(0))


def identity(layer: Layer) -> str:
    """What all calls of one module share; a functional call has its own."""
    functional = layer.name.rpartition(".")[2] == layer.type and layer.params == 0
    return layer.label if functional else layer.name


def is_convolution(layer: Layer) -> bool:
    """Whether it convolves, transposed or not, whatever its module is called."""
    return layer.channels is not None


def is_spatial(layer: Layer) -> bool:
    """Whether it is a convolution with a kernel larger than 1 on some axis."""
    return is_convolution(layer) and max(layer.kernel_size or (1,)) > 1


def is_pointwise(layer: Layer) -> bool:
    """Whether it is a convolution that mixes all channels and no neighbours."""
    return is_convolution(layer) and not is_spatial(layer) and layer.groups == 1 and not layer.transposed


def is_linear(layer: Layer) -> bool:
    """Whether it multiplies by a matrix; attention's own products count too."""
    return layer.macs > 0 and not is_convolution(layer) and not LINEAR.isdisjoint(layer.operators)


def is_averaging(layer: Layer) -> bool:
    """Whether it averages or sums, by the operator that ran."""
    return any(operator.startswith(AVERAGING) for operator in layer.operators)


def is_joint(layer: Layer) -> bool:
    """Whether it adds or concatenates what several layers made."""
    return len(layer.inputs) > 1 and not JOINING.isdisjoint(layer.operators)


def map_size(layer: Layer) -> tuple[int, ...]:
    """Sizes of the map it makes, channels first; empty where its output is no map."""
    return layer.output_shape[2:] if len(layer.output_shape) == 2 + len(layer.receptive_field) else ()
