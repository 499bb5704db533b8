"""The sentences around a table: what was traced, what the output sees, what the marks mean, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from rfkit.render import text
from rfkit.render.rows import MARKS, Selection, causes
from rfkit.report import Layer, PerAxis, Report, reached_positions

MEANINGS: Mapping[str, tuple[str, str]] = {
    "unknown": (
        "the field is not known, because an operator before it has no rule",
        "teach it with rfkit.rule, or use another operator",
    ),
    "space_in_batch": (
        "positions were folded into the batch, so the output is not one row per image",
        "use x.flatten(1), or pool the map down to one position first",
    ),
    "misaligned": (
        "the paths joined here disagree in jump or centre",
        "give them equal strides, and paddings that keep them centred",
    ),
    "gridding": (
        "positions are skipped here that nothing up to the last feature map fills in",
        "dilate by rates such as 1, 2, 5, stride no further than the kernel; --holes shows all of them",
    ),
    "unproductive": (
        "the input already sees more than the image, so the convolution adds no context",
        "use a larger image, or less stride and dilation before it",
    ),
    "measured": ("no closed form, so the size was measured on units away from the border", ""),
    "bound": (
        "no closed form and no unit away from the border, so the size is an upper bound",
        "a larger input gives the exact one",
    ),
    "context": ("the context of the whole map is left out", "strict fields count it"),
    "global": ("on one axis no local field is left", ""),
}


def head(report: Report) -> tuple[str, str, str]:
    """Target, input and how it was traced: ``net.py:Net``, ``input 3x32x32``, ``traced on meta in 21 ms``."""
    batch = report.input_shape[0]
    size = text.shape(report.input_shape, batch) + (f" (batch {batch})" if batch != 1 else "")
    spent = f" in {_duration(report.seconds)}" if report.seconds else ""
    strict = "strict fields, " if report.strict else ""
    return report.target, f"input {size}", f"{strict}traced on {report.device}{spent}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def lines(report: Report, selection: Selection, every_row: str = "--all") -> list[str]:
    """Everything below a table, one sentence or remark each."""
    found = [cost(report), *seen(report), *holes(report), *legend(report.layers)]
    idle = unused(report)
    if idle:
        found.append(f"Never called: {text.listing(idle, 60)}.")
    found += [sentence(note) for note in report.notes]
    left_out = hidden(selection, every_row)
    return [*found, left_out] if left_out else found


def cost(report: Report) -> str:
    """What it costs: ``145,114 parameters (0.55 MiB in float32), 18.8M MACs, 1.9 MiB of activations``."""
    totals = report.totals
    asides = [f"{text.mebibytes(4 * totals.params)} in float32"] if totals.params else []
    if totals.trainable_params != totals.params:
        asides.append(f"{totals.trainable_params:,} trainable")
    idle = totals.params - sum(layer.params for layer in report.layers)
    if idle > 0:
        asides.append(f"{idle:,} never used")
    words = [f"{totals.params:,} parameters" + (f" ({', '.join(asides)})" if asides else "")]
    words.append(f"{text.human(totals.macs)} MACs")
    if totals.activation_bytes:
        words.append(f"{text.mebibytes(totals.activation_bytes)} of activations")
    return ", ".join(words) + "."


def seen(report: Report) -> list[str]:
    """What the output sees: its size, its share of the image, and the size of the last feature map before pooling."""
    totals = report.totals
    subject = "The output sees" if len(totals.output_shapes) == 1 else "The outputs see up to"
    size = text.known(totals.receptive_field)
    blind = [layer for layer in report.layers if layer.unknown is not None]
    if size is None:
        if blind:
            return [f"What the output sees is not known: {blind[0].unknown}, in {blind[0].label}, has no rule."]
        return [f"{subject} no position of the input."] if totals.coverage == 0 else []
    return [f"{subject} {text.area(size)} input {nouns(report)}{_share(report)}{_features(report)}."]


def holes(report: Report) -> list[str]:
    """What the centre units skip, where that was asked for: ``reaches 7x7 of the 13x13 pixels ..., with holes of up to 1``."""
    if not any(layer.reached for layer in report.layers):
        return []
    found = {layer.label: layer for layer in report.layers if any(layer.max_hole or ())}
    if not found:
        return ["No holes: every layer's centre unit reaches all positions from its first to its last."]
    features = found.get(report.totals.features or "")
    if features is None:
        begin = [label for label, layer in found.items() if found.keys().isdisjoint(layer.inputs)]
        return [f"Holes begin at {text.listing(begin)} and are filled in: the last feature map has none."]
    sizes = [(reached_positions(runs), runs[-1][1] - runs[0][0] + 1) for runs in features.reached or () if runs]
    reads, among = text.area([n for n, _ in sizes]), text.area([n for _, n in sizes])
    largest = text.sizes(features.max_hole or ())
    return [
        f"The last feature map ({features.label}) reaches {reads} of {among} {nouns(report)}: holes of up to {largest}."
    ]


def nouns(report: Report) -> str:
    """What the units of the input are called."""
    return "pixels" if len(report.spatial) == 2 else "positions"


def _share(report: Report) -> str:
    coverage = report.totals.coverage
    if coverage is None:
        return ""
    part = "all" if coverage == 1 else text.percent(coverage)
    whole = text.area(report.spatial)
    return f", {part} of the {whole} image" if len(report.spatial) == 2 else f", {part} of the {whole} there are"


def _features(report: Report) -> str:
    totals = report.totals
    spacing = pace(totals.jump_features, nouns(report))
    size = text.known(totals.receptive_field_features)
    if size is None:
        return ""
    if totals.receptive_field_features == totals.receptive_field:
        return f", {spacing}" if spacing else ""
    where = "before pooling" if _pooled(report) else f"the last feature map ({totals.features}) sees"
    return f"; {where} {text.area(size)}" + (f", {spacing}" if spacing else "")


def _pooled(report: Report) -> bool:
    features = report.totals.features
    if features is None:
        return True
    readers = [layer for layer in report.layers if features in layer.inputs]
    return any(word in layer.type.lower() for layer in readers for word in ("pool", "mean", "max"))


def pace(jump: PerAxis, unit: str) -> str:
    """Spacing of the units in words: ``one unit every 4 pixels``, ``one unit per pixel``, ``2 units per pixel``."""
    values = text.known(jump)
    if values is None or min(values) <= 0:
        return ""
    if len(set(values)) > 1:
        return f"one unit every {text.area(values)} {unit}"
    step = Fraction(values[0])
    if step == 1:
        return f"one unit per {unit.removesuffix('s')}"
    if step > 0 and step.numerator == 1:
        return f"{step.denominator} units per {unit.removesuffix('s')}"
    return f"one unit every {step} {unit}"


def legend(layers: Iterable[Layer]) -> list[str]:
    """One line per mark that occurs: the mark, the layers it is on, what it means, what to do."""
    on: dict[str, list[str]] = {name: [] for name in MARKS}
    operators: list[str] = []
    origins: list[str] = []
    for layer in layers:
        for name in causes(layer) & on.keys():
            on[name].append(layer.label)
        origins += [label for label in layer.context if label not in origins]
        if layer.unknown is not None and layer.unknown not in operators:
            operators.append(layer.unknown)
    found = []
    for name, mark in MARKS.items():
        if on[name]:
            about = {"unknown": operators, "context": origins}.get(name)
            found.append(f"{mark} {_meaning(name, on[name], about)}")
    return found


def _meaning(name: str, labels: Sequence[str], about: Sequence[str] | None) -> str:
    meaning, remedy = MEANINGS[name]
    if name == "unknown" and about:
        meaning = f"the field is not known, because {text.listing(about)} has no rule"
    if name == "context" and about:
        return f"local fields: the context of the whole map, through {text.listing(about)}, is left out; {remedy}."
    return f"{text.listing(labels)}: {meaning}" + (f"; {remedy}." if remedy else ".")


def unused(report: Report) -> list[str]:
    """Modules that were never called, each collapsed to the topmost module of which nothing was."""
    called = {part for layer in report.layers for part in _ancestors(layer.name)}
    return list(dict.fromkeys(_topmost(name, called) for name in report.totals.unused_modules))


def _ancestors(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _topmost(name: str, called: set[str]) -> str:
    return next((part for part in _ancestors(name) if part not in called), name)


def hidden(selection: Selection, every_row: str) -> str:
    """What is left out, and how to see it: ``27 rows (864 parameters) pass their field on unchanged; --all shows them``."""
    count = selection.hidden
    if not count:
        return ""
    params = f" ({selection.hidden_params:,} parameters)" if selection.hidden_params else ""
    if count == 1:
        return f"1 row{params} passes its field on unchanged; {every_row} shows it."
    return f"{count:,} rows{params} pass their field on unchanged; {every_row} shows them."


def sentence(note: str) -> str:
    """The note with a capital letter and a full stop."""
    note = note.strip()
    return note[:1].upper() + note[1:] + ("" if note.endswith((".", "!", "?")) else ".")
