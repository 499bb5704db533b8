"""Where a network can be changed: modules of PyTorch's own classes that run and share nothing with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    owners = Counter(id(p) for m in network.model.modules() for p in m._parameters.values() if p is not None)
    found: dict[str, Site] = {}
    for call in network.trace.modules:
        if not call.name or call.name in found or call.name not in layers or not call.leaf:
            continue
        if len(call.inputs) != 1 or len(call.outputs) != 1:
            continue
        module = network.model.get_submodule(call.name)
        if _plain(module) and all(owners[id(p)] == 1 for p in module.parameters()):
            rank = CONVOLUTIONS.get(type(module), POOLINGS.get(type(module), 0))
            found[call.name] = Site(call.name, module, layers[call.name], call, rank)
    return found


def _plain(module: nn.Module) -> bool:
    """Whether nothing is attached to it that computes its weights or changes what it returns."""
    return not (module._forward_pre_hooks or module._forward_hooks)


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
