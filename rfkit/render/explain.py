"""The hand calculation of one layer's receptive field, step by step, as a teacher would write it on the board.

Only the report is read. Every step is worked out again from the figures of the step before, by the textbook's
formulas, and is printed as an equation only where it gives the report's own number; where no formula does, the text
says ``measured`` and gives the numbers alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from rfkit.axes import axis_names
from rfkit.errors import UsageError
from rfkit.render import steps, summary, text
from rfkit.render.steps import Path, State
from rfkit.report import Layer, Report

FORMULAS = ("r' = r + (k-1)*d*j", "j' = j*s", "n' = floor((n + 2*p - d*(k-1) - 1)/s) + 1")
WORDS = "along one axis: r receptive field, j jump, n units; of the layer: k kernel, s stride, p padding, d dilation"

Step = tuple[str, str]


def render(report: Report, label: str, *, width: int | None = None) -> str:
    """The calculation of one layer's field, along the path that decides its size, ending in a newline.

    Args:
        report: what a trace found.
        label: the layer, as ``report[...]`` takes it.
        width: columns that no line exceeds; None: every step stays on one line.

    Raises:
        UsageError: no layer has this label; the message names the nearest ones.
    """
    try:
        layer = report[label]
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None
    lookup = {item.label: item for item in report.layers}
    target, size, _ = summary.head(report)
    lines = [*_wrap(f"{layer.label} in {target}, {size}", width), "", *_formulas(width), *_wrap(WORDS, width), ""]
    for heading, calculation in _sections(report, layer, lookup):
        lines += [f"{heading}:"] if heading else []
        lines += [*_aligned(calculation, width), ""]
    return "\n".join([*lines, *_wrap(_conclusion(report, layer), width)]) + "\n"


def _wrap(line: str, width: int | None) -> list[str]:
    return [line] if width is None else textwrap.wrap(line, width, break_on_hyphens=False)


def _formulas(width: int | None) -> list[str]:
    line = "    ".join(FORMULAS)
    if width is None or len(line) <= width:
        return [line]
    return [part for formula in FORMULAS for part in _wrap(formula, width)]


def _sections(report: Report, layer: Layer, lookup: Mapping[str, Layer]) -> list[tuple[str, list[Step]]]:
    """The calculation per axis; one without a heading where it is the same on all of them."""
    found = [calculation(report, layer, lookup, axis) for axis in range(len(report.spatial))]
    if all(steps_ == found[0] for steps_ in found):
        return [("", found[0])]
    names = axis_names(len(found))
    return [(name.capitalize(), steps_) for name, steps_ in zip(names, found, strict=True)]


def calculation(report: Report, layer: Layer, lookup: Mapping[str, Layer], axis: int) -> list[Step]:
    """Label and words of every step from the input to the layer that changes something along the axis."""
    before = State.of(report, None, axis)
    found = [("input", str(before))]
    for step in trail(layer, lookup, axis):
        after = State.of(report, step, axis)
        words = steps.describe(step, _paths(report, step, lookup, axis), before, after, axis)
        if words or step is layer:
            found.append((step.label, words or f"{after} (changes nothing)"))
        if after.r is None:
            break
        before = after if words else State(after.r, after.j or before.j, after.n or before.n)
    return found


def trail(layer: Layer, lookup: Mapping[str, Layer], axis: int) -> list[Layer]:
    """The path from the input to a layer, through the source with the largest field wherever paths meet."""
    path, visited = [layer], {layer.label}
    while True:
        carriers = _carriers(path[-1], lookup, axis)
        source = max(carriers, key=lambda item: item.receptive_field[axis] or 0, default=None)
        if source is None or source.label in visited:
            return path[::-1]
        visited.add(source.label)
        path.append(source)


def _carriers(layer: Layer, lookup: Mapping[str, Layer], axis: int) -> list[Layer]:
    """The sources of a layer, without those that only add context: global, beside one that is not."""
    sources = [lookup[label] for label in layer.inputs if label in lookup]
    local = [source for source in sources if not source.global_[axis]]
    return local if local and not layer.global_[axis] else sources


def _paths(report: Report, layer: Layer, lookup: Mapping[str, Layer], axis: int) -> list[Path]:
    carriers = _carriers(layer, lookup, axis)
    found = [Path(_origin(report, x, lookup, axis), State.of(report, x, axis), x.start[axis]) for x in carriers]
    if any(label not in lookup for label in layer.inputs):
        found.append(Path("input", State.of(report, None, axis), steps.FIRST_CENTRE))
    return found


def _origin(report: Report, layer: Layer, lookup: Mapping[str, Layer], axis: int) -> str:
    """The layer that gave another its size: the last one before it that changed something, itself included."""
    while layer.kernel_size is None:
        sources = _carriers(layer, lookup, axis)
        if len(sources) != 1 or layer.start[axis] != sources[0].start[axis]:
            break
        if steps.differs(State.of(report, sources[0], axis), State.of(report, layer, axis)):
            break
        layer = sources[0]
    return layer.label


def _aligned(calculation: Sequence[Step], width: int | None) -> list[str]:
    """Labels to the right, a colon, the words; what does not fit goes on below the words, equation by equation."""
    column = min(max(len(label) for label, _ in calculation), 60 if width is None else width // 4)
    found = []
    for label, words in calculation:
        line = f"{label:>{column}}: {words}"
        while width is not None and text.width(line) > width:
            head, rest = _broken(line, width, column + 2)
            found.append(head)
            line = " " * (column + 2) + rest
        found.append(line)
    return found


def _broken(line: str, width: int, indent: int) -> tuple[str, str]:
    """Cut a line after the last comma or semicolon outside parentheses that fits, else at the last space."""
    depth, comma, space = 0, 0, 0
    for i, char in enumerate(line[:width]):
        depth += (char == "(") - (char == ")")
        if i > indent and char in ",;" and depth == 0:
            comma = i + 1
        if i > indent and char == " ":
            space = i
    cut = comma or space or width
    return line[:cut].rstrip(), line[cut:].lstrip()


def _conclusion(report: Report, layer: Layer) -> str:
    """What the numbers mean, as in ``conv2.0 sees 11x11 input pixels, 12% of 32x32, one unit every 2 pixels``."""
    size = text.known(layer.receptive_field)
    if size is None:
        return f"What {layer.label} sees is not known: {layer.unknown or 'an operator before it'} has no rule."
    unit = summary.nouns(report)
    share = ""
    if layer.coverage is not None:
        share = f", {'all' if layer.coverage == 1 else text.percent(layer.coverage)} of {text.area(report.spatial)}"
    inside = layer.extent == layer.receptive_field
    spacing = "" if all(layer.global_) else summary.pace(layer.jump, unit)
    words = f"{layer.label} sees {text.area(size)} input {unit}{share if inside else ''}"
    words += f", {spacing}." if spacing else "."
    if share and not inside:
        words += f" Inside this input that is {text.area(layer.extent)} at most{share}."
    if layer.context:
        words += f" The context of the whole map, through {text.listing(layer.context)}, is left out."
    return words
