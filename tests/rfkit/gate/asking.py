"""Asking something of a network and reading the findings, in the fewest words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import torch
from torch import nn
from torch.nn import functional

import rfkit
from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.findings import Finding, Status
from rfkit.gate.judge import judge
from rfkit.gate.spec.keywords import model_of
from rfkit.report import Report

TODAY = date(2026, 6, 1)
IMAGE = (1, 3, 32, 32)


def report_of(network: nn.Module | Report, shape: Sequence[int] = IMAGE, **options: object) -> Report:
    """The report on a network at a shape; a report as it is."""
    return network if isinstance(network, Report) else rfkit.trace(network, shape, **options)


def findings(network: nn.Module | Report, shape: Sequence[int] = IMAGE, **asked: object) -> tuple[Finding, ...]:
    """All findings on a network of which this is asked, in the keys of a spec."""
    return judge(model_of("net", asked), report_of(network, shape), today=TODAY)


def finding(network: nn.Module | Report, shape: Sequence[int] = IMAGE, **asked: object) -> Finding:
    """The finding where one thing is asked."""
    found = findings(network, shape, **asked)
    assert len(found) == 1, found
    return found[0]


def broken(found: Sequence[Finding]) -> set[str]:
    """Codes of what does not hold, with the part where one is required or forbidden: ``RF201 dilated``."""
    return {
        f.code if f.code not in ("RF201", "RF202") else f"{f.code} {f.rule.split()[1]}"
        for f in found
        if f.status is not Status.HELD
    }


def chain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def conv(given: int, made: int, kernel: int = 3, **more: object) -> nn.Conv2d:
    """A convolution padded so that its map keeps its size at stride 1."""
    dilation = more.get("dilation", 1)
    assert isinstance(dilation, int)
    return nn.Conv2d(given, made, kernel, **{"padding": dilation * (kernel - 1) // 2, **more})


class Flat(nn.Module):
    """Average over all positions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Forward(nn.Module):
    """A network of the layers given by name, with a forward given as a function."""

    def __init__(self, forward: Callable[..., torch.Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.steps = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.steps(self, x)


def found(part: str, network: nn.Module, shape: Sequence[int] = IMAGE, **options: object) -> list[str]:
    """Labels of the layers that are a part."""
    return PARTS[part].find(Graph.of(report_of(network, shape, **options)))


def near(part: str, network: nn.Module, shape: Sequence[int] = IMAGE) -> list[str]:
    """Sentences on layers that are nearly a part."""
    return list(PARTS[part].near(Graph.of(report_of(network, shape))))


class Folded(nn.Module):
    """Ten numbers of four positions in each row, which a softmax mixes: 11 is an upper bound, all 8x8 pixels are seen."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(3, 10, stride=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.softmax(self.conv(x).view(-1, 10), -1)
