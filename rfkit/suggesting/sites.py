"""Where a network can be changed: modules of PyTorch's own classes that run and share nothing with others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from torch import nn

from rfkit.report import Layer
from rfkit.suggesting.edits import Window
from rfkit.suggesting.network import Network
from rfkit.suggesting.rebuild import CONVOLUTION, NORMS, POOLINGS
from rfkit.tracing import ModuleCall

CONVOLUTIONS: dict[type, int] = {kind: rank for rank, kind in CONVOLUTION.items()}
_FOLLOWING = (*NORMS, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
"""Besides activations, what may stand between a convolution and the place behind it."""


class Obstacle(StrEnum):
    """Why a layer is left alone."""

    FUNCTION = "called as a function"
    SEVERAL = "given or returning several tensors"
    HOOKED = "with hooks"
    SHARED = "sharing weights"
    OTHER = "transposed, not padded with zeros, or of a class of its own"


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A module that can be changed.

    Attributes:
        name: its dotted name.
        module: the module.
        layer: the first of its calls in the report.
        call: the first of its calls in the record.
        rank: number of its spatial dimensions, 0 where it has none.
    """

    name: str
    module: Any
    layer: Layer
    call: ModuleCall
    rank: int

    @property
    def window(self) -> Window:
        """Geometry of a convolution."""
        m = self.module
        return Window(m.kernel_size, m.stride, m.padding, m.dilation)

    @property
    def given(self) -> tuple[int, ...]:
        """Shape of what it is given."""
        return self.call.inputs[0].shape

    @property
    def made(self) -> tuple[int, ...]:
        """Shape of what it returns."""
        return self.call.outputs[0].shape


def sites(network: Network) -> dict[str, Site]:
    """Every leaf module that can be changed, by name, in execution order."""
    layers = {layer.name: layer for layer in reversed(network.report.layers)}
    found: dict[str, Site] = {}
    for call, module, obstacle in _leaves(network):
        if obstacle is None and call.name not in found and call.name in layers:
            rank = CONVOLUTIONS.get(type(module), POOLINGS.get(type(module), 0))
            found[call.name] = Site(call.name, module, layers[call.name], call, rank)
    return found


def left_alone(network: Network) -> dict[str, tuple[str, ...]]:
    """Labels of the layers with a window or weights that no edit can change, by the reason."""
    found = sites(network)
    obstacles = {call.name: obstacle for call, _, obstacle in _leaves(network) if call.name not in found}
    alone: defaultdict[str, list[str]] = defaultdict(list)
    for layer in network.report:
        site = found.get(layer.name)
        if site is None and (layer.kernel_size or layer.params):
            alone[obstacles.get(layer.name) or Obstacle.FUNCTION].append(layer.label)
        elif site is not None and layer.kernel_size and not (is_convolution(site) or type(site.module) in POOLINGS):
            alone[Obstacle.OTHER].append(layer.label)
    return {str(reason): tuple(labels) for reason, labels in alone.items()}


def _leaves(network: Network) -> Iterator[tuple[ModuleCall, nn.Module, Obstacle | None]]:
    """The calls of modules without children, and what keeps each module from being changed."""
    owners = Counter(id(p) for m in network.model.modules() for p in m._parameters.values() if p is not None)
    for call in network.trace.modules:
        if call.leaf and call.name:
            module = network.model.get_submodule(call.name)
            yield call, module, _obstacle(call, module, owners)


def _obstacle(call: ModuleCall, module: nn.Module, owners: Mapping[int, int]) -> Obstacle | None:
    """Hooks may compute a module's weights, or change what it returns."""
    if len(call.inputs) != 1 or len(call.outputs) != 1:
        return Obstacle.SEVERAL
    if module._forward_pre_hooks or module._forward_hooks:
        return Obstacle.HOOKED
    return Obstacle.SHARED if any(owners[id(p)] > 1 for p in module.parameters()) else None


def is_convolution(site: Site) -> bool:
    """Whether it is one of PyTorch's own convolutions, not transposed, padded with zeros by numbers."""
    m = site.module
    return type(m) in CONVOLUTIONS and m.padding_mode == "zeros" and not isinstance(m.padding, str)


def convolutions(found: Mapping[str, Site]) -> Iterator[Site]:
    """The convolutions among the sites, on maps of more than one position."""
    return (site for site in found.values() if is_convolution(site) and max(site.given[2:], default=1) > 1)


def poolings(found: Mapping[str, Site]) -> Iterator[Site]:
    """The poolings among the sites."""
    return (site for site in found.values() if type(site.module) in POOLINGS)


def last_behind(site: Site, found: Mapping[str, Site]) -> Site:
    """The norm, activation or dropout that ends what a convolution began, of those beside it; itself where none follows."""
    parent = site.name.rpartition(".")[0]
    last = site
    for other in list(found.values()):
        beside = other.name.rpartition(".")[0] == parent
        if beside and other.call.enter > last.call.enter and other.call.inputs[0] is last.call.outputs[0]:
            if not _follows(other.module):
                break
            last = other
    return last


def _follows(module: nn.Module) -> bool:
    return isinstance(module, _FOLLOWING) or type(module).__module__ == "torch.nn.modules.activation"
