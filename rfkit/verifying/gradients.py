"""The second method: the gradients of units, against what they are said to see. It shares nothing with NaN but the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rfkit.verifying.claims import AxisClaim
from rfkit.verifying.probing import Finding, Place, Probing, plan_cuts


@dataclass(frozen=True, slots=True)
class Support:
    """Of one layer: units whose gradient was looked at, those whose gradient fills the claim, the first that leaves it."""

    taken: int = 0
    equal: int = 0
    outside: Place | None = None


def supports(
    probing: Probing, claims: Mapping[int, Sequence[AxisClaim]], chosen: Mapping[int, Sequence[AxisClaim]]
) -> dict[int, Support]:
    """Look at the gradients of units of some layers; a layer that cannot be differentiated is left out.

    Args:
        probing: by gradients.
        claims: per layer and axis, of all units.
        chosen: the same of those to look at.
    """
    bench = probing.bench
    visible = {layer: claims_of_it for layer, claims_of_it in chosen.items() if bench.shows_slopes(layer)}
    found: dict[int, Support] = {}
    for layer, finding in probing.check(plan_cuts(bench, visible)).items():
        if finding.unseen:
            continue
        taken = [claim.decided_by(thinned) for claim, thinned in zip(claims[layer], chosen[layer], strict=True)]
        equal = [units & ~_differing(finding, axis, units) for axis, units in enumerate(taken)]
        found[layer] = Support(sum(int(u.sum()) for u in taken), sum(int(u.sum()) for u in equal), finding.outside)
    return found


def _differing(finding: Finding, axis: int, units: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Units whose gradient does not fill the claim, or leaves it."""
    none = np.zeros_like(units)
    return finding.silent.get(axis, none) | finding.beyond.get(axis, none)
