"""Where parameters, multiply-accumulates and memory go, and what standard remedies save."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from rfkit.gate.checks.graph import Graph, is_spatial
from rfkit.gate.checks.wording import MACS, counted, written
from rfkit.gate.limits import Limit
from rfkit.gate.quantities import COUNT, MEMORY, Quantity
from rfkit.render.text import area, listing, percent
from rfkit.report import Layer

Advice = tuple[str | None, tuple[str, ...]]
SHOWN = 3
MOST_REPLACED = 6
IN_PLACE = frozenset(
    {"ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Hardswish", "Hardsigmoid", "Hardtanh", "Mish"}
)


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost of layers that adds up to one of the network's."""

    total: Callable[[Graph], int]
    layer: Callable[[Layer], int]
    quantity: Quantity
    noun: str


COSTS = {
    "params": Cost(lambda g: g.report.totals.params, lambda x: x.params, COUNT, "parameters"),
    "macs": Cost(lambda g: g.report.totals.macs, lambda x: x.macs, MACS, "MACs"),
    "activation_memory": Cost(lambda g: g.report.totals.activation_bytes, lambda x: x.activation_bytes, MEMORY, ""),
}


def of_network(check: str, graph: Graph, limit: Limit) -> Advice:
    """The layer that costs most, and what saves how much of ``params``, ``macs`` or ``activation_memory``."""
    cost = COSTS[check]
    largest = sorted((x for x in graph if cost.layer(x)), key=cost.layer, reverse=True)
    if not largest:
        return None, ()
    sentences = [_most(cost, largest, graph)]
    if limit.too_large(cost.total(graph)):
        remedy = _in_place if check == "activation_memory" else _separable
        sentences += remedy(cost, graph, limit)
    return largest[0].label, tuple(sentences)


def _most(cost: Cost, largest: Sequence[Layer], graph: Graph) -> str:
    total = max(cost.total(graph), 1)
    parts = [
        f"{x.label} {written(cost.layer(x), cost.quantity)} ({percent(cost.layer(x) / total)})" for x in largest[:SHOWN]
    ]
    noun = f" {cost.noun}" if cost.noun else ""
    return f"most{noun} in {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Replacement:
    """A standard convolution and the depthwise separable one of the same geometry: weights, without biases."""

    layer: Layer
    before: int
    depthwise: int
    pointwise: int

    @property
    def saved(self) -> int:
        """Weights saved."""
        return self.before - self.depthwise - self.pointwise

    def saving(self, cost: Cost) -> int:
        """What it saves of a cost: every weight is used once for every position, before and after."""
        return self.saved if cost.quantity is COUNT else self.layer.macs * self.saved // self.before


def replacement(layer: Layer) -> Replacement | None:
    """What a standard convolution becomes: k*k*in*out weights become k*k*in + in*out; None for any other layer."""
    if not is_spatial(layer) or layer.groups != 1 or layer.transposed or layer.channels is None:
        return None
    window = prod(layer.kernel_size or (1,))
    given, made = layer.channels
    found = Replacement(layer, window * given * made, window * given, given * made)
    return found if found.saved > 0 and given > 1 else None


def _separable(cost: Cost, graph: Graph, limit: Limit) -> Iterator[str]:
    """What replacing the largest standard convolutions by depthwise separable ones leaves."""
    counted_once = {x.label for x in graph if cost.layer(x)}
    found = [r for x in graph if x.label in counted_once and (r := replacement(x)) is not None]
    found.sort(key=lambda r: r.saving(cost), reverse=True)
    if not found:
        return
    best, total = found[0], cost.total(graph)
    left = total - best.saving(cost)
    given, made = best.layer.channels or (0, 0)
    enough = "enough" if limit.holds(left) else "not enough alone"
    weights = f"{best.before:,} weights become {best.depthwise:,} + {best.pointwise:,}"
    saves = written(best.saving(cost), cost.quantity)
    yield (
        f"{best.layer.label} ({area(best.layer.kernel_size or ())}, {given} to {made} channels) made depthwise separable: "
        f"{weights}, which saves {saves}{_unit(cost)} and leaves {written(left, cost.quantity, limit)}: {enough}"
    )
    if not limit.holds(left):
        yield from _several(cost, found, total, limit)


def _several(cost: Cost, found: Sequence[Replacement], total: int, limit: Limit) -> Iterator[str]:
    for number in range(2, len(found) + 1):
        left = total - sum(r.saving(cost) for r in found[:number])
        if limit.holds(left) or number == min(len(found), MOST_REPLACED):
            names = listing([r.layer.label for r in found[:number]], 60)
            enough = "enough" if limit.holds(left) else "still not enough: narrow the widest layers too"
            yield f"the {number} largest ({names}) together leave {written(left, cost.quantity, limit)}: {enough}"
            return


def _unit(cost: Cost) -> str:
    return " MACs" if cost.quantity is MACS else ""


def _in_place(cost: Cost, graph: Graph, limit: Limit) -> Iterator[str]:
    """What activations save that overwrite what they read; a function without a row may read it too, so the sentence says so."""
    found = [x for x in graph if x.type in IN_PLACE and x.activation_bytes and _overwritable(graph, x)]
    if not found:
        return
    left = cost.total(graph) - sum(x.activation_bytes for x in found)
    saved = written(cost.total(graph) - left, MEMORY)
    enough = "enough" if limit.holds(left) else "not enough alone"
    yield (
        f"inplace=True in {counted(len(found), 'activation')} ({listing([x.label for x in found], 40)}), where nothing else "
        f"reads what they read, saves {saved} and leaves {written(left, MEMORY, limit)}: {enough}"
    )


def _overwritable(graph: Graph, layer: Layer) -> bool:
    """Whether nothing else reads what an activation reads, and no backward pass needs it."""
    sources = graph.sources(layer)
    alone = all(graph.readers.get(source.label, []) == [layer.label] for source in sources)
    return bool(sources) and alone and not any(map(_keeps_output, sources))


def _keeps_output(layer: Layer) -> bool:
    """Whether the backward pass of a layer needs its output, so that nothing may overwrite it."""
    return layer.type in IN_PLACE or bool({"sigmoid", "tanh", "softmax", "exp"} & set(layer.operators))
