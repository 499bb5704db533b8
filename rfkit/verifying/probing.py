"""Probing: part of the input is NaN, or has a slope; which units show it, against which of them should.

What is put before a position reaches exactly the units that see something before it. The positions that matter are the
claimed boundaries: few in a coarse layer, many in a fine one, and the fine ones come early, so that most forwards end early.
Several images share a forward, each with a cut of its own.

A NaN shows in whatever is computed from it. A slope (forward-mode differentiation, with random slopes where NaN would be)
shows where the gradient of the unit is not zero on one of the positions. It can miss a dependence (a dead ReLU, the losers of a
max-pool, what underflows) and never invents one; weights are left as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.forward_ad import dual_level, unpack_dual

from rfkit.verifying.bench import Bench, CoupledImages, Watched
from rfkit.verifying.claims import NOTHING, AxisClaim, Cut, Span, deciding_cuts
from rfkit.verifying.results import Method
from rfkit.verifying.watch import Enough, Event, Look, Site, forward, forward_of_duals

Element = tuple[int, ...]
Mask = NDArray[np.bool_]
See = Callable[[int, Mask], None]

_NAMES = {Method.NAN: "NaN", Method.GRADIENT: "gradients"}


class Place(NamedTuple):
    """An element of a layer's output (of one image), and the axis on which it disagrees."""

    axis: int
    element: Element


@dataclass(slots=True)
class Finding:
    """What probing found of one layer.

    Attributes:
        outside: the first element that turned NaN although the claim says that nothing it sees was.
        less: the first that stayed clean although the claim says otherwise, in a unit of which nothing turned NaN.
        thin: the first that stayed clean although other elements of its units turned NaN.
        silent: by axis, units of which nothing turned NaN although the claim says otherwise.
        beyond: by axis, units of which something turned NaN although the claim says otherwise.
        unseen: why a forward did not show the layer, where one did not.

    For NaN read a slope where the method is that.
    """

    outside: Place | None = None
    less: Place | None = None
    thin: Place | None = None
    silent: dict[int, Mask] = field(default_factory=dict)
    beyond: dict[int, Mask] = field(default_factory=dict)
    unseen: str = ""


