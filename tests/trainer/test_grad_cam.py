"""Grad-CAM is what Selvaraju et al. define, wherever the feature map is made, and leaves the network as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rfkit
from trainer.errors import TrainerError
from trainer.grad_cam import Place, grad_cam, last_feature_map, named_layer
from trainer.models.documents import FourBlockNet, TwoBranchNet


class Linear(nn.Module):
    """Scores are known linear functions of the feature map: y_c = sum_k w_ck mean_ij A_k,ij."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 2, 1, bias=False)
        self.head = nn.Linear(2, 3, bias=False)
        with torch.no_grad():
            self.features.weight.copy_(torch.tensor([1.0, -2.0]).reshape(2, 1, 1, 1))
            self.head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))


class Branches(nn.Module):
    """The last feature map is a sum, made by no module; the reader is one."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(torch.relu(self.left(x)) + self.right(x)).flatten(1))


class Functions(Branches):
    """Made by a function and read by one."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head((torch.relu(self.left(x)) + self.right(x)).mean((2, 3)))


class Overwritten(nn.Module):
    """The module's output is written into by what follows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv(x)).mean((2, 3)))


def report(model: nn.Module, shape: tuple[int, ...] = (1, 3, 6, 6)) -> dict[str, Any]:
    return rfkit.trace(model, shape).to_dict()


def by_definition(features: Tensor, score: Tensor) -> np.ndarray:
    """Eq. 1 and 2, written out over channels, for one image: features (C, h, w)."""
    (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
    total = torch.zeros(features.shape[1:])
    for channel in range(features.shape[0]):
        alpha = gradient[channel].sum() / gradient[channel].numel()
        total = total + alpha * features[channel].detach()
    return np.maximum(total.detach().numpy(), 0)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        # alpha_k = w_ck / Z with Z = 4 places (eq. 1), A = (x, -2x) and L = ReLU(sum alpha_k A_k) (eq. 2)
        (0, [[1 / 16, 2 / 16], [0, 4 / 16]]),  # w = (1, 0): x / 16 * 1
        (1, [[0, 0], [6 / 16, 0]]),  # w = (0, 1): -2x / 16
        (2, [[1 / 16, 2 / 16], [0, 4 / 16]]),  # w = (3, 1): 3x - 2x = x
    ],
)
def test_maps_equal_a_calculation_by_hand(chosen: int, expected: list[list[float]]) -> None:
    image = torch.tensor([[[[1.0, 2.0], [-3.0, 4.0]]]])
    found = grad_cam(Linear(), image, torch.tensor([chosen]), Place("features", "features"))
    np.testing.assert_allclose(found[0], np.array(expected) * 4, rtol=1e-6)


@pytest.mark.parametrize("model", [Branches(), Functions()], ids=["read by a module", "read by a function"])
def test_a_map_that_no_module_makes_is_found(model: Branches) -> None:
    images = torch.randn(2, 3, 6, 6)
    place = last_feature_map(report(model), model)
    found = grad_cam(model, images, torch.tensor([0, 1]), place)
    for row in range(2):
        features = (torch.relu(model.left(images[row])) + model.right(images[row])).detach().requires_grad_()
        score = model.head(features.mean((1, 2)))[row]
        np.testing.assert_allclose(found[row], by_definition(features, score), atol=1e-6)


@pytest.mark.parametrize(("network", "label", "side"), [(TwoBranchNet, "add", 5), (FourBlockNet, "block4.8", 3)])
def test_the_last_feature_map_of_the_documents_networks(network: type[nn.Module], label: str, side: int) -> None:
    model = network()
    place = last_feature_map(report(model, (1, 3, 32, 32)), model)
    maps = grad_cam(model, torch.randn(3, 3, 32, 32), torch.tensor([1, 2, 3]), place)
    assert (place.label, maps.shape) == (label, (3, side, side))
    assert (maps >= 0).all()
    assert maps.any()


def test_an_output_that_is_written_into_is_taken_as_it_was() -> None:
    model = Overwritten()
    image = torch.randn(1, 3, 6, 6)
    before = model.conv(image)[0].detach().requires_grad_()
    score = model.head(torch.relu(before).mean((1, 2)))[1]
    found = grad_cam(model, image, torch.tensor([1]), named_layer("conv", model))
    np.testing.assert_allclose(found[0], by_definition(before, score), atol=1e-6)


def test_the_network_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 2)).train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    grad_cam(model, torch.randn(2, 3, 6, 6), torch.tensor([0, 1]), Place("0", "0"))
    with pytest.raises(TrainerError):
        grad_cam(model, torch.randn(2, 3, 6, 6), torch.tensor([0, 1]), Place("3", "3"))
    assert [module.training for module in model] == [True, False, True, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_frozen_weights_are_no_obstacle() -> None:
    model = Linear()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    assert grad_cam(model, torch.ones(1, 1, 2, 2), torch.tensor([0]), Place("features", "features")).any()


def test_what_cannot_be_is_told_in_a_line() -> None:
    model = Overwritten()
    with pytest.raises(TrainerError, match="--layer 'cnv': the network has no such module; did you mean conv"):
        named_layer("cnv", model)
    with pytest.raises(TrainerError, match="head gives 1x2: Grad-CAM needs a feature map"):
        grad_cam(model, torch.ones(1, 3, 6, 6), torch.tensor([0]), named_layer("head", model))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(108, 2))
    with pytest.raises(TrainerError, match="--layer names"):
        last_feature_map(report(flat), flat)
