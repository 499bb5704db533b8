"""One operator between a convolution and an identity: the smallest network in which a rule can be right or wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import rfkit
from rfkit.report import Layer, Report
from tests.oracle import Measured, assert_exact, probe, units_of

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
STEM_KERNELS = (3, 5, 1)


class Call(nn.Module):
    """A function as a module, so that it can be named and printed."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Between(nn.Module):
    """``stem`` (a size-keeping convolution, another kernel per axis; or nothing), the operator, ``out``."""

    def __init__(self, operator: Callable[[Tensor], Tensor], channels: int, rank: int, stem: bool) -> None:
        super().__init__()
        kernel = STEM_KERNELS[:rank]
        padding = tuple(k // 2 for k in kernel)
        convolution = CONVOLUTIONS[rank]
        self.stem = convolution(channels, channels, kernel, padding=padding) if stem else nn.Identity()
        self.operator = operator if isinstance(operator, nn.Module) else Call(operator)
        self.out = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.operator(self.stem(x)))


def assert_operator_exact(
    build: Callable[[], Callable[[Tensor], Tensor]],
    shape: Sequence[int],
    dims: Mapping[int, int] | None = None,
    device: str = "meta",
) -> None:
    """What the operator's output sees, predicted and measured, is equal unit for unit, on the bare input and behind a stem.

    Args:
        build: makes the operator; called anew for each network.
        shape: input shape (channels and spatial sizes, without batch).
        dims: tensor dimension of the output that follows an axis, where it is not the obvious one.
        device: where the tracer runs the network.
    """
    for stem in (False, True):
        report, truth = trace_and_probe(Between(build(), shape[0], len(shape) - 1, stem), shape, device)
        assert_known(report)
        assert_exact({"out": report["out"]}, truth, dims)
        assert_extent_is_that_of_the_widest_unit(report["out"], truth["out"])


def assert_operator_contained(
    build: Callable[[], Callable[[Tensor], Tensor]], shape: Sequence[int], stems: Sequence[bool] = (False, True)
) -> None:
    """What is predicted holds at least what is measured; or the prediction says that it does not know."""
    for stem in stems:
        report, truth = trace_and_probe(Between(build(), shape[0], len(shape) - 1, stem), shape)
        layer = report["out"]
        if layer.unknown:
            continue
        for axis in range(len(shape) - 1):
            true_units = truth["out"].units(axis, truth["out"].follows(axis))
            predicted = units_of(layer, axis)
            if 1 in (len(true_units), len(predicted)):
                true_units, predicted = true_units * len(predicted), predicted * len(true_units)
            for unit, ((lo, hi), (first, last)) in enumerate(zip(predicted, true_units, strict=True)):
                assert first < 0 or lo <= first <= last <= hi, f"axis {axis} unit {unit}: {lo, hi} misses {first, last}"


def trace_and_probe(model: nn.Module, shape: Sequence[int], device: str = "meta") -> tuple[Report, dict[str, Measured]]:
    """The strict report with units, and the measurement, of one network with random weights."""
    torch.manual_seed(0)
    report = trace(model.eval(), shape, strict=True, units=True, device=device)
    return report, probe(model, (1, *shape))


def trace(model: nn.Module, shape: Sequence[int], **options: Any) -> Report:
    """The report on a batch of one. Lines go in as a tensor: three numbers alone may also be an unbatched plane."""
    if len(shape) == 2:
        return rfkit.trace(model, example_inputs=torch.zeros(1, *shape), **options)
    return rfkit.trace(model, (1, *shape), **options)


def assert_known(report: Report) -> None:
    unknown = {layer.unknown for layer in report if layer.unknown}
    assert not unknown, f"no rule for {sorted(unknown)}"


def assert_extent_is_that_of_the_widest_unit(layer: Layer, truth: Measured) -> None:
    """``extent`` is at least that of the widest element, and at most that of the widest unit, all channels together."""
    for axis, (lo, hi) in enumerate(zip(truth.lo, truth.hi, strict=True)):
        elements = int((hi - lo + (hi >= 0)).max())
        units = max(b - a + (b >= 0) for a, b in units_of(layer, axis))
        extent = layer.extent[axis]
        assert extent is not None
        assert elements <= extent <= units, f"axis {axis}: extent {extent}, truth {elements} to {units}"
