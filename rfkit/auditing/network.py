"""The network as a hand calculation goes through it: one step per layer and axis, with the right numbers on both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from rfkit.auditing.model import GEOMETRY, Numbers
from rfkit.auditing.values import whole
from rfkit.report import Layer, Number, Report

IMAGE = 0
"""Index of the node that stands for the network's input."""


@dataclass(frozen=True, slots=True)
class State:
    """Receptive field, jump and number of units of a map along one axis; None where one is not known."""

    r: Number | None
    j: Number | None
    n: Number | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one layer does along one axis.

    Attributes:
        k: kernel size; all its units for a layer that pools every position away. None where there is no window.
        s: stride.
        p: padding.
        d: dilation.
        before: the right numbers in front of the layer.
        after: the right numbers behind it.
        growth: jumps of its input that it adds to the field.
        factor: what it multiplies the jump by.
        free: it pools all positions away and has no kernel or stride of its own: no jump is left to state.
        transposed: a transposed convolution.
    """

    k: int | None
    s: int | None
    p: int | None
    d: int | None
    before: State
    after: State
    growth: Number | None
    factor: Number | None
    free: bool = False
    transposed: bool = False

    def __call__(self, state: State) -> State:
        """The state behind the layer, for any state in front of it: what a correct calculation makes of wrong inputs."""
        r = state.r if self.growth == 0 else None
        if self.growth and state.r is not None and state.j is not None:
            r = whole(state.r + self.growth * state.j)
        j = None if state.j is None or self.factor is None else whole(state.j * self.factor)
        return State(r, j, self._units(state.n))

    def _units(self, n: Number | None) -> Number | None:
        if n == self.before.n or n is None:
            return self.after.n if n is not None else None
        if self.free:
            return self.after.n
        if self.k is None or self.s is None or self.p is None or self.d is None:
            return n if self.before.n == self.after.n else None
        if self.transposed:
            return (n - 1) * self.s - 2 * self.p + self.d * (self.k - 1) + 1
        return units(n, self.k, self.s, self.p, self.d)


def units(n: Number, k: int, s: int, p: int, d: int, *, up: bool = False) -> int:
    """PyTorch's number of units behind a window: ``floor((n + 2*p - d*(k-1) - 1)/s) + 1``; ``up`` rounds up."""
    share = Fraction(n + 2 * p - d * (k - 1) - 1) / s
    return (ceil(share) if up else floor(share)) + 1


@dataclass(frozen=True, slots=True)
class Node:
    """A layer with its sources: indices of nodes, the one with the largest field last."""

    label: str
    kind: str
    type: str
    sources: tuple[int, ...]
    steps: tuple[Step, ...]

    def right(self, quantity: str) -> Numbers | None:
        """The right number, once where all axes agree; None where it is not known."""
        found = [_quantity(step, quantity) for step in self.steps]
        numbers = tuple(value for value in found if value is not None)
        if len(numbers) < len(found) or not found:
            return None
        return numbers[:1] if len(set(numbers)) == 1 else numbers

    @property
    def changes(self) -> bool:
        """Whether it changes field, jump or number of units, so that a table has to have a row for it."""
        return self.kind != "linear" and any(step.growth or step.before.n != step.after.n for step in self.steps)


def _quantity(step: Step, quantity: str) -> Number | None:
    if quantity in GEOMETRY:
        value: Number | None = getattr(step, quantity)
        return value
    name, _, side = quantity.partition("_")
    state = step.before if side == "in" else step.after
    return {"r": state.r, "j": state.j, "n": state.n}[name]


def nodes_of(report: Report) -> tuple[Node, ...]:
    """The image, then every layer in execution order."""
    axes = range(len(report.spatial))
    image = [State(1, 1, report.spatial[axis]) for axis in axes]
    found = [Node("input", "input", "", (), tuple(Step(None, None, None, None, s, s, 0, 1) for s in image))]
    index = {"input": IMAGE}
    by_label = {layer.label: layer for layer in report.layers}
    for layer in report.layers:
        sources = _sources(layer, by_label, index)
        before = found[sources[-1]].steps
        steps = tuple(_step(layer, axis, before[axis].after) for axis in axes)
        found.append(Node(layer.label, _kind(layer, steps, len(sources)), layer.type, sources, steps))
        index[layer.label] = len(found) - 1
    return tuple(found)


