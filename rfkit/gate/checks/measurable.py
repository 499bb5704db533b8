"""The numbers that can be limited: their codes, their words, and where a report holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rfkit.gate.checks.graph import Graph, is_convolution
from rfkit.gate.checks.gridding import holes_of_features
from rfkit.gate.checks.wording import MACS
from rfkit.gate.quantities import COUNT, HOLE, MEMORY, SHARE, SIZE, WINDOW, Quantity
from rfkit.report import Layer, Number

Values = Sequence[Number | float | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that can be limited.

    Attributes:
        phrase: how a message says its value: ``receptive field {}``.
        verb: ``is`` or ``are``.
        codes: of the rules on its lower and its upper limit.
        quantity: what it counts.
        whole: its values for the network as a whole; None: it is one of layers only.
        layer: its values for a layer; None where it has none.
        missing: what a layer lacks that has none: ``a kernel``.
        undefined: why the network may have none on an axis.
        short, over: what a gap is called below and above the limit.
    """

    phrase: str
    verb: str
    codes: tuple[str, str]
    quantity: Quantity
    whole: Callable[[Graph], Values] | None
    layer: Callable[[Layer], Values | None]
    missing: str = "such a value"
    undefined: str = "no two units are left to compare"
    short: str = "short"
    over: str = "too large"


def _window(name: str) -> Callable[[Layer], Values | None]:
    def values(layer: Layer) -> Values | None:
        found: Values | None = getattr(layer, name)
        if not is_convolution(layer) or found is None:
            return None
        if name == "dilation":
            return [d if k > 1 else None for d, k in zip(found, layer.kernel_size or (), strict=True)]
        return found

    return values


MEASURES = {
    "receptive_field": Measure(
        "receptive field {}", "is", ("RF101", "RF102"), SIZE,
        lambda graph: graph.report.totals.receptive_field, lambda layer: layer.receptive_field,
    ),
    "receptive_field_features": Measure(
        "receptive field {} before pooling", "is", ("RF103", "RF104"), SIZE,
        lambda graph: graph.report.totals.receptive_field_features, lambda layer: layer.receptive_field,
    ),
    "jump": Measure(
        "jump {}", "is", ("RF105", "RF105"), SIZE,
        lambda graph: graph.report.totals.jump_features, lambda layer: layer.jump, "two units to compare",
    ),
    "coverage": Measure(
        "coverage {}", "is", ("RF106", "RF106"), SHARE,
        lambda graph: (graph.report.totals.coverage,), lambda layer: (layer.coverage,), over="too much",
    ),
    "max_hole": Measure(
        "longest hole {}", "is", ("RF108", "RF108"), HOLE, holes_of_features, lambda layer: layer.max_hole,
        "positions that were looked at", undefined="the trace did not look for holes",
    ),
    "params": Measure(
        "{} parameters", "are", ("RF110", "RF110"), COUNT,
        lambda graph: (graph.report.totals.params,), lambda layer: (layer.params,), short="too few", over="too many",
    ),
    "macs": Measure(
        "{} MACs", "are", ("RF111", "RF111"), MACS,
        lambda graph: (graph.report.totals.macs,), lambda layer: (layer.macs,), short="too few", over="too many",
    ),
    "activation_memory": Measure(
        "activation memory {}", "is", ("RF112", "RF112"), MEMORY,
        lambda graph: (graph.report.totals.activation_bytes,), lambda layer: (layer.activation_bytes,),
        short="too little", over="too much",
    ),
    "kernel_size": Measure("kernel size {}", "is", ("RF205", "RF205"), WINDOW, None, _window("kernel_size"), "a kernel"),
    "stride": Measure("stride {}", "is", ("RF206", "RF206"), WINDOW, None, _window("stride"), "a stride"),
    "dilation": Measure("dilation {}", "is", ("RF207", "RF207"), WINDOW, None, _window("dilation"), "a dilation"),
}  # fmt: skip
"""By the key of the spec."""
