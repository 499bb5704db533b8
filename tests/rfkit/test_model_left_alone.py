"""A traced model comes back exactly as it was, also when its forward raises."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rfkit
from tests import zoo

HOOKS = [name for name, value in vars(nn.Module()).items() if "hooks" in name and isinstance(value, dict)]


def snapshot(net: nn.Module) -> dict[str, Any]:
    """All that a trace may touch, with the identity of every tensor beside its numbers."""
    tensors = dict(net.named_parameters(remove_duplicate=False)) | dict(net.named_buffers(remove_duplicate=False))
    return {
        "flags": {name: module.training for name, module in net.named_modules()},
        "identity": {name: (id(tensor), id(tensor.grad), tensor.requires_grad) for name, tensor in tensors.items()},
        "versions": {name: tensor._version for name, tensor in net.named_parameters()},
        "numbers": {name: tensor.detach().numpy().tobytes() for name, tensor in tensors.items()},
        "gradients": {n: t.grad.numpy().tobytes() for n, t in tensors.items() if t.grad is not None},
        "hooks": {f"{name}.{h}": list(getattr(m, h).items()) for name, m in net.named_modules() for h in HOOKS},
        "attributes": {name: set(vars(module)) for name, module in net.named_modules()},
        "children": {name: list(module._modules) for name, module in net.named_modules()},
        "random": (torch.get_rng_state().numpy().tobytes(), random.getstate(), np.random.get_state()[1].tobytes()),
        "modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()),
        "class": (nn.Module.__call__, nn.Module.__setattr__, type(net).forward),
        "global hooks": [len(getattr(nn.modules.module, name)) for name in GLOBAL_HOOKS],
        "device": torch.empty(0).device,
    }


GLOBAL_HOOKS = [name for name in vars(nn.modules.module) if name.startswith("_global") and name.endswith("hooks")]


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("training", [True, False, None], ids=["train", "eval", "mixed"])
@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_model_comes_back_as_it_was(name: str, training: bool | None, device: str) -> None:
    net = zoo.ZOO[name]()
    if training is not None:
        net.train(training)
    before = snapshot(net)
    rfkit.trace(net, zoo.IMAGE, device=device)
    assert snapshot(net) == before


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_the_model_comes_back_as_it_was_when_its_forward_raises(device: str) -> None:
    net = zoo.Refuses()
    net.norm.eval()
    before = snapshot(net)
    with pytest.raises(rfkit.InputError):
        rfkit.trace(net, zoo.IMAGE, device=device)
    assert snapshot(net) == before


def test_the_model_comes_back_as_it_was_when_it_is_interrupted() -> None:
    class Interrupted(zoo.CountsItsCalls):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise KeyboardInterrupt

    net = Interrupted()
    before = snapshot(net)
    with pytest.raises(KeyboardInterrupt):
        rfkit.trace(net, zoo.IMAGE)
    assert snapshot(net) == before


@pytest.mark.parametrize("enabled", [True, False])
def test_grad_mode_is_the_callers_inside_and_after(enabled: bool) -> None:
    with torch.set_grad_enabled(enabled):
        rfkit.trace(zoo.Detached(), zoo.IMAGE)
        assert torch.is_grad_enabled() is enabled


def test_a_model_still_trains_after_it_was_traced() -> None:
    net = nn.Sequential(zoo.conv(3), nn.BatchNorm2d(4)).train()
    rfkit.trace(net, zoo.IMAGE)
    net(torch.randn(2, *zoo.IMAGE[1:])).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert net[1].num_batches_tracked == 1


def test_inputs_that_are_given_are_not_written_into() -> None:
    class Scribbles(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mul_(0)

    image = torch.ones(zoo.IMAGE)
    for device in ("meta", "cpu"):
        rfkit.trace(Scribbles(), example_inputs=(image,), device=device)
    assert bool((image == 1).all())
