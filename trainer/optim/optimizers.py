"""Optimisers by name, fused where PyTorch has that, with weight decay on kernels only."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from trainer.config.settings import nearest
from trainer.errors import TrainerError

MUON = "muon"


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups of trainable parameters: those that decay, and norms and biases (one axis or none), which do not."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trainable if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trainable if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def make_optimizer(
    model: nn.Module, name: str, *, lr: float, momentum: float, weight_decay: float, adamw_lr: float | None = None
) -> torch.optim.Optimizer:
    """An optimiser of ``torch.optim``, or muon, by its name, in any case; fused where it can be.

    Args:
        model: whose parameters it updates.
        name: of the optimiser.
        lr: the highest learning rate. A group with an ``lr_scale`` has that times the rate of all.
        momentum: of sgd and muon.
        weight_decay: of kernels.
        adamw_lr: the highest rate of what muon leaves to AdamW; None: as `lr`.

    Raises:
        TrainerError: there is no such optimiser, it needs a closure, it is not installed, or nothing is to be trained.
    """
    groups = parameter_groups(model, weight_decay)
    if not groups:
        raise TrainerError("the network has no parameters to train")
    if name.lower() == MUON:
        return _muon(groups, lr, lr if adamw_lr is None else adamw_lr, momentum)
    if adamw_lr is not None:
        raise TrainerError(
            f"--adamw-lr is for --optimizer muon, not for {name}; --lr is the rate of all its parameters"
        )
    maker: Any = _class(name)
    known = inspect.signature(maker).parameters
    options: dict[str, Any] = {"lr": lr}
    if "weight_decay" not in known:
        groups = [{"params": group["params"]} for group in groups]
    if maker is torch.optim.SGD:
        options |= {"momentum": momentum, "nesterov": momentum > 0}
    if "fused" in known:
        try:
            fused: torch.optim.Optimizer = maker([dict(group) for group in groups], **options, fused=True)
            return fused
        except RuntimeError:  # not on this device, or not for these dtypes
            pass
    plain: torch.optim.Optimizer = maker(groups, **options)
    return plain


def _muon(groups: list[dict[str, Any]], lr: float, adamw_lr: float, momentum: float) -> torch.optim.Optimizer:
    """Muon for the kernels, AdamW for norms, biases and the kernel registered last (Jordan et al., 2024).

    That one is taken to make the scores. A kernel's update is made orthogonal as a matrix (out, in·k·k) and is as large as
    AdamW's would be, so that one learning rate may serve both (Liu et al., 2025, "Muon is scalable for LLM training",
    equation 4).
    """
    try:
        from pytorch_optimizer import Muon  # imports some hundred optimisers
    except ModuleNotFoundError as error:
        raise TrainerError("--optimizer muon needs pytorch-optimizer: pip install 'rfkit[train]'") from error
    parts: list[dict[str, Any]] = []
    for group in groups:
        tensors = group["params"]
        hidden = tensors[:-1] if tensors[0].ndim > 1 else []
        parts.append(
            {**group, "params": tensors[len(hidden) :], "use_muon": False, "lr": adamw_lr, "lr_scale": adamw_lr / lr}
        )
        if hidden:
            parts.append({**group, "params": hidden, "use_muon": True, "lr": lr, "momentum": momentum})
    optimizer: torch.optim.Optimizer = Muon(parts, use_adjusted_lr=True)
    return optimizer


def _class(name: str) -> type[torch.optim.Optimizer]:
    makers = {
        key.lower(): value
        for key, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
    }
    if name.lower() not in makers:
        raise TrainerError(f"--optimizer {name!r}: torch.optim has none{nearest(name.lower(), (*makers, MUON))}")
    maker = makers[name.lower()]
    if maker in (torch.optim.LBFGS, torch.optim.SparseAdam):
        raise TrainerError(f"--optimizer {name!r} cannot train a whole network step by step; take sgd or adamw")
    return maker
