"""Grad-CAM: which places of a feature map speak for a class.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017:

    alpha_k = (1/Z) sum_ij dy_c / dA_k,ij        (eq. 1)
    L = ReLU(sum_k alpha_k A_k)                  (eq. 2)

y_c is the score of class c before the softmax, A_k the k-th channel of the feature map, Z its number of places.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from trainer.errors import TrainerError


@dataclass(frozen=True)
class Place:
    """Where in a network the feature map is taken.

    Attributes:
        label: of the layer, for people.
        module: dotted name of the module whose output it is, or whose input where `before`; None: the map is made by
            a function, and is the last tensor of `shape` that the forward makes.
        call: which of the module's calls, from 0.
        before: take the module's input.
        shape: (C, H, W), where there is no module.
    """

    label: str
    module: str | None
    call: int = 0
    before: bool = False
    shape: tuple[int, ...] = ()


def last_feature_map(report: Mapping[str, Any], model: nn.Module) -> Place:
    """The last feature map on the way to the output, by rfkit's report of the network.

    Args:
        report: of schema ``rfkit.report/1``; ``totals.features`` names the layer.
        model: the network.

    Raises:
        TrainerError: there is none with height and width, as in a network of attention alone.
    """
    label = report["totals"]["features"]
    layers = {_label(layer): layer for layer in report["layers"]}
    if label not in layers:
        raise TrainerError("the network has no last feature map; --layer names one of its modules")
    layer = layers[label]
    shape = tuple(layer["output_shape"][1:])
    if len(shape) != 3 or shape[1] * shape[2] <= 1:
        raise TrainerError(f"{label}, the last feature map, has no height and width; --layer names another module")
    modules = dict(model.named_modules())
    if layer["name"] in modules:
        return Place(label, layer["name"], layer["call"])
    readers = [each for each in report["layers"] if list(each["inputs"]) == [label] and each["name"] in modules]
    if readers:
        return Place(label, readers[0]["name"], readers[0]["call"], before=True)
    return Place(label, None, shape=shape)


def named_layer(name: str, model: nn.Module) -> Place:
    """The output of a module's first call.

    Raises:
        TrainerError: there is no such module; the message names the nearest.
    """
    names = [each for each, _ in model.named_modules() if each]
    if name in names:
        return Place(name, name)
    import difflib

    near = difflib.get_close_matches(name, names, 3, 0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(names[:8])}"
    raise TrainerError(f"--layer {name!r}: the network has no such module; {hint}")


def grad_cam(model: nn.Module, images: Tensor, classes: Tensor, place: Place) -> NDArray[np.float32]:
    """Maps of what speaks for a class in each image, as eq. 2 gives them: 0 and above, not scaled.

    The network is run in eval mode and left as it was: its mode, its hooks, its gradients.

    Args:
        model: takes `images` and gives (N, classes) scores.
        images: (N, C, H, W), normalised.
        classes: (N,) the class of interest of each image.
        place: where the feature map is taken.

    Returns:
        (N, h, w) at the size of the feature map.

    Raises:
        TrainerError: what is taken there is no feature map, or the scores do not depend on it.
    """
    training = {module: module.training for module in model.modules()}
    kept = _Kept(place)
    try:
        model.eval()
        with torch.enable_grad(), kept.in_model(model):
            scores = model(images.detach().requires_grad_())
            features = kept.features(len(images))
            chosen = scores.gather(1, classes[:, None]).sum()
            (gradients,) = torch.autograd.grad(chosen, features, allow_unused=True)
    finally:
        for module, mode in training.items():
            module.training = mode
    if gradients is None:
        raise TrainerError(f"the scores do not depend on {place.label}; --layer names another module")
    alpha = gradients.mean((2, 3), keepdim=True)
    maps = torch.relu((alpha * features.detach()).sum(1))
    return maps.float().cpu().numpy()


@dataclass
class _Kept:
    """Keeps the feature map of a forward."""

    place: Place
    found: Any = None
    _calls: int = field(default=0)

    def in_model(self, model: nn.Module) -> AbstractContextManager[Any]:
        if self.place.module is None:
            return _LastOfShape(self)
        module = model.get_submodule(self.place.module)
        return (
            module.register_forward_pre_hook(self._input)
            if self.place.before
            else module.register_forward_hook(self._output)
        )

    def features(self, count: int) -> Tensor:
        found = self.found
        if not isinstance(found, Tensor) or found.ndim != 4 or len(found) != count:
            what = "nothing, as it did not run" if found is None else _described(found)
            raise TrainerError(
                f"{self.place.label} gives {what}: Grad-CAM needs a feature map of channels, height and width; "
                "--layer names another module"
            )
        return found

    def _input(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        self._calls += 1
        if self._calls != self.place.call + 1 or not inputs or not isinstance(inputs[0], Tensor):
            return None
        self.found = inputs[0]
        return (inputs[0].clone(), *inputs[1:])

    def _output(self, _: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        """Hand on a copy, since what follows may write into it."""
        self._calls += 1
        if self._calls != self.place.call + 1:
            return None
        self.found = output
        return output.clone() if isinstance(output, Tensor) else None


class _LastOfShape(TorchFunctionMode):
    """Keeps the last tensor of a shape that any function of torch returns."""

    def __init__(self, kept: _Kept) -> None:
        super().__init__()
        self._kept = kept

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and tuple(result.shape[1:]) == self._kept.place.shape and result.requires_grad:
            self._kept.found = result
        return result


def _label(layer: Mapping[str, Any]) -> str:
    return str(layer["name"]) if layer["call"] == 0 else f"{layer['name']}#{layer['call'] + 1}"


def _described(value: Any) -> str:
    return "x".join(map(str, value.shape)) if isinstance(value, Tensor) else f"a {type(value).__name__}"