def _sources(layer: Layer, by_label: dict[str, Layer], index: dict[str, int]) -> tuple[int, ...]:
    """What the layer reads, context left out as in local fields, the largest field last."""
    known = [label for label in layer.inputs if label in index]
    carriers = [label for label in known if label == "input" or not all(by_label[label].global_)]
    chosen = carriers if carriers and not all(layer.global_) else known
    if not chosen:
        return (IMAGE,)

    def size(label: str) -> Number:
        return 0 if label == "input" else by_label[label].receptive_field[0] or 0

    return tuple(index[label] for label in sorted(dict.fromkeys(chosen), key=size))


def _step(layer: Layer, axis: int, before: State) -> Step:
    n = _positions(layer, axis, before)
    after = State(layer.receptive_field[axis], None if before.j is None else layer.jump[axis], n)
    growth = _growth(before, after)
    if layer.kernel_size is not None and len(layer.kernel_size) == len(layer.jump):
        return _window(layer, axis, _with_jump(before, after, layer, axis), growth)
    if growth and before.n is not None and growth == before.n - 1 and n == 1:
        count = int(before.n)
        return Step(count, count, 0, 1, before, State(after.r, None, n), growth, count, free=True)
    factor = Fraction(after.j) / before.j if after.j and before.j else None
    if factor is None and after.j is None:
        factor = Fraction(1)
    return Step(None, None, None, None, before, after, growth, None if factor is None else whole(factor))


def _window(layer: Layer, axis: int, states: tuple[State, State], growth: Number | None) -> Step:
    k, s, p, d = ((values or (1,) * len(layer.jump))[axis] for values in _geometry(layer))
    whole_map = (k, s, p) == (states[0].n, states[0].n, 0)
    free = whole_map and any(word in _words(layer) for word in ("adaptive", "mean"))
    if free:
        states = (states[0], replace(states[1], j=None))
    factor: Number = Fraction(1, s) if layer.transposed else s
    return Step(k, s, p, d, *states, growth, whole(Fraction(factor)), free, layer.transposed)


def _geometry(layer: Layer) -> tuple[tuple[int, ...] | None, ...]:
    return (layer.kernel_size, layer.stride, layer.padding, layer.dilation)


def _with_jump(before: State, after: State, layer: Layer, axis: int) -> tuple[State, State]:
    """The states around a window; where a single unit is left the jump is that of the window's stride."""
    if after.j is None and before.j is not None and layer.stride is not None:
        stride = Fraction(layer.stride[axis])
        after = replace(after, j=whole(before.j / stride if layer.transposed else before.j * stride))
    return before, after


def _growth(before: State, after: State) -> Number | None:
    if before.r is None or after.r is None:
        return None
    if after.r == before.r:
        return 0
    return None if not before.j else whole(Fraction(after.r - before.r) / before.j)


def _positions(layer: Layer, axis: int, before: State) -> int | None:
    """Units along the axis; one where the positions were pooled or flattened away.

    A window slides behind the channels. Elsewhere they may come last, so of the two dimensions it is the one that, times
    the jump, still spans what the layer read.
    """
    axes, rank, jump = len(layer.jump), len(layer.output_shape), layer.jump[axis]
    if rank == axes + 2:
        first, last = layer.output_shape[2 + axis], layer.output_shape[1 + axis]
        if layer.kernel_size is not None or before.n is None or before.j is None or jump is None:
            return first
        span, step = Fraction(before.n) * before.j, Fraction(jump)
        return last if abs(last * step - span) < abs(first * step - span) else first
    if all(layer.global_):
        return 1
    return None if before.n is None else int(before.n)


def _words(layer: Layer) -> str:
    return " ".join((layer.type, layer.name.rpartition(".")[2], *layer.operators)).lower()


def _kind(layer: Layer, steps: tuple[Step, ...], sources: int) -> str:
    words = _words(layer)
    if layer.transposed:
        return "up"
    if layer.kernel_size is not None:
        return "pool" if "pool" in words or "mean" in words else "conv"
    if "linear" in words:
        return "linear"
    if any(step.free for step in steps):
        return "pool"
    if sources > 1:
        return "join"
    return "other" if any(step.growth for step in steps) else "identity"
