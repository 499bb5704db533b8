"""A measurement as JSON values, schema ``rfkit.erf/1``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from rfkit.effective.result import EffectiveField, Estimate, Measurement

SCHEMA = "rfkit.erf/1"


def to_dict(found: Measurement) -> dict[str, Any]:
    """All figures; maps are given as their profiles along each axis, sizes that are not whole as texts such as ``"1/2"``."""
    return {
        "schema": SCHEMA,
        "target": found.target,
        "input_shape": list(found.input_shape),
        "spatial": list(found.spatial),
        "weights": found.weights,
        "inputs": found.inputs,
        "fields": [_field(each) for each in found.fields],
        "left_out": [{"layer": label, "reason": reason} for label, reason in found.left_out],
        "notes": list(found.notes),
    }


def to_json(measurements: Sequence[Measurement]) -> str:
    """One measurement as an object, several (before and after a training) as a list of them."""
    values = [to_dict(each) for each in measurements]
    return json.dumps(values[0] if len(values) == 1 else values, indent=2, ensure_ascii=False) + "\n"


def _field(found: EffectiveField) -> dict[str, Any]:
    return {
        "layer": found.layer,
        "type": found.type,
        "output_shape": list(found.output_shape),
        "unit": list(found.unit),
        "centre": list(found.centre),
        "receptive_field": [str(r) if isinstance(r, Fraction) else r for r in found.receptive_field],
        "box": None if found.box is None else [list(edge) for edge in found.box],
        "global": list(found.global_),
        "context": list(found.context),
        "inside": _number(found.inside),
        "inputs": found.inputs,
        "ignored": found.ignored,
        "squares": [{"share": s.share, **_estimate("side", s.side), "area": _number(s.area)} for s in found.squares],
        "replknet": [{"share": s.share, "side": s.side, "area": _number(s.area)} for s in found.replknet],
        "radii": [{"radius": d.radius, **_estimate("share", d.share)} for d in found.discs],
        "gaussian": [
            {
                "mean": _number(w.mean),
                **_estimate("sigma", w.sigma),
                **_estimate("ratio", w.ratio),
                "overlap": _number(w.overlap),
            }
            for w in found.widths
        ],
        "profiles": [[_number(value) for value in found.profile(axis)] for axis in range(found.map.ndim)],
    }


def _estimate(name: str, found: Estimate | None) -> dict[str, float | None]:
    value, error = (None, None) if found is None else (found.value, found.error)
    return {name: _number(value), f"{name}_error": _number(error)}


def _number(value: float | None) -> float | None:
    """Six digits, more than any of these figures is good for."""
    return None if value is None else float(f"{value:.6g}")
