"""What a measurement of effective fields found, as plain frozen data.

Positions are in input pixels; 0.5 is the centre of the first pixel, as everywhere in rfkit. Per-axis values are tuples in
the order of the input's spatial axes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfkit.report import PerAxis


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its standard error over the inputs (None where fewer than two inputs count)."""

    value: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Square:
    """The smallest square around the unit's centre that holds a share of the gradient (an interval, a cube).

    Attributes:
        share: of the gradient, 0..1.
        side: in pixels.
        area: share of the image that lies inside, 0..1; what the image's border cuts off does not count.
    """

    share: float
    side: Estimate
    area: float


@dataclass(frozen=True, slots=True)
class CountedSquare:
    """The square of a share as the script of RepLKNet counts it; None where no square of its search holds the share."""

    share: float
    side: int | None
    area: float | None


@dataclass(frozen=True, slots=True)
class Disc:
    """The share of the gradient whose distance from the unit's centre is at most ``radius`` pixels."""

    radius: float
    share: Estimate


@dataclass(frozen=True, slots=True)
class Width:
    """The Gaussian along one axis that has the mean and the variance of the gradient.

    Attributes:
        mean: its centre, in pixels.
        sigma: its standard deviation, in pixels.
        ratio: 4 sigma over the theoretical size: two standard deviations to either side hold 95.45% of a Gaussian. None
            where there is no local field to compare with.
        overlap: 1 where the gradient is that Gaussian, 0 where they share nothing (1 less half the sum of absolute differences).
    """

    mean: float
    sigma: Estimate
    ratio: Estimate | None
    overlap: float


@dataclass(frozen=True, slots=True)
class EffectiveField:
    """The effective receptive field of one layer's centre unit.

    Attributes:
        layer: label of the layer, as the report has it.
        type: class name of the module, or name of the functional call.
        output_shape: of the layer, the batch included.
        unit: index of the unit along each axis; None on an axis where the layer has no positions.
        centre: of the unit's theoretical field, in pixels; squares and discs are drawn around it.
        receptive_field: theoretical size of its field, unclipped; None where it is not known.
        box: first and last pixel of the theoretical field on this image, per axis; None where it is not known.
        global_: per axis, whether the layer has no local field left.
        context: labels of the layers through which the gradient may reach beyond the box: gates, norms over positions.
        inside: share of the gradient inside the box; None without one.
        inputs: how many inputs count.
        ignored: how many do not, since on them the gradient is zero or not finite.
        squares: one per share.
        replknet: likewise, as the script of RepLKNet counts; empty but for images of two axes.
        discs: one per radius.
        widths: one per axis.
        map: share of the gradient on every position of the input; sums to 1.
    """

    layer: str
    type: str
    output_shape: tuple[int, ...]
    unit: tuple[int | None, ...]
    centre: tuple[float, ...]
    receptive_field: PerAxis
    box: tuple[tuple[int, int], ...] | None
    global_: tuple[bool, ...]
    context: tuple[str, ...]
    inside: float | None
    inputs: int
    ignored: int
    squares: tuple[Square, ...]
    replknet: tuple[CountedSquare, ...]
    discs: tuple[Disc, ...]
    widths: tuple[Width, ...]
    map: NDArray[np.float64] = field(repr=False, compare=False)

    def profile(self, axis: int) -> NDArray[np.float64]:
        """Share of the gradient on every position along one axis, summed over the others; sums to 1."""
        others = tuple(a for a in range(self.map.ndim) if a != axis)
        found: NDArray[np.float64] = self.map.sum(axis=others)
        return found


@dataclass(frozen=True, slots=True)
class Measurement:
    """Effective fields of some layers of one network.

    Attributes:
        target: what was measured.
        input_shape: the batch included.
        spatial: lengths of the input's axes.
        weights: which weights it had, in words: ``initial weights of seed 0``.
        inputs: what it was measured on, in words: ``16 random inputs of seed 0``.
        fields: in the order of the forward.
        left_out: layers that were asked for and have no effective field, each with the reason.
        notes: what the reader must know besides.
    """

    target: str
    input_shape: tuple[int, ...]
    spatial: tuple[int, ...]
    weights: str
    inputs: str
    fields: tuple[EffectiveField, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, label: str) -> EffectiveField:
        """The field of a layer. Raises KeyError for a layer that was not measured."""
        for each in self.fields:
            if each.layer == label:
                return each
        raise KeyError(f"{label!r} was not measured; there are {', '.join(each.layer for each in self.fields)}")

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON values (schema ``rfkit.erf/1``); maps are given as their profiles along each axis."""
        from rfkit.effective.as_dict import to_dict

        return to_dict(self)

    def picture(self) -> bytes:
        """A PNG: the map and profiles of a single layer, or small multiples of several."""
        from rfkit.effective.pictures import draw

        return draw([self])
