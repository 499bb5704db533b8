"""Modules that take the place of others, and copies of networks in which they do."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from rfkit.suggesting.edits import Added, Behind, Change, Channels, Edit, Geometry, Into, Separable, Swap, by_layer

CONVOLUTION: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
AVERAGES: dict[int, Any] = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
MAXIMA: dict[int, Any] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
GLOBAL: dict[int, Any] = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
GLOBAL_MAXIMA: dict[int, Any] = {1: nn.AdaptiveMaxPool1d, 2: nn.AdaptiveMaxPool2d, 3: nn.AdaptiveMaxPool3d}
"""Classes by their number of spatial dimensions."""
POOLINGS: dict[type, int] = {
    kind: rank for classes in (AVERAGES, MAXIMA, GLOBAL, GLOBAL_MAXIMA) for rank, kind in classes.items()
}
NORMS: tuple[Any, ...] = tuple(NORM.values())


Place = Mapping[str, Any]
"""Device and type of new weights, as constructors take them."""


def place_of(model: nn.Module) -> Place:
    """Device and type of a network's weights; the CPU and PyTorch's own type where it has none."""
    found = next((p for p in model.parameters() if p.is_floating_point()), None)
    return {} if found is None else {"device": found.device, "dtype": found.dtype}


def apply_edits(model: nn.Module, edits: Sequence[Edit]) -> nn.Module:
    """A copy of a network with edits made; the weights that they leave as they are, are shared with the network.

    Weights of new shapes are initialised as their classes do it, on the device that the network's are on.

    Raises:
        KeyError: if the network has no module of a name that is to be changed.
    """
    tensors = (*model.parameters(), *model.buffers())
    twin = copy.deepcopy(model, {id(t): t for t in tensors})
    place = place_of(model)
    for name, changes in by_layer(tuple(change for edit in edits for change in edit.changes)).items():
        parent, _, key = name.rpartition(".")
        holder = twin.get_submodule(parent) if parent else twin
        old = holder._modules[key]
        if old is None:
            raise KeyError(name)
        holder._modules[key] = rebuilt(old, changes, place)
    return twin


def rebuilt(module: nn.Module, changes: Sequence[Change], place: Place) -> nn.Module:
    """The module that takes a module's place, which stays as it is; ``changes`` are made in their order."""
    new = module
    for change in changes:
        new = _changed(new, change, place)
    return new.train(module.training)


def _changed(module: nn.Module, change: Change, place: Place) -> nn.Module:
    match change:
        case Geometry(after=window):
            return _convolution(
                module,
                place,
                kernel_size=window.kernel,
                stride=window.stride,
                padding=window.padding,
                dilation=window.dilation,
            )
        case Channels():
            return _resized(module, change, place)
        case Separable():
            return _separable(module, place)
        case Swap():
            return _swapped(module, change, place)
        case Behind():
            return _followed(module, change, place)


def _convolution(old: Any, place: Place, **other: Any) -> nn.Module:
    """A convolution like another but for some arguments; weights of the same shape are shared."""
    sized = ("in_channels", "out_channels", "kernel_size", "groups")
    arguments = {key: getattr(old, key) for key in (*sized, "stride", "padding", "dilation")} | other
    same = all(arguments[key] == getattr(old, key) for key in sized)
    new = type(old)(**arguments, bias=old.bias is not None, **({**place, "device": "meta"} if same else place))
    if same:
        new.weight, new.bias = old.weight, old.bias
    return new  # type: ignore[no-any-return]


def _resized(old: Any, change: Channels, place: Place) -> nn.Module:
    if isinstance(old, nn.Linear):
        given, made = change.given or old.in_features, change.made or old.out_features
        return nn.Linear(given, made, old.bias is not None, **place)
    if isinstance(old, NORMS):
        new: nn.Module = type(old)(change.made, old.eps, old.momentum, old.affine, old.track_running_stats, **place)
        return new
    given, made = change.given or old.in_channels, change.made or old.out_channels
    groups = given if old.groups > 1 else 1
    return _convolution(old, place, in_channels=given, out_channels=made, groups=groups)


def _separable(old: Any, place: Place) -> nn.Module:
    """k*k*c + c*d weights in the place of k*k*c*d; the window belongs to the depthwise half (Howard et al. 2017, section 3.1)."""
    given, bias = old.in_channels, old.bias is not None
    depthwise = type(old)(
        given, given, old.kernel_size, old.stride, old.padding, old.dilation, groups=given, bias=False, **place
    )
    return nn.Sequential(depthwise, type(old)(given, old.out_channels, 1, bias=bias, **place))


def _swapped(old: Any, change: Swap, place: Place) -> nn.Module:
    if change.into is Into.NOTHING:
        return nn.Identity()
    rank, channels = POOLINGS[type(old)], change.channels
    new: nn.Module
    if change.into is Into.GLOBAL_AVERAGE:
        new = GLOBAL[rank](1)
        return new
    kernel, stride, padding = (_each(getattr(old, name), rank) for name in ("kernel_size", "stride", "padding"))
    if change.into is Into.AVERAGE:
        new = AVERAGES[rank](kernel, stride, padding, old.ceil_mode)
        return new
    if change.into is Into.PADDED_CONVOLUTION:
        kernel, padding = (3,) * rank, (1,) * rank
    new = CONVOLUTION[rank](channels, channels, kernel, stride, padding, **place)
    return new


def _each(value: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _followed(old: nn.Module, change: Behind, place: Place) -> nn.Module:
    channels, convolution = change.channels, CONVOLUTION[change.rank]
    if change.added is Added.POINTWISE:
        return nn.Sequential(old, convolution(channels, channels, 1, **place))
    further = convolution(channels, channels, 3, padding=1, bias=False, **place)
    return nn.Sequential(old, further, NORM[change.rank](channels, **place), nn.ReLU())
