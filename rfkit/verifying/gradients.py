"""The second method: where the gradient of one unit is not zero, the unit depends on the input.

It shares nothing with NaN probing but the forward. It can miss a dependence (a dead ReLU, the losers of a max-pool, a
gradient that cancels or underflows) and never invents one: what lies outside the traced field proves the trace wrong,
what stays inside does not contradict it. Weights are left as they are; the channels of a unit are summed with random
weights, so that they do not cancel.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from rfkit.tracing import tensors_in
from rfkit.verifying.bench import Bench, Inputs, Watched
from rfkit.verifying.claims import NOTHING, Span
from rfkit.verifying.results import Disagreement, Method
from rfkit.verifying.watch import Event, forward

Element = tuple[int, ...]


@dataclass(slots=True)
class Support:
    """Of one layer: units whose gradient was taken, those that fill the traced field, the first that leaves it."""

    taken: int = 0
    equal: int = 0
    outside: Disagreement | None = None


def check_gradients(bench: Bench, clean: Any, picked: Mapping[int, Sequence[Element]]) -> dict[int, Support]:
    """Take gradients of elements of some layers, by their numbers; layers that cannot be differentiated are left out.

    Args:
        bench: its layers must be modules' outputs.
        clean: the inputs, one image.
        picked: elements of each layer's output; all channels that the trace does not tell apart are taken together.
    """
    inputs = _differentiable(clean)
    kept = _outputs(bench, inputs, picked.keys())
    tensors = [t for t in tensors_in(inputs) if t.requires_grad]
    numbers = [n for n, t in enumerate(tensors_in(inputs)) if t.requires_grad]
    generator = torch.Generator().manual_seed(0)
    found: dict[int, Support] = {}
    for layer, output in kept.items():
        support = Support()
        for element in picked[layer]:
            unit = _unit(output, bench.layers[layer], element)
            weights = torch.randn(unit.shape, generator=generator).to(unit.dtype)
            try:
                slopes = torch.autograd.grad((unit * weights).sum(), tensors, retain_graph=True, allow_unused=True)
            except RuntimeError:
                continue
            if not any(s is not None and s.isnan().any() for s in slopes):
                _note(support, bench, layer, element, dict(zip(numbers, slopes, strict=True)))
        if support.taken:
            found[layer] = support
    return found


def _differentiable(clean: Any) -> Any:
    return tree_map_only(Tensor, lambda t: t.detach().clone().requires_grad_() if t.is_floating_point() else t, clean)


def _outputs(bench: Bench, inputs: Any, layers: Iterable[int]) -> dict[int, Tensor]:
    """What the modules of some layers returned, copied before anything is written into it."""
    sites = {bench.layers[layer].site: layer for layer in layers}
    kept: dict[int, Tensor] = {}

    def look(event: Event) -> None:
        if event.site.of_module and event.site in sites and event.tensors and event.tensors[0].requires_grad:
            kept[sites[event.site]] = event.tensors[0].clone()

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forward(bench.model, inputs, look, gradients=True)
    except RuntimeError:
        return {}
    shapes = {layer: bench.layers[layer].shape for layer in kept}
    return {layer: output for layer, output in kept.items() if tuple(output.shape) == shapes[layer]}


def _unit(output: Tensor, watched: Watched, element: Element) -> Tensor:
    """An element with all others that no axis tells apart from it."""
    claims = watched.claims or ()
    told = [any(claim.lo.shape[d] > 1 for claim in claims) for d in range(output.ndim)]
    return output[tuple(slice(i, i + 1) if apart else slice(None) for i, apart in zip(element, told, strict=True))]


def _note(support: Support, bench: Bench, layer: int, element: Element, slopes: Mapping[int, Tensor | None]) -> None:
    support.taken += 1
    equal = True
    for axis, claim in enumerate(bench.layers[layer].claims or ()):
        traced, measured = claim.of(element), _span(bench.inputs, axis, slopes)
        equal = equal and traced == measured
        difference = Disagreement(axis, claim.unit(element), element, traced, measured, Method.GRADIENT)
        if support.outside is None and difference.outside:
            support.outside = difference
    support.equal += equal


def _span(inputs: Inputs, axis: int, slopes: Mapping[int, Tensor | None]) -> Span:
    """First and last position of an axis at which a gradient is not zero."""
    seen: list[int] = []
    for number, dim in inputs.places[axis]:
        slope = slopes.get(number)
        if slope is not None:
            seen += (slope != 0).movedim(dim, 0).reshape(slope.shape[dim], -1).any(1).nonzero().flatten().tolist()
    return (min(seen), max(seen)) if seen else NOTHING


def elements_to_pick(watched: Watched, number: int, count: int) -> list[Element]:
    """Elements of a layer whose gradients are telling: centre, both corners, and others at random.

    The ``number``-th layer begins with another of them, so that layers with a single one take turns.
    """
    generator = torch.Generator().manual_seed(number)
    places = [
        tuple(n // 2 for n in watched.shape),
        tuple(0 for _ in watched.shape),
        tuple(n - 1 for n in watched.shape),
        *(tuple(int(torch.randint(n, (), generator=generator)) for n in watched.shape) for _ in range(count)),
    ]
    turned = places[number % 4 :] + places[: number % 4]
    return list(dict.fromkeys(turned))[:count]
