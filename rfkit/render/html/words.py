"""What the page says of one layer: its figures, and in sentences whatever is not usual about it."""

from __future__ import annotations

from collections.abc import Iterator

from rfkit.axes import PLACES
from rfkit.render import summary, text
from rfkit.render.rows import Row, causes
from rfkit.report import Layer, PerAxis, Report


def place_names(report: Report) -> tuple[str, ...]:
    """What a place along each axis is called; the axes of further inputs go by their numbers."""
    count = len(report.spatial)
    first = PLACES.get(len(report.input_shape) - 2 if count > 1 else count, ())
    return (*first[:count], *(f"axis {number + 1}" for number in range(len(first), count)))


def inputs(report: Report) -> str:
    """The input, and how many more are read, with their axes where those are further ones: ``input 3x32x32 and 1 more``."""
    made = {layer.label for layer in report.layers}
    more = len({label for layer in report.layers for label in layer.inputs} - made) - 1
    axes = report.spatial[max(1, len(report.input_shape) - 2) :]
    size = f" of {text.area(axes)}" if axes else ""
    return summary.head(report)[1] + (f" and {more:,} more{size}" if more > 0 else "")


def facts(report: Report, layer: Layer, row: Row) -> list[tuple[str, str]]:
    """Name and value of the figures that the layer has."""
    found = [
        ("output", row.output),
        ("kernel", _kernel(layer, row)),
        ("receptive field", _field(report, layer)),
        ("units", summary.pace(layer.jump, summary.nouns(report))),
        ("first unit", _first(layer.start)),
        ("sees", _share(report, layer)),
        ("parameters", f"{layer.params:,}" if layer.params else ""),
        ("MACs", f"{layer.macs:,}" if layer.macs else ""),
        ("activations", text.mebibytes(layer.activation_bytes) if layer.activation_bytes else ""),
    ]
    return [(name, value) for name, value in found if value]


def remarks(report: Report, layer: Layer) -> list[str]:
    """Sentences: what is not known, what is left out, where no local field is left, what to do about a warning."""
    found = list(_whole(report, layer))
    if layer.unknown is not None and layer.unknown:
        found.append(f"Not known: {layer.unknown} has no rule; {summary.MEANINGS['unknown'][1]}.")
    if layer.context:
        through = text.listing(layer.context, 60)
        found.append(
            f"Local field: the context of the whole map, through {through}, is left out; strict fields count it."
        )
    for name in summary.MEANINGS:
        if name in causes(layer) and name not in ("unknown", "context", "global"):
            meaning, remedy = summary.MEANINGS[name]
            found.append(summary.sentence(f"{meaning}; {remedy}" if remedy else meaning))
    hole = max(layer.max_hole or (), default=0)
    if hole:
        skipped = "one position" if hole == 1 else f"up to {hole:,} positions"
        found.append(f"The centre unit skips {skipped} between those it reaches; its field is drawn with its holes.")
    if _is_hull(layer):
        found.append(
            "Units differ along further dimensions (windows, heads or channels): what is drawn holds them all."
        )
    return found


def _kernel(layer: Layer, row: Row) -> str:
    if layer.kernel_size is None:
        return ""
    words = [text.area(layer.kernel_size)]
    for name, values, usual in (
        ("stride", layer.stride, {1}),
        ("dilation", layer.dilation, {1}),
        ("padding", layer.padding, {0}),
    ):
        if values and set(values) != usual:
            words.append(f"{name} {text.sizes(values)}")
    special = row.window[3].split()
    words += ["depthwise"] if "dw" in special else [f"{layer.groups} groups"] if layer.groups > 1 else []
    words += ["transposed"] if layer.transposed else []
    return ", ".join(words)


def _field(report: Report, layer: Layer) -> str:
    largest, smallest = text.known(layer.receptive_field), text.known(layer.receptive_field_min)
    if largest is None:
        return "not known"
    noun = summary.nouns(report) if largest != (1,) else "position"
    if smallest is None or smallest == largest:
        return f"{text.area(largest)} {noun}"
    return f"{text.area(smallest)} to {text.area(largest)} {noun}, by the path"


def _first(start: PerAxis) -> str:
    centre = text.known(start)
    return "" if centre is None else f"centred at {', '.join(f'{float(value):g}' for value in centre)}"


def _share(report: Report, layer: Layer) -> str:
    if layer.coverage is None:
        return "not known"
    size = text.area(report.spatial) if len(report.spatial) > 1 else f"{report.spatial[0]:,} positions of the"
    whole = f"the {size} input"
    if layer.coverage == 0:
        return f"nothing of {whole}"
    if layer.coverage == 1:
        return f"all of {whole}"
    return f"{text.percent(layer.coverage)} of {whole}"


def _whole(report: Report, layer: Layer) -> Iterator[str]:
    if not any(layer.global_):
        return
    if all(layer.global_):
        yield "Global: no local field is left, every unit sees the same."
        return
    names = [name for name, everything in zip(place_names(report), layer.global_, strict=True) if everything]
    yield f"Global along one axis ({', '.join(names)}): there no local field is left."


def _is_hull(layer: Layer) -> bool:
    """Whether a unit's range is longer than any single one's can be: the hull of several that differ."""
    pairs = zip(layer.units or (), layer.extent, strict=False)
    return any(
        extent is not None and any(b - a >= extent for a, b in zip(*units, strict=True) if a >= 0)
        for units, extent in pairs
    )
