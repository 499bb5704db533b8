"""The effective receptive field, measured.

For the centre unit of a layer with output y and for an input x (Luo, Li, Urtasun and Zemel, NeurIPS 2016, section 2; the
rectified sum over the unit's channels is that of RepLKNet's script, Ding et al., CVPR 2022):

    s(x) = sum over channels c of max(y_c[centre], 0)
    E[i] = mean over inputs of sum over input channels of |ds / dx[i]|

E is scaled to a sum of 1. The rectified sum is taken since the plain one is constant behind a norm over channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rfkit.analyze import trace
from rfkit.effective import statistics
from rfkit.effective.inputs import Inputs, random_inputs
from rfkit.effective.layers import Recorded, Spot, growing, last_map, named, own_size, thinned
from rfkit.effective.replay import Replay
from rfkit.effective.result import EffectiveField, Measurement
from rfkit.errors import InputError, UsageError
from rfkit.memory import enough_for
from rfkit.report import Layer, Report

INPUTS = 16
"""How many inputs are used unless another number is asked for."""


def erf(
    model: nn.Module,
    input_shape: Sequence[int],
    layer: str | None = None,
    *,
    all_layers: bool = False,
    inputs: int | Sequence[Tensor] = INPUTS,
    seed: int = 0,
    radii: Sequence[float] | None = None,
    target: str | None = None,
) -> Measurement:
    """Measure the effective receptive field of a layer's centre unit, by gradients on the CPU.

    The model comes back exactly as it was, and is measured in eval mode.

    Args:
        model: any PyTorch module with real weights.
        input_shape: ``(N, C, *spatial)``, or ``(C, *spatial)`` for a batch of one.
        layer: as the report names it, e.g. ``conv2.0``; by default the last feature map (``totals.features``).
        all_layers: instead of one layer at most twelve that show how the field grows.
        inputs: how many random ones, or tensors of the input shape.
        seed: of random inputs.
        radii: of the discs, in pixels; by default powers of two.
        target: what to call the model; its class name by default.

    Raises:
        InputError: the shape is malformed, the forward refuses it, the model has no real weights, or no gradient arrives.
        UsageError: there is no such layer, or it has no positions left.
    """
    model = getattr(model, "_orig_mod", model)
    report = trace(model, input_shape, units=True, target=target)
    if isinstance(inputs, int):
        given = random_inputs(report.input_shape, inputs, seed)
    else:
        tensors = tuple(inputs)
        given = Inputs(lambda: iter(tensors), f"{len(tensors)} input{'s' if len(tensors) > 1 else ''}")
    layers = [] if layer is None else named(report, [layer])
    return measure(model, report, given, layers, all_layers=all_layers, radii=radii)


def measure(
    model: nn.Module,
    report: Report,
    inputs: Inputs,
    layers: Sequence[Layer] = (),
    *,
    all_layers: bool = False,
    radii: Sequence[float] | None = None,
    weights: str = "the model's weights",
    tell: Callable[[str], None] = lambda _: None,
) -> Measurement:
    """Measure the layers of a model that a report was made of, see ``erf``.

    Args:
        model: with real weights, as its report was made of it.
        report: with units.
        inputs: what to measure on.
        layers: of the report; by default the last feature map.
        all_layers: instead of these, at most twelve that show how the field grows.
        radii: of the discs, in pixels; by default powers of two.
        weights: what to say of the weights.
        tell: is told what is being done, in a few words.

    Raises:
        InputError: the model has no real weights, the input does not fit into memory, or no gradient arrives on any input.
        UsageError: none of the layers has a centre unit; the message says why.
    """
    on_meta = next((name for name, p in model.named_parameters() if p.is_meta), None)
    if on_meta is not None:
        raise InputError(f"{on_meta} is on meta, and gradients need numbers: give the model real weights")
    chosen = growing(report) if all_layers else list(layers) or [last_map(report)]
    recorded = Recorded.of(model, report)
    found = [(layer.label, recorded.spot(layer, report)) for layer in chosen]
    spots = [spot for _, spot in found if isinstance(spot, Spot)]
    left_out = [(label, reason) for label, reason in found if isinstance(reason, str)]
    if all_layers:
        spots, left_out = thinned(spots), [] if spots else left_out
    if not spots:
        raise UsageError(f"{left_out[0][0]} has no effective field: {left_out[0][1]}{_instead(report, left_out[0][0])}")
    item = recorded.trace.inputs[0].dtype.itemsize
    with enough_for(report.input_shape, item, report.totals.activation_bytes):
        collected = _gradients(recorded, spots, inputs, tell)
    fields = []
    for spot, maps in zip(spots, collected, strict=True):
        if maps.absolute:
            fields.append(_field(spot, maps, radii, report))
        else:
            left_out.append((spot.layer.label, maps.why))
    if not fields:
        raise InputError(f"no gradient reaches the input from {left_out[0][0]}: {left_out[0][1]}")
    return Measurement(
        target=report.target,
        input_shape=report.input_shape,
        spatial=report.spatial,
        weights=weights,
        inputs=inputs.text,
        fields=tuple(fields),
        left_out=tuple(left_out),
        notes=tuple(note for note in (*report.notes, inputs.note) if note),
    )


def _instead(report: Report, label: str) -> str:
    last = report.totals.features
    return f"; the last feature map is {last}" if last is not None and last != label else ""


@dataclass(slots=True)
class _Maps:
    """What the inputs gave for one layer: |gradient| of each input that counts, and the sum of positive parts."""

    absolute: list[NDArray[np.float64]] = field(default_factory=list)
    positive: NDArray[np.float64] | float = 0.0
    zero: int = 0
    not_finite: int = 0

    def add(self, gradient: Tensor, dims: Sequence[int]) -> None:
        """Take a gradient in, summed over all dimensions but those of the axes."""
        found = _summed(gradient.abs(), dims)
        if not np.isfinite(found).all():
            self.not_finite += 1
        elif not found.any():
            self.zero += 1
        else:
            self.absolute.append(found)
            self.positive = self.positive + _summed(gradient.clamp(min=0), dims)

    @property
    def why(self) -> str:
        """Why no input counts."""
        if self.not_finite:
            return "its gradient is not finite"
        return "its centre unit is 0 or less in all channels, or a detached tensor lies between"


def _summed(gradient: Tensor, dims: Sequence[int]) -> NDArray[np.float64]:
    others = [d for d in range(gradient.dim()) if d not in dims]
    summed = gradient.double().sum(others) if others else gradient.double()
    kept = sorted(dims)
    return summed.permute([kept.index(d) for d in dims]).numpy()


def _gradients(recorded: Recorded, spots: Sequence[Spot], inputs: Inputs, tell: Callable[[str], None]) -> list[_Maps]:
    """Gradients of all layers on all inputs, one input at a time; every layer shares the forward."""
    dims = [axis.dim for axis in recorded.grid.axes]
    replay = Replay(recorded.trace, [spot.value for spot in spots])
    collected = [_Maps() for _ in spots]
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        torch.default_generator.manual_seed(0)
        for number, given in enumerate(inputs.make(), 1):
            tell(f"input {number:,} of {inputs.text}")
            x = given.detach().to("cpu", recorded.trace.inputs[0].dtype).clone().requires_grad_()
            for spot, output, maps in zip(spots, replay(x), collected, strict=True):
                seen = output[spot.index].relu().sum()
                gradient = None
                if seen.requires_grad:
                    (gradient,) = torch.autograd.grad(seen, x, retain_graph=True, allow_unused=True)
                maps.add(torch.zeros_like(x) if gradient is None else gradient, dims)
    return collected


def _field(spot: Spot, maps: _Maps, radii: Sequence[float] | None, report: Report) -> EffectiveField:
    layer, each = spot.layer, np.stack(maps.absolute)
    total = each.sum(axis=0)
    shown = total / total.sum()
    own = own_size(spot, report.spatial)
    size = [None if everywhere or not r else r for r, everywhere in zip(own, layer.global_, strict=True)]
    seen = [hi - lo + 1 for lo, hi in spot.box] if spot.box else report.spatial
    return EffectiveField(
        layer=layer.label,
        type=layer.type,
        output_shape=layer.output_shape,
        unit=spot.unit,
        centre=spot.centre,
        receptive_field=own,
        box=spot.box,
        global_=layer.global_,
        context=layer.context,
        inside=None if spot.box is None else float(shown[tuple(slice(lo, hi + 1) for lo, hi in spot.box)].sum()),
        inputs=len(each),
        ignored=maps.zero + maps.not_finite,
        squares=statistics.squares(each, spot.centre),
        replknet=statistics.counted_squares(np.asarray(maps.positive) / len(each)),
        discs=statistics.discs(each, spot.centre, statistics.usual_radii(seen) if radii is None else radii),
        widths=tuple(statistics.width(each, axis, r) for axis, r in enumerate(size)),
        map=shown,
    )
