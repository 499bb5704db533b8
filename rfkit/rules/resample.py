"""Interpolation, and the shuffles that trade channels for positions."""

from __future__ import annotations

import torch

from rfkit.footprint import Footprint, taps
from rfkit.rules.registry import Rule, See, rule
from rfkit.tracing import Call

aten = torch.ops.aten


def _interpolation(rank: int, kind: str, taps_read: int) -> Rule:
    """The rule that resamples the last ``rank`` dimensions; scale factors count where they were passed on, as in the kernels."""

    def interpolate(call: Call, see: See) -> Footprint | None:
        arguments = call.bound()
        aligned = bool(arguments.get("align_corners", False))
        scales = arguments.get("scale_factors") or [arguments.get(f"scales_{a}") for a in "dhw"[-rank:]]
        scales = [arguments["scales"]] if arguments.get("scales") else scales
        source = call.args[0]
        field = see(source)
        for d, scale in zip(range(-rank, 0), scales, strict=True):
            n, units = source.shape[d], call.output.shape[d]
            if call.op.overloadpacket is aten.upsample_nearest2d and units in (n, 2 * n):
                scale = None  # this kernel alone copies, or doubles, whatever the scale factor
            if field is None or (n == units and (taps_read == 2 or kind == "antialias")):
                continue
            if n == 1:
                field = field.expand([*field.shape[:d], units, *field.shape[len(field.shape) + d + 1 :]])
            elif kind == "antialias":
                field = field.slide(d, taps.antialiased(n, units, taps_read, aligned, scale))
            else:
                field = field.slide(d, taps.interpolation(n, units, taps_read, aligned, scale, kind == "exact"))
        return field

    return interpolate


for _rank in (1, 2, 3):
    rule(getattr(aten, f"upsample_nearest{_rank}d"))(_interpolation(_rank, "", 1))
    rule(getattr(aten, f"_upsample_nearest_exact{_rank}d"))(_interpolation(_rank, "exact", 1))
rule(aten.upsample_linear1d)(_interpolation(1, "", 2))
rule(aten.upsample_bilinear2d)(_interpolation(2, "", 2))
rule(aten.upsample_trilinear3d)(_interpolation(3, "", 2))
rule(aten.upsample_bicubic2d)(_interpolation(2, "", 4))
rule(aten._upsample_bilinear2d_aa)(_interpolation(2, "antialias", 2))
rule(aten._upsample_bicubic2d_aa)(_interpolation(2, "antialias", 4))


@rule(aten.pixel_shuffle)
def pixel_shuffle(call: Call, see: See) -> Footprint | None:
    """(..., C*r*r, H, W) to (..., C, H*r, W*r)."""
    field, r = see(call.args[0]), call.args[1]
    assert field is not None
    *lead, c, h, w = field.shape
    b = len(lead)
    split = field.reshape((*lead, c // r // r, r, r, h, w))
    return split.permute([*range(b), b, b + 3, b + 1, b + 4, b + 2]).reshape((*lead, c // r // r, h * r, w * r))


@rule(aten.pixel_unshuffle)
def pixel_unshuffle(call: Call, see: See) -> Footprint | None:
    """(..., C, H*r, W*r) to (..., C*r*r, H, W)."""
    field, r = see(call.args[0]), call.args[1]
    assert field is not None
    *lead, c, h, w = field.shape
    b = len(lead)
    split = field.reshape((*lead, c, h // r, r, w // r, r))
    return split.permute([*range(b), b, b + 2, b + 4, b + 1, b + 3]).reshape((*lead, c * r * r, h // r, w // r))


@rule(aten.channel_shuffle, aten.native_channel_shuffle)
def channel_shuffle(call: Call, see: See) -> Footprint | None:
    """The channels of each group, interleaved."""
    field, groups = see(call.args[0]), call.args[1]
    assert field is not None
    n, c, *rest = field.shape
    split = field.reshape((n, groups, c // groups, *rest))
    return split.permute([0, 2, 1, *range(3, 3 + len(rest))]).reshape(field.shape)
