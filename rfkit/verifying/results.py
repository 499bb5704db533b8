"""What a verification found, as plain frozen data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

SCHEMA = "rfkit.verification/2"
Span = tuple[int, int]


class Verdict(StrEnum):
    """What real forwards say of the trace of one layer.

    EQUAL: every unit compared sees what the trace says. UPPER_BOUND: no unit sees more, and some less was seen, in a
    layer where that is no mistake (see ``LayerResult.why``). WRONG: a unit sees something outside the claim; or less than
    claimed, where the claim is meant to be exact. NOT_COMPARED: there is no claim, or nothing to look at.
    """

    EQUAL = "equal"
    UPPER_BOUND = "upper bound"
    WRONG = "wrong"
    NOT_COMPARED = "not compared"


class Method(StrEnum):
    """How a layer was measured."""

    NAN = "nan"
    GRADIENT = "gradient"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first unit that does not see what was traced.

    Attributes:
        axis: input axis.
        unit: its place along the dimensions of the layer's output in which the trace tells units apart.
        element: one element of it, as an index into the output of a single image.
        traced, measured: first and last input position, (-1, -1) for none.
        method: how it was measured.
    """

    axis: int
    unit: tuple[int, ...]
    element: tuple[int, ...]
    traced: Span
    measured: Span
    method: Method

    @property
    def outside(self) -> bool:
        """Whether the unit sees something that the trace leaves out."""
        nothing = self.measured[1] < 0
        return not nothing and (
            self.traced[1] < 0 or self.measured[0] < self.traced[0] or self.measured[1] > self.traced[1]
        )


@dataclass(frozen=True, slots=True)
class LayerResult:
    """One layer: the verdict, and what it rests on.

    Attributes:
        label, type, operators: as in the report.
        verdict: see ``Verdict``.
        method: how it was reached; None where nothing was compared.
        units: units compared by NaN, over all axes.
        gradients: units whose gradient was taken, over all axes.
        gradients_equal: those of them whose gradient fills the traced field and does not leave it.
        why: what a verdict other than equal rests on, in words.
        disagreement: the first unit that differs.
    """

    label: str
    type: str
    operators: tuple[str, ...]
    verdict: Verdict
    method: Method | None = None
    units: int = 0
    gradients: int = 0
    gradients_equal: int = 0
    why: str = ""
    disagreement: Disagreement | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """An operator that a NaN does not pass: what it is, the module it ran in, and why."""

    operator: str
    module: str
    why: str


@dataclass(frozen=True, slots=True)
class Verification:
    """A trace held against real forwards. Iteration is over its layers, in the order in which they ran.

    Attributes:
        target: what was verified.
        input_shape: of the one image looked at, batch included.
        spatial: its lengths, in the order of the axes.
        layers: the results.
        stops: operators that a NaN does not pass; what depends on them is compared by gradients.
        images: images probed; several share a forward.
        sampled: whether only some units were compared.
        notes: what else the reader must know.
        versions: of everything that took part.
        seconds: how long it took.
    """

    target: str
    input_shape: tuple[int, ...]
    spatial: tuple[int, ...]
    layers: tuple[LayerResult, ...]
    stops: tuple[Stop, ...]
    images: int
    sampled: bool
    notes: tuple[str, ...]
    versions: dict[str, str]
    seconds: float

    def __iter__(self) -> Iterator[LayerResult]:
        return iter(self.layers)

    def __getitem__(self, label: str) -> LayerResult:
        """A layer by label; raises KeyError."""
        for layer in self.layers:
            if layer.label == label:
                return layer
        raise KeyError(f"no layer {label!r}")

    def having(self, verdict: Verdict) -> tuple[LayerResult, ...]:
        """The layers with a verdict."""
        return tuple(layer for layer in self.layers if layer.verdict is verdict)

    @property
    def units(self) -> int:
        """Units compared by NaN."""
        return sum(layer.units for layer in self.layers)

    @property
    def gradients(self) -> int:
        """Units whose gradient was taken."""
        return sum(layer.gradients for layer in self.layers)

    @property
    def compared(self) -> tuple[LayerResult, ...]:
        """The layers of which something was compared."""
        return tuple(layer for layer in self.layers if layer.verdict is not Verdict.NOT_COMPARED)

    @property
    def exit_status(self) -> int:
        """1 when a layer is wrong, 2 when nothing could be compared and so nothing is proved, 0 otherwise."""
        return int(bool(self.having(Verdict.WRONG))) if self.compared else 2

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {"schema": SCHEMA, **asdict(self)}
