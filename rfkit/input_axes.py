"""The axes that fields are measured on: the spatial dimensions of the inputs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from rfkit.footprint import Footprint
from rfkit.measure import Axis
from rfkit.tracing import Trace, Value


def conv_ranks(model: nn.Module) -> frozenset[int]:
    """Numbers of spatial dimensions of the model's convolutions."""
    from torch.nn.modules.conv import _ConvNd

    return frozenset(len(m.kernel_size) for m in model.modules() if isinstance(m, _ConvNd))


@dataclass(frozen=True, slots=True)
class Grid:
    """The axes, and by value index the footprints of the inputs. Inputs of one spatial shape share their axes."""

    axes: tuple[Axis, ...]
    roots: dict[int, Footprint]


def input_grid(ranks: frozenset[int], trace: Trace) -> Grid:
    """Find the axes of a trace's inputs: ``(N, C, *spatial)``, unless convolutions of these ranks say otherwise."""
    spatial = {v.index: _spatial_dims(ranks, v) for v in trace.inputs}
    groups: dict[tuple[int, ...], tuple[int, ...]] = {}
    axes: list[Axis] = []
    for value in trace.inputs:
        sizes = tuple(value.shape[d] for d in spatial[value.index])
        if sizes and sizes not in groups:
            groups[sizes] = tuple(range(len(axes), len(axes) + len(sizes)))
            for dim in spatial[value.index]:
                axes.append(Axis(len(axes), value.shape[dim], len(value.shape), dim))
    roots = {}
    for value in trace.inputs:
        dims = spatial[value.index]
        if dims:
            numbers = groups[tuple(value.shape[d] for d in dims)]
            roots[value.index] = Footprint.of_input(value.shape, dims, numbers, len(axes))
    return Grid(tuple(axes), roots)


def _spatial_dims(ranks: frozenset[int], value: Value) -> tuple[int, ...]:
    """The last dimensions, as many as the model's convolutions have; without any, all after the second; of (N, L) the second."""
    rank = len(value.shape)
    conv = max((r for r in ranks if r < rank), default=None)
    first = rank - conv if conv is not None and rank > 2 else 2 if rank > 2 else 1
    return tuple(range(first, rank))
