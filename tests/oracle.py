"""The truth, measured: which input positions each unit of each layer depends on, by NaN probing.

NaN is written into one whole slice of the input along one axis at a time; a unit that turns NaN depends on that slice.
It needs no rule, no geometry and no graph, so it shares no mistake with the tracer, and it imports nothing of rfkit.
It is exact for hulls, independent of weights, dead units and max-pool winners: a NaN survives a zero weight, a ReLU and
a max-pool. It does not survive comparisons, ``argmax``, ``nan_to_num`` or a ``where`` on values: networks probed here
avoid those.

oneDNN and NNPACK are switched off while probing, for their tiled (Winograd) convolutions smear a NaN over a tile; so is
fused attention, which drops scores that are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

Unit = tuple[int, int]
NOTHING: Unit = (-1, -1)
OUTPUT = "output"


class Predicted(Protocol):
    """What the tracer says about one layer; all that is read here is its ``units``."""

    @property
    def units(self) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] | None: ...


@dataclass(frozen=True)
class Measured:
    """First and last input position that every element of one output depends on, per input axis.

    Attributes:
        lo, hi: one integer array per input axis, of the output's own shape; -1 where nothing is seen.
    """

    lo: tuple[np.ndarray, ...]
    hi: tuple[np.ndarray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.lo[0].shape)

    def follows(self, axis: int) -> int | None:
        """The tensor dimension along which the fields of input axis ``axis`` move; None when they are all the same.

        That is the usual dimension (batch, channel, then the axes in order) when they move along it, else the only one.
        Elements that see nothing count along the usual dimension only: other gaps are other axes' doing.

        Raises:
            AssertionError: they move along several dimensions, none of them the usual one.
        """
        lo, hi, usual = self.lo[axis], self.hi[axis], 2 + axis
        unseen = hi < 0
        moving = _varying(lo, unseen) | _varying(hi, unseen)
        if usual in moving or (not moving and usual in _varying(hi)):
            return usual
        if not moving:
            return None
        assert len(moving) == 1, f"the fields of axis {axis} move along dimensions {moving}: name one"
        return moving.pop()

    def units(self, axis: int, dim: int | None) -> list[Unit]:
        """Hull over all other dimensions for every unit of ``dim``, or of the whole tensor (one unit) for None."""
        lo, hi = self.lo[axis], self.hi[axis]
        lo = np.where(lo < 0, np.iinfo(np.int64).max, lo)
        others = tuple(d for d in range(lo.ndim) if d != dim)
        first, last = np.atleast_1d(lo.min(axis=others)), np.atleast_1d(hi.max(axis=others))
        return [(int(a), int(b)) if b >= 0 else NOTHING for a, b in zip(first, last, strict=True)]


def _varying(values: np.ndarray, ignored: np.ndarray | None = None) -> set[int]:
    """Dimensions along which two values differ."""
    low = high = values
    if ignored is not None:
        low, high = np.where(ignored, np.iinfo(np.int64).max, values), np.where(ignored, -1, values)
    return {d for d in range(values.ndim) if bool((low.min(axis=d) < high.max(axis=d)).any())}


def probe(
    model: nn.Module, *inputs: Tensor | Sequence[int], axes: Sequence[int] | None = None, of: int = 0
) -> dict[str, Measured]:
    """What every leaf module's output, by label, and the network's own, ``output``, depend on in one of its inputs.

    Labels are module paths, with ``#2``, ``#3``, ... for later calls of the same module.

    Args:
        model: put into eval mode, on the CPU with random weights; its floating-point results are what is looked at.
        inputs: tensors, or shapes (batch included) of random ones.
        axes: tensor dimensions of the probed input that are its spatial axes; all after the channels by default.
        of: which input is probed.
    """
    model = model.eval()
    tensors = [x if isinstance(x, Tensor) else torch.randn(*x) for x in inputs]
    axes = tuple(range(2, tensors[of].ndim)) if axes is None else tuple(axes)
    with torch.no_grad(), exact_kernels():
        clean = forward_outputs(model, tensors)
        measured = {label: _nothing_seen(value.shape, len(axes)) for label, value in clean.items()}
        smeared = [label for label, value in clean.items() if value.isnan().any()]
        assert not smeared, f"NaN without a probe in {smeared[:5]}: nothing can be measured"
        for number, axis in enumerate(axes):
            for position in range(tensors[of].shape[axis]):
                poisoned = tensors[of].clone()
                poisoned.select(axis, position).fill_(float("nan"))
                outputs = forward_outputs(model, [*tensors[:of], poisoned, *tensors[of + 1 :]])
                for label, value in outputs.items():
                    _mark(measured[label], number, position, value.isnan().numpy())
    return measured


def _nothing_seen(shape: Sequence[int], axes: int) -> Measured:
    def empty() -> np.ndarray:
        return np.full(tuple(shape), -1, dtype=np.int64)

    return Measured(tuple(empty() for _ in range(axes)), tuple(empty() for _ in range(axes)))


def _mark(seen: Measured, axis: int, position: int, reached: np.ndarray) -> None:
    lo, hi = seen.lo[axis], seen.hi[axis]
    lo[reached & (lo < 0)] = position
    hi[reached] = position


@contextmanager
def exact_kernels() -> Iterator[None]:
    """Convolutions and attention as plain matrix products, so that a NaN reaches the units that read it and no other."""
    onednn, nnpack = torch.backends.mkldnn.enabled, torch.backends.nnpack.set_flags(False)
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mkldnn.enabled = onednn
        torch.backends.nnpack.set_flags(*nnpack)


def forward_outputs(model: nn.Module, inputs: Sequence[object]) -> dict[str, Tensor]:
    """First tensor that each leaf module returned, by label, copied before anyone can write into it; and ``output``."""
    outputs: dict[str, Tensor] = {}
    calls: dict[str, int] = {}

    def watch(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(module: nn.Module, arguments: object, result: object) -> None:
            calls[name] = calls.get(name, 0) + 1
            tensor = first_tensor(result)
            if tensor is not None and tensor.is_floating_point():
                outputs[name if calls[name] == 1 else f"{name}#{calls[name]}"] = tensor.detach().clone()

        return hook

    leaves = [(name, module) for name, module in model.named_modules() if name and not any(module.children())]
    handles = [module.register_forward_hook(watch(name)) for name, module in leaves]
    try:
        result = first_tensor(model(*inputs))
    finally:
        for handle in handles:
            handle.remove()
    assert result is not None, "the network returns no tensor"
    outputs[OUTPUT] = result.detach()
    return outputs


def first_tensor(value: object) -> Tensor | None:
    """The first tensor inside nested tuples, lists, mappings and dataclasses."""
    if isinstance(value, Tensor):
        return value
    parts: list[object] = []
    if isinstance(value, Mapping):
        parts = list(value.values())
    elif isinstance(value, (tuple, list)):
        parts = list(value)
    elif is_dataclass(value):
        parts = [getattr(value, field.name) for field in fields(value)]
    return next((tensor for part in parts if (tensor := first_tensor(part)) is not None), None)


def differences(predicted: Predicted, truth: Measured, dims: Mapping[int, int] | None = None) -> list[str]:
    """One line per axis on which predicted units are not the measured ones; nothing when all are equal.

    Args:
        predicted: a layer of a report traced with ``units=True`` and ``strict=True``.
        truth: the same layer's measurement.
        dims: tensor dimension that follows an axis, where it cannot be told from the measurement alone.
    """
    if predicted.units is None:
        return ["no units in the report"]
    lines = []
    for axis in range(len(truth.lo)):
        dim = dims[axis] if dims else truth.follows(axis)
        lines += axis_difference(axis, units_of(predicted, axis), truth.units(axis, dim))
    return lines


def units_of(predicted: Predicted, axis: int) -> list[Unit]:
    """Predicted units of one axis as pairs."""
    assert predicted.units is not None
    lo, hi = predicted.units[axis]
    return list(zip(lo, hi, strict=True))


def axis_difference(axis: int, predicted: Sequence[Unit], truth: Sequence[Unit]) -> list[str]:
    """At most one line that names the first differing unit; a single true unit stands for any number of equal ones."""
    if len(truth) == 1 and predicted:
        truth = list(truth) * len(predicted)
    if len(predicted) != len(truth):
        return [f"axis {axis}: {len(predicted)} units predicted, {len(truth)} measured"]
    wrong = [i for i, (p, t) in enumerate(zip(predicted, truth, strict=True)) if p != t]
    if not wrong:
        return []
    unit = wrong[0]
    return [
        f"axis {axis} unit {unit}: {predicted[unit]} predicted, {truth[unit]} true ({len(wrong)} of {len(truth)} differ)"
    ]


def assert_exact(
    layers: Mapping[str, Predicted], truth: Mapping[str, Measured], dims: Mapping[int, int] | None = None
) -> None:
    """Every layer named in ``layers`` is predicted as measured, unit for unit; fails with the first few differences."""
    assert layers, "nothing to compare"
    found = [f"{label}: {line}" for label, layer in layers.items() for line in differences(layer, truth[label], dims)]
    assert not found, "\n".join([f"{len(found)} differences", *found[:5]])
