"""A model on the bench: its inputs, its trace with real numbers, and of each layer what is claimed and where it shows."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.forward_ad import make_dual
from torch.utils._pytree import tree_map_only

from rfkit.forward import Subject, record
from rfkit.input_axes import Grid, input_grid
from rfkit.propagate import Fields, propagate
from rfkit.report import Layer, Report
from rfkit.rows import Row, build_rows
from rfkit.tracing import Trace, tensors_in
from rfkit.verifying.claims import AxisClaim, Cut, claims_of, joined, of_one_sample
from rfkit.verifying.sites import Ran, calls_that_ran, returned_operators, row_sites
from rfkit.verifying.watch import Event, Site, forward


class CoupledImages(Exception):  # noqa: N818 - it is an answer, not an error
    """Several images cannot share a forward: they are mixed, or the model takes only one."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a forward is given: random numbers, and where on each axis something is put that shows in what depends on it.

    Attributes:
        clean: a tensor, a tuple of the forward's arguments, or a dict of its keyword arguments.
        images: how many images lie one behind the other in the first dimension.
        lengths: positions on each axis.
        places: per axis the inputs, by number, and their dimensions that have it.
    """

    clean: Any
    images: int
    lengths: tuple[int, ...]
    places: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def together(self) -> tuple[int, ...]:
        """A number per axis, the same for the axes of one image: that of the first input that has them."""
        return tuple(
            min((number for number, _ in places), default=-1 - axis) for axis, places in enumerate(self.places)
        )

    def with_nan(self, cuts: Sequence[Cut]) -> Any:
        """The input with NaN where each image's cut says; images without a cut stay clean."""
        given = copy.deepcopy(self.clean)
        for part in self._parts(list(tensors_in(given)), cuts):
            part.fill_(float("nan"))
        return given

    def with_nan_everywhere(self) -> Any:
        """The input with nothing but NaN in whatever has an axis."""
        given = copy.deepcopy(self.clean)
        tensors = list(tensors_in(given))
        for number in self._with_axes():
            tensors[number].fill_(float("nan"))
        return given

    def with_slopes(self, cuts: Sequence[Cut]) -> Any:
        """The input as dual numbers: random slopes where each image's cut says, elsewhere none."""
        given = copy.deepcopy(self.clean)
        tensors = list(tensors_in(given))
        slopes = {number: torch.zeros_like(tensors[number]) for number in self._with_axes()}
        generator = torch.Generator().manual_seed(0)
        for part in self._parts(slopes, cuts):
            part.normal_(generator=generator)
        dual = {id(tensors[n]): make_dual(tensors[n], slope) for n, slope in slopes.items()}  # type: ignore[no-untyped-call]
        return tree_map_only(Tensor, lambda t: dual.get(id(t), t), given)

    def _with_axes(self) -> set[int]:
        return {number for places in self.places for number, _ in places}

    def _parts(self, tensors: Sequence[Tensor] | Mapping[int, Tensor], cuts: Sequence[Cut]) -> Iterator[Tensor]:
        """What each image's cut takes of every tensor that has its axis."""
        for image, cut in enumerate(cuts):
            where = cut.positions(self.lengths[cut.axis])
            for number, dim in self.places[cut.axis]:
                part = tensors[number].narrow(dim, where.start, len(where))
                yield part if self.images == 1 else part[image]


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One layer on the bench.

    Attributes:
        layer: its row in the report.
        value: index of its output in the trace.
        site: where its output shows; None where it does not.
        shape: of the output of one image.
        shape_of_all: of the output of all images.
        dim: where the images lie one behind the other; None for a single one, or where the layer does not see them.
        claims: per axis what is claimed of one image; None where the trace knows nothing.
        apart: the same with every axis by itself, as reports have it: a unit in the padding of one axis sees the other.
    """

    layer: Layer
    value: int
    site: Site | None
    shape: tuple[int, ...]
    shape_of_all: tuple[int, ...]
    dim: int | None
    claims: tuple[AxisClaim, ...] | None
    apart: tuple[AxisClaim, ...] = ()

    def images(self, mask: Tensor, count: int) -> NDArray[np.bool_]:
        """What holds of each element of a tensor seen at the site, as (images, *shape)."""
        whole = mask.numpy().reshape(self.shape_of_all)
        if self.dim is None:
            return np.broadcast_to(whole, (count, *self.shape))
        parts = (*self.shape[: self.dim], count, *self.shape[self.dim :])
        return np.moveaxis(whole.reshape(parts), self.dim, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """A model, ready to be probed.

    Attributes:
        ran: what runs, by site.
        places: by number of an operator, where it is in the trace.
        returned: by number of a call of a function of torch, the number of the operator whose result it returns.
    """

    model: nn.Module
    inputs: Inputs
    trace: Trace
    fields: Fields
    layers: tuple[Watched, ...]
    ran: Mapping[Site, Ran]
    places: Mapping[int, int]
    returned: Mapping[int, int]

    @property
    def unclaimed(self) -> frozenset[str]:
        """Names of the operators without a rule: of what they make, and of what follows, nothing is claimed."""
        return frozenset(self.fields.unknown.values())

    def shows_slopes(self, layer: int) -> bool:
        """Whether a layer's output is what a module returns, or a function of torch."""
        site = self.layers[layer].site
        return site is not None and (site.of_module or site.number in self.returned.values())

    def strays(self, event: Event) -> bool:
        """Whether something happens in a forward that did not happen there before."""
        return event.site not in self.ran or not self.ran[event.site].again(event)


