"""The trainer's dropout on a CPU is dropout: the same law as PyTorch's, from PyTorch's generator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.dropout import QuickDropout, quicken_dropout

SHAPES = [(1000, 1001), (16, 8, 31, 33)]


def drop(p: float, x: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(3)
    result: torch.Tensor = QuickDropout(p)(x)
    return result


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_share_p_is_dropped_and_the_rest_scaled(p: float, dtype: torch.dtype) -> None:
    x = torch.ones(1000, 1001, dtype=dtype)
    y = drop(p, x)
    spread = (p * (1 - p) / y.numel()) ** 0.5
    assert (y == 0).float().mean().item() == pytest.approx(p, abs=4 * spread + 2**-17)
    assert y.max().item() == pytest.approx(1 / (1 - p), rel=1e-4 if dtype == torch.float32 else 4e-3)
    assert y.unique().numel() == 2


def test_units_are_dropped_independently_of_their_neighbours() -> None:
    kept = (drop(0.5, torch.ones(4_000_003)) > 0).float() - 0.5
    for lag in (1, 2, 3, 4, 5, 8):
        correlation = 4 * (kept[lag:] * kept[:-lag]).mean().item()
        assert abs(correlation) < 5 / kept.numel() ** 0.5, lag


def test_what_was_dropped_gets_no_gradient() -> None:
    x = torch.rand(64, 8, 9, 9).add_(1).to(memory_format=torch.channels_last).requires_grad_()
    y = drop(0.3, x)
    y.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, y.detach() / x.detach())
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_the_generator_decides() -> None:
    x = torch.ones(1000)
    assert torch.equal(drop(0.5, x), drop(0.5, x))
    assert not torch.equal(QuickDropout(0.5)(x), QuickDropout(0.5)(x))


def test_without_training_and_at_the_ends_it_is_pytorchs() -> None:
    x = torch.rand(7, 5)
    assert torch.equal(QuickDropout(0.5).eval()(x), x)
    assert torch.equal(QuickDropout(0.0)(x), x)
    assert torch.equal(QuickDropout(1.0)(x), torch.zeros_like(x))
    strided = torch.rand(100, 100)[:, ::2]
    torch.manual_seed(3)
    assert torch.equal(nn.Dropout(0.5)(strided), drop(0.5, strided))


def test_a_network_keeps_its_weights_and_names_and_only_plain_dropouts_change() -> None:
    class OwnDropout(nn.Dropout):
        pass

    network = nn.Sequential(
        nn.Linear(3, 3), nn.Dropout(0.2), OwnDropout(0.2), nn.Dropout(0.2, inplace=True), nn.Dropout2d()
    )
    names, weights = [name for name, _ in network.named_modules()], network.state_dict()
    quicken_dropout(network)
    assert [type(module) for module in network] == [nn.Linear, QuickDropout, OwnDropout, nn.Dropout, nn.Dropout2d]
    assert [name for name, _ in network.named_modules()] == names
    assert network.state_dict().keys() == weights.keys()
    assert network[1].p == 0.2