@dataclass(slots=True)
class Probing:
    """The forwards of one bench by one method; ``images`` counts the images probed, ``tell`` is told what is being done."""

    bench: Bench
    method: Method = Method.NAN
    images: int = 0
    tell: Callable[[str], None] = lambda _: None
    sites: dict[Site, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, watched in enumerate(self.bench.layers):
            if watched.site is not None:
                self.sites.setdefault(watched.site, []).append(number)

    def observe(self, cuts: Sequence[Cut], see: See) -> str:
        """Run a forward with one cut per image and show every layer's output, as (images, *shape).

        Returns why it did not come to its end, or to where ``see`` raised ``Enough``; nothing if it did.
        """
        bench, why = self.bench, ""
        self.images += len(cuts)

        def look(event: Event) -> None:
            nonlocal why
            if self.method is Method.NAN and bench.strays(event):
                why = "the forward takes another path with NaN"
                raise Enough
            for layer in self.sites.get(event.site, ()):
                see(layer, bench.layers[layer].images(self._shown(event.tensors[0]), bench.inputs.images))

        try:
            self._forward(cuts, look)
        except Exception as error:
            why = f"the forward raises {type(error).__name__} with {'NaN' if self.method is Method.NAN else 'slopes'}"
        return why

    def _forward(self, cuts: Sequence[Cut], look: Look) -> None:
        bench = self.bench
        if self.method is Method.NAN:
            forward(bench.model, bench.inputs.with_nan(cuts), look, bench.unclaimed)
            return
        with warnings.catch_warnings(), dual_level():
            warnings.simplefilter("ignore")
            forward_of_duals(bench.model, bench.inputs.with_slopes(cuts), look, bench.returned)

    def _shown(self, tensor: Tensor) -> Tensor:
        """Which elements are NaN, or have a slope; one that is not finite tells nothing."""
        if self.method is Method.NAN:
            return tensor.detach().isnan()
        slope: Tensor | None = unpack_dual(tensor).tangent  # type: ignore[no-untyped-call]
        if slope is None or slope._is_zerotensor():
            return torch.zeros(tensor.shape, dtype=torch.bool)
        return (slope != 0) & slope.isfinite()

    def check(self, plan: Mapping[Cut, Sequence[int]]) -> dict[int, Finding]:
        """Probe with every cut of a plan, which says for which layers it decides; one finding per layer."""
        found = {layer: Finding() for layers in plan.values() for layer in layers}
        order = sorted(plan, key=lambda cut: (max(plan[cut]), cut))
        size = self.bench.inputs.images
        for start in range(0, len(order), size):
            cuts = order[start : start + size]
            needs = [frozenset(plan[cut]) for cut in cuts]
            waiting = set().union(*needs)
            self.tell(f"{_NAMES[self.method]}: layer {max(plan[cuts[0]]) + 1:,} of {len(self.bench.layers):,}")
            why = self.observe(cuts, self._comparing(cuts, needs, waiting, found))
            for layer in waiting:
                found[layer].unseen = why or "no forward shows it"
        return found

    def _comparing(
        self,
        cuts: Sequence[Cut],
        needs: Sequence[frozenset[int]],
        waiting: set[int],
        found: Mapping[int, Finding],
    ) -> See:
        """What compares each layer that an image's cut decides something about, until none is waiting."""

        def see(layer: int, nan: Mask) -> None:
            if layer in waiting:
                waiting.discard(layer)
                wanted = [image for image, layers in enumerate(needs) if layer in layers]
                compare(self.bench.layers[layer], nan, cuts, wanted, found[layer])
            if not waiting:
                raise Enough

        return see

    def measure(self, layer: int, axis: int, element: Element) -> Span:
        """What one element of a layer's output really sees on an axis: a search for both ends.

        Every forward tries as many positions as there are images and keeps the interval between two of them.
        """
        length = self.bench.inputs.lengths[axis]
        last = self._smallest(layer, element, lambda at: Cut(axis, False, at), length, turns=False) - 1
        if last < 0:
            return NOTHING
        return self._smallest(layer, element, lambda at: Cut(axis, True, at), length, turns=True) - 1, last

    def _smallest(self, layer: int, element: Element, cut: Callable[[int], Cut], length: int, *, turns: bool) -> int:
        """The smallest position from 0 to ``length`` at which an element is NaN (``turns``) or clean."""
        low, high = 0, length
        while low < high:
            tried = sorted({low + (high - low) * i // (self.bench.inputs.images + 1) for i in self._steps()} - {high})
            states: list[bool] = []

            def see(number: int, nan: Mask, states: list[bool] = states) -> None:
                if number == layer:
                    states.extend(bool(image[element]) for image in nan)
                    raise Enough

            self.observe([cut(at) for at in tried], see)
            reached = [at for at, state in zip(tried, states, strict=False) if state is turns]
            missed = [at for at, state in zip(tried, states, strict=False) if state is not turns]
            high = min(reached, default=high)
            low = max((at + 1 for at in missed if at < high), default=low)
        return high

    def _steps(self) -> range:
        return range(1, self.bench.inputs.images + 1)


def compare(watched: Watched, nan: Mask, cuts: Sequence[Cut], wanted: Sequence[int], finding: Finding) -> None:
    """Note the first elements of a layer's output that turned NaN, or stayed clean, against its claims."""
    assert watched.claims is not None
    for image in wanted:
        cut = cuts[image]
        claim = watched.claims[cut.axis]
        expected = cut.reaches(claim)
        if not np.not_equal(nan[image], expected).any():
            continue
        some, every = _any_and_all(nan[image], claim)
        finding.silent[cut.axis] = finding.silent.get(cut.axis, False) | (expected & ~some)
        finding.beyond[cut.axis] = finding.beyond.get(cut.axis, False) | (some & ~expected)
        if finding.outside is None and (place := _first(some & ~expected)) is not None:
            finding.outside = Place(cut.axis, _element(nan[image], place, claim, wanted=True))
        if (place := _first(expected & ~every)) is not None:
            where = Place(cut.axis, _element(nan[image], place, claim, wanted=False))
            if not _short(some, expected):
                finding.thin = finding.thin or where
            elif finding.less is None:
                finding.less = where


def _any_and_all(nan: Mask, claim: AxisClaim) -> tuple[Mask, Mask]:
    """Per unit of a claim whether any, and whether every element of it is NaN."""
    dims = tuple(d for d, n in enumerate(claim.lo.shape) if n == 1)
    return np.asarray(nan.any(dims, keepdims=True)), np.asarray(nan.all(dims, keepdims=True))


def _short(some: Mask, expected: Mask) -> bool:
    """Whether a slice along some dimension, taken whole, stays clean where NaN is expected.

    If none does, the hulls that a report gives are exact, and only single elements see less.
    """
    told = [d for d, n in enumerate(some.shape) if n > 1] or [0]
    others = [tuple(d for d in range(some.ndim) if d != kept) for kept in told]
    return any((expected.any(o) & ~some.any(o)).any() for o in others)


def _first(units: Mask) -> Element | None:
    if not units.any():
        return None
    return tuple(int(i) for i in np.unravel_index(int(units.argmax()), units.shape))


def _element(nan: Mask, unit: Element, claim: AxisClaim, *, wanted: bool) -> Element:
    """The first element of a unit that is NaN, or is not."""
    inside = tuple(slice(i, i + 1) if n > 1 else slice(None) for i, n in zip(unit, claim.lo.shape, strict=True))
    within = _first(nan[inside] == wanted)
    assert within is not None
    return tuple(u if n > 1 else w for u, w, n in zip(unit, within, claim.lo.shape, strict=True))


def plan_cuts(bench: Bench, claims: Mapping[int, Sequence[AxisClaim]]) -> dict[Cut, list[int]]:
    """The cuts that decide claims of some layers, and for which layers each does."""
    plan: dict[Cut, list[int]] = {}
    for layer, per_axis in claims.items():
        for axis, claim in enumerate(per_axis):
            for cut in deciding_cuts(claim, axis, bench.inputs.lengths[axis]):
                plan.setdefault(cut, []).append(layer)
    return plan


def check_images_are_apart(probing: Probing) -> None:
    """Write NaN into the first of several images alone.

    Raises:
        CoupledImages: if it reaches the part of a layer's output that belongs to another image.
    """
    whole = Cut(0, True, probing.bench.inputs.lengths[0])

    def see(layer: int, nan: Mask) -> None:
        if nan[1:].any():
            raise CoupledImages(probing.bench.layers[layer].layer.label)

    if why := probing.observe([whole], see):
        raise CoupledImages(why)


def layers_with_nan(probing: Probing) -> Iterator[str]:
    """Labels of layers whose output has NaN though the input has none."""
    labels: list[str] = []

    def see(layer: int, nan: Mask) -> None:
        if nan.any():
            labels.append(probing.bench.layers[layer].layer.label)

    probing.observe([], see)
    yield from labels
