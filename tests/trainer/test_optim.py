from __future__ import annotations

from math import cos, pi
from typing import Any

import pytest
import torch
from torch import nn

from trainer.config.settings import SCHEDULES
from trainer.errors import TrainerError
from trainer.optim import Schedule, average, averaged, make_optimizer, parameter_groups


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_onecycle_is_that_of_torch() -> None:
    total, peak = 50, 0.4
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    # theirs reaches the peak after pct_start * total - 1 of total - 1 steps
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, total_steps=total, pct_start=0.3, cycle_momentum=False
    )
    ours = Schedule("onecycle", peak, (0.3 * total - 1) / (total - 1))
    for step in range(total):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(ours.at(step / (total - 1)), rel=1e-9)
        if step < total - 1:
            theirs.step()


@pytest.mark.parametrize(
    ("name", "progress", "rate"),
    [
        ("cosine", 0.25, (1 + cos(pi / 4)) / 2),
        ("cosine", 1.0, 0.0),
        ("linear", 0.25, 0.75),
        ("linear", 1.0, 0.0),
        ("step", 0.49, 1.0),
        ("step", 0.5, 0.1),
        ("step", 0.75, 0.01),
        ("constant", 0.9, 1.0),
    ],
)
def test_without_a_warm_up_the_rate_falls_by_its_formula(name: str, progress: float, rate: float) -> None:
    assert Schedule(name, 2.0).at(progress) == pytest.approx(2.0 * rate)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_rises_to_the_peak_and_never_again(name: str) -> None:
    schedule = Schedule(name, 0.5, warmup=0.2)
    rates = [schedule.at(step / 1000) for step in range(1001)]
    assert rates[0] == pytest.approx(0.5 / 25)
    assert max(rates) == rates[200] == pytest.approx(0.5)
    assert rates[:201] == sorted(rates[:201])
    assert rates[200:] == sorted(rates[200:], reverse=True)


def test_beyond_its_ends_the_rate_stays() -> None:
    schedule = Schedule("cosine", 1.0, 0.1)
    assert schedule.at(-1) == schedule.at(0)
    assert schedule.at(2) == schedule.at(1)


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(), nn.Flatten(), nn.Linear(4, 2))


def test_only_weights_decay() -> None:
    model = network()
    decays = {id(p): group["weight_decay"] for group in parameter_groups(model, 0.1) for p in group["params"]}
    assert {name: decays[id(parameter)] for name, parameter in model.named_parameters()} == {
        "0.weight": 0.1,
        "0.bias": 0,
        "1.weight": 0,
        "1.bias": 0,
        "2.weight": 0,
        "4.weight": 0.1,
        "4.bias": 0,
    }


def test_frozen_parameters_are_not_updated() -> None:
    model = network()
    model[0].requires_grad_(False)  # type: ignore[index]
    held = {id(p) for group in parameter_groups(model, 0.1) for p in group["params"]}
    assert id(model[0].weight) not in held  # type: ignore[index]
    assert len(held) == 5


@pytest.mark.parametrize(
    ("name", "kind", "fused"),
    [("sgd", torch.optim.SGD, True), ("AdamW", torch.optim.AdamW, True), ("rmsprop", torch.optim.RMSprop, False)],
)
def test_optimisers_go_by_their_name_and_are_fused_where_torch_has_that(name: str, kind: Any, fused: bool) -> None:
    made = make_optimizer(network(), name, lr=0.1, momentum=0.9, weight_decay=0.01)
    assert type(made) is kind
    assert bool(made.defaults.get("fused")) is fused
    assert [group["weight_decay"] for group in made.param_groups] == [0.01, 0.0]


def test_momentum_is_nesterovs() -> None:
    assert make_optimizer(network(), "sgd", lr=0.1, momentum=0.9, weight_decay=0).defaults["nesterov"] is True
    assert make_optimizer(network(), "sgd", lr=0.1, momentum=0.0, weight_decay=0).defaults["nesterov"] is False