def prepare(model: nn.Module, clean: Any, images: int, report: Report) -> Bench:
    """Trace a model with real numbers and find out where each layer of a report shows.

    Args:
        model: on the CPU, with real weights.
        clean: what its forward is given; floating-point tensors of the model's own type.
        images: how many images that is.
        report: the strict report on one image.

    Raises:
        CoupledImages: if what a layer makes of several images is not one part per image.
        ForwardError: from whatever the forward raised.
    """
    subject = Subject.of(model, None)
    trace = record(model, clean, subject.dtype, "cpu")
    grid = input_grid(subject.ranks, trace)
    fields = propagate(trace, grid.roots, local=False)
    ran: dict[Site, Ran] = {}
    forward(model, clean, lambda event: ran.update({event.site: Ran.of_event(event)}))
    returned = returned_operators(model, clean, ran)
    places = calls_that_ran(trace, ran)
    rows = build_rows(trace, fields).rows
    reported = {layer.label: layer for layer in report}
    inputs = _inputs(clean, images, trace, grid)
    layers = tuple(
        _watched(reported[row.label], row, site, fields, inputs)
        for row, site in zip(rows, row_sites(trace, rows, places), strict=True)
        if row.label in reported
    )
    return Bench(model, inputs, trace, fields, layers, ran, places, returned)


def _inputs(clean: Any, images: int, trace: Trace, grid: Grid) -> Inputs:
    places: list[list[tuple[int, int]]] = [[] for _ in grid.axes]
    tensors = list(tensors_in(clean))
    for number, value in enumerate(trace.inputs):
        root = grid.roots.get(value.index)
        if root is not None and tensors[number].is_floating_point():
            for axis in range(len(grid.axes)):
                places[axis] += [(number, dim) for dim in root.position_dims(axis)]
    return Inputs(clean, images, tuple(a.length for a in grid.axes), tuple(tuple(p) for p in places))


def _watched(layer: Layer, row: Row, site: Site | None, fields: Fields, inputs: Inputs) -> Watched:
    shape, all_of_it = layer.output_shape, row.output.shape
    dim = _stacked_along(shape, all_of_it, inputs.images)
    value = row.output.index
    if value in fields.unknown or layer.unknown is not None:
        return Watched(layer, value, site, shape, all_of_it, dim, None)
    if dim is None and inputs.images > 1 and value in fields.known:
        raise CoupledImages(layer.label)
    whole = claims_of(fields.known.get(value), all_of_it, len(inputs.lengths))
    apart = tuple(of_one_sample(claim, shape, dim) for claim in whole)
    return Watched(layer, value, site, shape, all_of_it, dim, joined(apart, inputs.together), apart)


def _stacked_along(shape: Sequence[int], all_of_it: Sequence[int], images: int) -> int | None:
    """The dimension that is so many times longer with several images; None where nothing is."""
    if tuple(shape) == tuple(all_of_it):
        return 0 if images == 1 and shape else None
    times = [d for d, (n, m) in enumerate(zip(shape, all_of_it, strict=False)) if m == n * images and m != n]
    rest = [n for d, n in enumerate(shape) if d not in times]
    if (
        len(shape) != len(all_of_it)
        or len(times) != 1
        or rest != [n for d, n in enumerate(all_of_it) if d not in times]
    ):
        raise CoupledImages(f"{tuple(shape)} and {tuple(all_of_it)}")
    return times[0]


def random_inputs(shape: Sequence[int], images: int, dtype: torch.dtype) -> Tensor:
    """So many images of random numbers, the same in every run; ``shape`` is that of one, batch included."""
    generator = torch.Generator().manual_seed(0)
    wide = (images, *shape[1:]) if images > 1 else tuple(shape)
    return torch.randn(wide, generator=generator).to(dtype)
