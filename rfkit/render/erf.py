"""Effective receptive fields in words and figures, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rfkit.axes import axis_names
from rfkit.effective import EffectiveField, Estimate, Measurement
from rfkit.render import text

SHAPES = {1: "interval", 2: "square", 3: "cube"}
DISCS = {1: "distance", 2: "radius", 3: "radius"}
TITLES = ("before", "after")

Table = list[list[str]]


def render(measurements: Sequence[Measurement], *, width: int = 80) -> str:
    """What was measured, ending in a newline.

    Args:
        measurements: one, or two of the same layers, before and after a training.
        width: columns that no line exceeds, at least 80.
    """
    width = max(width, 80)
    single = all(len(each.fields) == 1 for each in measurements)
    lines = _head(measurements, width)
    lines += _one_layer(measurements, width) if single else _layers(measurements, width)
    lines += ["", *_remarks(measurements, width)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(measurements: Sequence[Measurement], width: int) -> list[str]:
    first = measurements[0]
    size = f"input {text.shape(first.input_shape, first.input_shape[0])}"
    lines = [f"{text.shorten(first.target, width - len(size) - 3)}   {size}"]
    if len(measurements) == 1:
        return [*lines, *_wrap(f"{first.weights}, {first.inputs}", width)]
    lines += [text.cut(f"{title:<6}  {each.weights}", width) for title, each in zip(TITLES, measurements, strict=True)]
    return [*lines, first.inputs]


def _wrap(line: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)


# -- one layer ----------------------------------------------------------------------------------------------------


def _one_layer(measurements: Sequence[Measurement], width: int) -> list[str]:
    fields = [each.fields[0] for each in measurements]
    first, spatial = fields[0], measurements[0].spatial
    unit = "pixels" if len(spatial) == 2 else "positions"
    lines = [
        "",
        *_wrap(_layer(first), width),
        *(f" {line}" for line in _wrap(_theory(first, spatial, unit), width - 1)),
    ]
    lines += ["", *_aligned(_squares(fields, len(spatial), unit))]
    lines += ["", *_aligned(_discs(fields, len(spatial), unit))]
    return [*lines, "", *_aligned(_widths(fields, len(spatial)))]


def _layer(found: EffectiveField) -> str:
    where = ", ".join("all" if i is None else str(i) for i in found.unit)
    tokens = len(found.output_shape) < len(found.unit) + 2 and len(set(found.unit)) == 1
    unit = f"token {found.unit[0]}" if tokens else f"centre unit ({where})"
    return f"{found.layer} ({found.type}, {text.shape(found.output_shape, found.output_shape[0])}), {unit}"


def _theory(found: EffectiveField, spatial: Sequence[int], unit: str) -> str:
    centre = ", ".join(f"{c:g}" for c in found.centre)
    if any(found.global_):
        what = "it is global: by the theory every unit sees all of the image"
        return f"{what if all(found.global_) else 'it is global on an axis'}; centre at ({centre})"
    size = text.known(found.receptive_field)
    if size is None or found.box is None:
        return f"its theoretical field is not known; centre at ({centre})"
    edges = ", ".join(f"{lo}..{hi}" for lo, hi in found.box)
    words = f"theoretical field {text.area(size)} {unit} around ({centre})"
    if all(hi - lo + 1 == n for (lo, hi), n in zip(found.box, spatial, strict=True)):
        return f"{words}: all of the image"
    return f"{words}: {edges}"


def _named(name: str, fields: Sequence[EffectiveField], index: int) -> str:
    return name if len(fields) == 1 else f"{name}, {TITLES[index]}"


def _squares(fields: Sequence[EffectiveField], axes: int, unit: str) -> Table:
    table = [["share of the gradient", *(text.percent(s.share) for s in fields[0].squares)]]
    side = f"smallest {SHAPES.get(axes, 'cube')}, {unit}"
    table += [[_named(side, fields, i), *(_figure(s.side) for s in f.squares)] for i, f in enumerate(fields)]
    area = "its share of the image" if axes > 1 else "its share of the length"
    table += [[_named(area, fields, i), *(text.percent(s.area) for s in f.squares)] for i, f in enumerate(fields)]
    for i, found in enumerate(fields):
        if found.replknet:
            cells = ["-" if s.side is None else f"{s.side} ({text.percent(s.area or 0)})" for s in found.replknet]
            table.append([_named("as RepLKNet counts", fields, i), *cells])
    return table


def _discs(fields: Sequence[EffectiveField], axes: int, unit: str) -> Table:
    table = [[f"{DISCS.get(axes, 'radius')}, {unit}", *(f"{d.radius:g}" for d in fields[0].discs)]]
    inside = "gradient inside"
    return table + [[_named(inside, fields, i), *(_share(d.share) for d in f.discs)] for i, f in enumerate(fields)]


def _widths(fields: Sequence[EffectiveField], axes: int) -> Table:
    table = [["Gaussian", "mean", "sigma", "4 sigma / theory", "overlap"]]
    for axis, name in enumerate(axis_names(axes)):
        for i, found in enumerate(fields):
            width = found.widths[axis]
            ratio = "-" if width.ratio is None else _figure(width.ratio, 3)
            cells = [f"{width.mean:.1f}", _figure(width.sigma, 2), ratio, text.percent(width.overlap)]
            table.append([_named(f"along the {name}", fields, i), *cells])
    return table


def _figure(found: Estimate, digits: int = 1) -> str:
    """The value with its error, which has a single significant digit; a whole number stays one."""
    value = f"{found.value:g}" if digits == 1 and found.value == int(found.value) else f"{found.value:.{digits}f}"
    if found.error is None:
        return value
    return f"{value} ±{found.error:.1g}" if found.error >= 1e-3 else f"{value} ±0"


def _share(found: Estimate) -> str:
    value = 100 * found.value
    return f"{value:.2f}%" if value < 1 else f"{value:.1f}%"


# -- several layers -----------------------------------------------------------------------------------------------


def _layers(measurements: Sequence[Measurement], width: int) -> list[str]:
    lines = []
    for i, found in enumerate(measurements):
        lines += ["", *([f"{TITLES[i]}:"] if len(measurements) > 1 else []), *_aligned(_rows(found, width))]
    return lines


def _rows(found: Measurement, width: int) -> Table:
    shares = [text.percent(s.share) for s in found.fields[0].squares]
    names = axis_names(len(found.spatial))
    table = [["layer", "output", "RF", *shares, *(f"sigma {name[0]}" for name in names), "4s/RF", "beyond"]]
    for each in found.fields:
        size = "all" if all(each.global_) else text.sizes(["?" if r is None else r for r in each.receptive_field])
        ratios = [w.ratio.value for w in each.widths if w.ratio is not None]
        beyond = None if each.inside is None else 1 - each.inside
        table.append(
            [
                each.layer,
                text.shape(each.output_shape, each.output_shape[0]),
                size,
                *(f"{s.side.value:g}" for s in each.squares),
                *(f"{w.sigma.value:.1f}" for w in each.widths),
                f"{sum(ratios) / len(ratios):.2f}" if ratios else "",
                text.percent(beyond) if beyond is not None and beyond > 1e-6 else "",
            ]
        )
    if not any(row[-1] for row in table[1:]):
        table = [row[:-1] for row in table]
    rest = sum(max(text.width(row[c]) for row in table) + 2 for c in range(1, len(table[0])))
    room = max(width - 1 - rest, 10)
    return [[text.shorten(row[0], room), *row[1:]] for row in table]


# -- below --------------------------------------------------------------------------------------------------------


def _remarks(measurements: Sequence[Measurement], width: int) -> list[str]:
    found = []
    single = all(len(each.fields) == 1 for each in measurements)
    if single and any(s.side.error is not None for each in measurements for s in each.fields[0].squares):
        found.append("± is the standard error over the inputs.")
    if not single:
        found.append(
            f"Under the shares: the side of the smallest {_square(measurements[0])} that holds so much of the gradient. "
            "4s/RF: 4 sigma over the theoretical size."
        )
    found += [_beyond(each.fields) for each in measurements[-1:]]
    found += [_fewer(each.fields) for each in measurements]
    for each in measurements:
        found += [f"{label} is left out: {reason}." for label, reason in each.left_out]
        found += [f"{note[:1].upper()}{note[1:]}." for note in each.notes]
    return [f" {line}" for remark in dict.fromkeys(found) if remark for line in _wrap(remark, width - 1)]


def _square(found: Measurement) -> str:
    return SHAPES.get(len(found.spatial), "cube")


def _beyond(fields: Sequence[EffectiveField]) -> str:
    """How much of the gradient comes from beyond the theoretical field, and through what."""
    far = [each for each in fields if each.inside is not None and 1 - each.inside > 1e-6]
    if not far:
        return ""
    most = max(far, key=lambda each: 1 - (each.inside or 0))
    through = f", through {text.listing(most.context)}" if most.context else ""
    share = text.percent(1 - (most.inside or 0))
    return f"{share} of the gradient of {most.layer} comes from beyond its theoretical field{through}."


def _fewer(fields: Sequence[EffectiveField]) -> str:
    worst = max(fields, key=lambda each: each.ignored)
    if not worst.ignored:
        return ""
    return f"{worst.ignored} of {worst.ignored + worst.inputs} inputs give {worst.layer} no gradient, and do not count."


def _aligned(table: Table) -> list[str]:
    """The first column to the left, all others to the right."""
    widths = [max(text.width(row[c]) for row in table) for c in range(len(table[0]))]
    return [
        " "
        + "  ".join(
            text.pad(cell, w, "<" if c == 0 else ">") for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