def steps_of_muon(model: nn.Module, adamw_lr: float | None = None) -> dict[str, torch.Tensor]:
    """What one step at a rate of 0.1 adds to each parameter."""
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = make_optimizer(model, "Muon", lr=0.1, momentum=0.9, weight_decay=0.0, adamw_lr=adamw_lr)
    torch.manual_seed(0)
    model(torch.randn(8, 3, 9, 9)).square().mean().backward()
    optimizer.step()
    return {name: parameter.detach() - before[name] for name, parameter in model.named_parameters()}


def hidden_kernels() -> nn.Module:
    torch.manual_seed(0)
    hidden = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 16, 1, bias=False), nn.Flatten()
    return nn.Sequential(*hidden, nn.Linear(16 * 49, 2))


def test_muon_moves_kernels_along_all_directions_alike() -> None:
    """Newton-Schulz brings the singular values of an update to 0.7..1.2 (Jordan et al., 2024)."""
    steps = steps_of_muon(hidden_kernels())
    for name in ("0.weight", "3.weight"):
        matrix = steps[name].flatten(1)
        values = torch.linalg.svdvals(matrix) / (0.1 * 0.2 * max(matrix.shape) ** 0.5)
        assert 0.5 < values.min() <= values.max() < 1.4


def test_muon_leaves_norms_biases_and_the_scores_to_adam() -> None:
    """The first step of Adam is the rate, or nothing where there is no gradient."""
    steps = steps_of_muon(hidden_kernels())
    for name in ("1.weight", "1.bias", "5.weight", "5.bias"):
        sizes = steps[name].abs()
        torch.testing.assert_close(sizes[sizes > 0], torch.full_like(sizes[sizes > 0], 0.1), rtol=1e-2, atol=0.0)
    assert steps["5.bias"].abs().min() > 0


def test_what_muon_leaves_to_adamw_may_have_a_rate_of_its_own() -> None:
    same, slower = steps_of_muon(hidden_kernels()), steps_of_muon(hidden_kernels(), adamw_lr=0.02)
    for name in ("0.weight", "3.weight"):
        torch.testing.assert_close(slower[name], same[name])
    for name in ("1.weight", "1.bias", "5.weight", "5.bias"):
        torch.testing.assert_close(slower[name], same[name] / 5, rtol=1e-3, atol=1e-6)


def test_only_muon_has_a_second_rate() -> None:
    with pytest.raises(TrainerError, match="--adamw-lr is for --optimizer muon, not for sgd"):
        make_optimizer(network(), "sgd", lr=0.1, momentum=0.9, weight_decay=0.0, adamw_lr=0.1)


def test_muon_needs_no_hidden_kernels() -> None:
    optimizer = make_optimizer(nn.Linear(3, 2), "muon", lr=0.1, momentum=0.9, weight_decay=0.01)
    assert [group["use_muon"] for group in optimizer.param_groups] == [False, False]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mion", 'did you mean "?muon'),
        ("adamm", "torch.optim has none; did you mean adamw?|did you mean adam"),
        ("lbfgs", "step by step"),
        ("optimizer", "has none"),
    ],
)
def test_an_optimiser_that_cannot_be_is_named(name: str, said: str) -> None:
    with pytest.raises(TrainerError, match=said):
        make_optimizer(network(), name, lr=0.1, momentum=0.9, weight_decay=0.01)


def test_a_network_without_parameters_cannot_be_trained() -> None:
    with pytest.raises(TrainerError, match="no parameters to train"):
        make_optimizer(nn.Flatten(), "sgd", lr=0.1, momentum=0.9, weight_decay=0.01)


def test_the_average_follows_its_formula_and_counts_batches() -> None:
    model = nn.BatchNorm1d(1)
    ema = averaged(model)
    expected = 1.0
    for step, weight in enumerate([3.0, -1.0, 2.0]):
        with torch.no_grad():
            model.weight.fill_(weight)
            model.running_mean.fill_(10 * weight)  # type: ignore[union-attr]
            model.num_batches_tracked.fill_(step + 1)  # type: ignore[union-attr]
        average(ema, model, 0.15, step)
        decay = min(0.15, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    assert ema.weight.item() == pytest.approx(expected)
    assert ema.num_batches_tracked.item() == 3
    assert not any(parameter.requires_grad for parameter in ema.parameters())
    assert model.weight.requires_grad
