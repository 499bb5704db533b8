"""What a trace found, as plain frozen data that round-trips through JSON (schema ``rfkit.report/1``).

Standard library only: nothing here looks at a tensor or a module, so a report can be read where torch is not installed.
Lengths are in input pixels. Per-axis values are tuples in the order of the input's spatial axes
(height, width; length; depth, height, width). ``None`` stands for "not known" or "does not apply".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pandas

SCHEMA = "rfkit.report/1"

Number = int | Fraction
PerAxis = tuple[Number | None, ...]
Runs = tuple[tuple[int, int], ...]
"""Positions as runs of neighbours: the first and the last of each."""
PerUnit = tuple[tuple[Runs, ...], ...]
"""Per axis, the positions of each unit."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One call of one layer: a leaf module, or a functional call named after the module it ran in.

    Attributes:
        name: dotted module path, e.g. ``conv2.0``; a functional call adds its own name, e.g. ``layer1.0.add``.
        call: 0 for the first call of this name in the forward, 1 for the second, ...
        type: class name of the module, or name of the functional call.
        inputs: labels of the layers whose outputs it reads (``name``, or ``name#2`` for a second call; ``input``).
        output_shape: shape of its first output tensor, the batch included.
        kernel_size, stride, padding, dilation: geometry of the operator that ran, per spatial dimension of that operator;
            None where it has no window. ``padding`` is the one before the first unit.
        groups: groups of a convolution, 1 otherwise.
        transposed: True for a transposed convolution.
        receptive_field: unclipped size over the longest path, as if padding were image.
        receptive_field_min: the same over the shortest path.
        jump: distance between neighbouring units; None where no two units are left to compare.
        start: centre of the first unit's field; 0.5 is the centre of the first pixel.
        extent: largest exact extent on this image, clipped at its borders; 0 where nothing is seen.
        coverage: share of the input's area inside the largest extent.
        global_: per axis, whether no local field is left (attention, flatten and linear, pooling over all positions).
        context: labels of the layers through which whole-image context reaches this one (left out of the local field).
        flags: warnings, see ``FLAGS``.
        unknown: name of the operator without a rule that makes this layer's field unknown, else None.
        params: parameters this call is the first to use.
        macs: multiply-accumulates of this call.
        activation_bytes: bytes of the tensors that this call allocates.
        operators: what ran in it, whatever the module is called: ``conv2d``, ``max_pool2d``, ``mean``, ``add``, ...
        channels: (in, out) of a convolution, else None.
        place: ``net.py:31``, where it is made, or called where it is a functional call; None where that was not asked for.
        units: per axis the first and last input position that each unit sees (-1, -1 for none), when asked for.
        reached: per axis the input positions that the centre unit reaches, as runs of a first and a last one, when asked for.
        runs: the same for each unit, when ``units`` were asked for too and some unit skips positions.
    """

    name: str
    call: int
    type: str
    inputs: tuple[str, ...]
    output_shape: tuple[int, ...]
    kernel_size: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    padding: tuple[int, ...] | None
    dilation: tuple[int, ...] | None
    groups: int
    transposed: bool
    receptive_field: PerAxis
    receptive_field_min: PerAxis
    jump: PerAxis
    start: PerAxis
    extent: tuple[int | None, ...]
    coverage: float | None
    global_: tuple[bool, ...]
    context: tuple[str, ...]
    flags: tuple[str, ...]
    unknown: str | None
    params: int
    macs: int
    activation_bytes: int
    operators: tuple[str, ...] = ()
    channels: tuple[int, int] | None = None
    place: str | None = None
    units: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] | None = None
    reached: tuple[Runs, ...] | None = None
    runs: PerUnit | None = None

    @property
    def label(self) -> str:
        """The name, with ``#2``, ``#3``, ... for later calls: what ``report[...]`` takes."""
        return self.name if self.call == 0 else f"{self.name}#{self.call + 1}"

    @property
    def max_hole(self) -> tuple[int, ...] | None:
        """Per axis the longest run of positions that the centre unit skips between the first and the last it reaches."""
        if self.reached is None:
            return None
        return tuple(max((b[0] - a[1] - 1 for a, b in pairwise(runs)), default=0) for runs in self.reached)

    @property
    def density(self) -> tuple[float | None, ...] | None:
        """Per axis the share of the positions from the first to the last that are reached; None where there are none."""
        if self.reached is None:
            return None
        return tuple(
            round(reached_positions(runs) / (runs[-1][1] - runs[0][0] + 1), 6) if runs else None
            for runs in self.reached
        )


def reached_positions(runs: Runs) -> int:
    """How many positions there are in runs."""
    return sum(last - first + 1 for first, last in runs)


FLAGS: Mapping[str, str] = {
    "unproductive": "its input already sees more than the image on every axis: this convolution adds no context",
    "misaligned": "the paths joined here disagree in jump or centre",
    "gridding": "from here up to the last feature map, the centre unit skips positions of the input",
    "measured": "no closed form: the size was measured on units away from the border",
    "bound": "no closed form and no unit away from the border: the size is an upper bound",
    "space_in_batch": "positions were folded into the batch dimension: the output is not one row per image",
    "unknown": "an operator without a rule came before: the field is not known",
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of the whole network.

    ``receptive_field`` is that of the output that sees most; ``receptive_field_features`` that of the last feature map on the
    way to it, made by the layer ``features``.
    ``outputs`` are the labels of the layers that the outputs come from last, None where one does not depend on the input.
    """

    params: int
    trainable_params: int
    buffers: int
    macs: int
    activation_bytes: int
    receptive_field: PerAxis
    receptive_field_min: PerAxis
    receptive_field_features: PerAxis
    jump_features: PerAxis
    features: str | None
    outputs: tuple[str | None, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    coverage: float | None
    unused_modules: tuple[str, ...]


def _first(labels: Sequence[str], most: int = 6) -> str:
    """The first labels, and how many there are where that is more."""
    shown = ", ".join(labels[:most])
    return shown if len(labels) <= most else f"{shown}, ... ({len(labels)} in all)"


@dataclass(frozen=True, slots=True)
class Report:
    """What every layer of a network sees and costs. ``report["conv2.0"]`` is a layer; iteration is in execution order."""

    target: str
    input_shape: tuple[int, ...]
    device: str
    strict: bool
    layers: tuple[Layer, ...]
    totals: Totals
    spatial: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    place: str | None = None
    seconds: float = field(default=0.0, compare=False)

    def __getitem__(self, label: str) -> Layer:
        """Layer by label, e.g. ``report["conv2.0"]`` or ``report["relu#2"]``. Raises KeyError naming the nearest labels."""
        for layer in self.layers:
            if layer.label == label:
                return layer
        import difflib

        labels = [layer.label for layer in self.layers]
        inside = [known for known in labels if known.startswith(f"{label}.")]
        near = inside[:3] or difflib.get_close_matches(label, labels, 3, 0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {_first(labels)}"
        raise KeyError(f"no layer {label!r}" + (f"; {hint}" if labels else ""))

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __str__(self) -> str:
        from rfkit.render import table

        return table.render(self)

    def _repr_html_(self) -> str:
        from rfkit.render import notebook

        return notebook.render(self)

    def __post_init__(self) -> None:
        if not self.spatial:
            object.__setattr__(self, "spatial", self.input_shape[2:])

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values: tuples become lists, numbers that are not whole become strings such as ``"1/2"``."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "input_shape": list(self.input_shape),
            "spatial": list(self.spatial),
            "device": self.device,
            "strict": self.strict,
            "layers": [_layer_to_dict(layer) for layer in self.layers],
            "totals": _to_json(self.totals),
            "notes": list(self.notes),
            "place": self.place,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``. Raises ValueError for another schema."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"expected a report of schema {SCHEMA}, got {data.get('schema')!r}")
        return cls(
            target=data["target"],
            input_shape=tuple(data["input_shape"]),
            spatial=tuple(data["spatial"]),
            device=data["device"],
            strict=data["strict"],
            layers=tuple(_layer_from_dict(layer) for layer in data["layers"]),
            totals=Totals(**_from_json({k: data["totals"][k] for k in (f.name for f in fields(Totals))})),
            notes=tuple(data["notes"]),
            place=data.get("place"),
        )

    def to_pandas(self) -> pandas.DataFrame:
        """One row per layer, one column per key of the JSON. Raises ImportError with the remedy when pandas is missing."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_pandas needs pandas: pip install pandas") from error
        return pandas.DataFrame([_layer_to_dict(layer) for layer in self.layers])


def _layer_to_dict(layer: Layer) -> dict[str, Any]:
    data: dict[str, Any] = _to_json(layer)
    data["global"] = data.pop("global_")
    units, reached, runs = data.pop("units"), data.pop("reached"), data.pop("runs")
    if units is not None:
        data["lo"] = [lo for lo, _ in units]
        data["hi"] = [hi for _, hi in units]
    if reached is not None:
        data |= {"reached": reached, "max_hole": _to_json(layer.max_hole), "density": _to_json(layer.density)}
    if runs is not None:
        data["runs"] = runs
    return data


def _layer_from_dict(data: Mapping[str, Any]) -> Layer:
    values = {f.name: data[f.name] for f in fields(Layer) if f.name not in ("global_", "units") and f.name in data}
    values["global_"] = data["global"]
    if "lo" in data:
        values["units"] = [list(pair) for pair in zip(data["lo"], data["hi"], strict=True)]
    return Layer(**_from_json(values))


_FRACTIONS = ("receptive_field", "receptive_field_min", "receptive_field_features", "jump", "jump_features", "start")


def _to_json(value: Any) -> Any:
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else str(value)
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, (Layer, Totals)):
        return {f.name: _to_json(getattr(value, f.name)) for f in fields(value)}
    return value


def _from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _tuples(value, key in _FRACTIONS) for key, value in values.items()}


def _tuples(value: Any, numbers: bool) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item, numbers) for item in value)
    return Fraction(value) if numbers and isinstance(value, str) else value
