"""A verification for a terminal: how many layers and units are as traced, those that are not, and what to send in."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from rfkit.axes import axis_names
from rfkit.render import text
from rfkit.verifying import Disagreement, LayerResult, Verdict, Verification

GREEN, RED, YELLOW = "32", "31", "33"
STYLES = {Verdict.EQUAL: GREEN, Verdict.UPPER_BOUND: YELLOW, Verdict.WRONG: RED, Verdict.NOT_COMPARED: YELLOW}
SHOWN = 12
"""Layers of one verdict that are listed."""


def render(found: Verification, width: int = 120, color: bool = False, all_layers: bool = False) -> str:
    """The verification as text, ending in a newline.

    Args:
        found: what was verified.
        width: columns that no line exceeds, names and versions aside.
        color: with ANSI colours.
        all_layers: also list the layers that are equal.
    """
    size = text.area(found.input_shape[1:])
    head = f"{found.target}   input {size}   real forwards on the CPU in {found.seconds:.1f} s"
    parts = [_wrapped(head, width, indent=0), _counts(found, color)]
    for verdict in (Verdict.WRONG, Verdict.UPPER_BOUND, Verdict.NOT_COMPARED, Verdict.EQUAL):
        layers = found.having(verdict)
        if layers and (verdict is not Verdict.EQUAL or all_layers):
            parts.append(_listed(layers, found, verdict, width, color, len(layers) if all_layers else SHOWN))
    parts.append([line for sentence in _sentences(found) for line in _wrapped(sentence, width)])
    if found.having(Verdict.WRONG):
        parts.append(_to_send(found, width))
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def to_json(found: Verification) -> str:
    """The verification as JSON of the schema ``rfkit.verification/2``."""
    return json.dumps(found.to_dict(), indent=2) + "\n"


def unproved(found: Verification) -> str:
    """One line on a verification that compared nothing: why, and what to do about it."""
    remedy = "teach rfkit the operator with @rfkit.rule, or let --layers choose others"
    return f"nothing is proved of {found.target}: {_why_nothing(found)}{f'; {remedy}' if found.layers else ''}"


def _why_nothing(found: Verification) -> str:
    return next((layer.why for layer in found), "the network has no layers")


def _counts(found: Verification, color: bool) -> list[str]:
    rows = [("verdict", "layers", "units")]
    kinds = [verdict for verdict in Verdict if found.having(verdict)]
    for verdict in kinds:
        layers = found.having(verdict)
        rows.append((verdict.value, f"{len(layers):,}", f"{sum(layer.units for layer in layers):,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f" {a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    return [lines[0], *(_style(line, STYLES[kind], color) for kind, line in zip(kinds, lines[1:], strict=True))]


def _listed(
    layers: Sequence[LayerResult], found: Verification, verdict: Verdict, width: int, color: bool, most: int
) -> list[str]:
    shown = layers[:most]
    column = min(max(text.width(layer.label) for layer in shown), max(width // 3, 12))
    lines = [_style(f" {verdict.value}", STYLES[verdict], color)]
    for layer in shown:
        said = _said(layer, len(found.spatial))
        name = text.pad(text.shorten(layer.label, column), column)
        wrapped = textwrap.wrap(said, max(width - column - 4, 20)) or [""]
        lines += [f"  {name}  {wrapped[0]}", *(f"  {' ' * column}  {line}" for line in wrapped[1:])]
    if len(layers) > most:
        lines.append(f"  and {len(layers) - most:,} more: --all lists them")
    return lines


def _said(layer: LayerResult, axes: int) -> str:
    if layer.verdict is Verdict.EQUAL:
        gradients = f", {layer.gradients_equal} of {layer.gradients} gradients fill it" if layer.gradients else ""
        return f"{_counted(layer.units, 'unit')}{f'; {layer.why}' if layer.why else ''}{gradients}"
    if layer.disagreement is None:
        return layer.why
    return f"{_difference(layer.disagreement, axes)}: {layer.why}"


def _difference(found: Disagreement, axes: int) -> str:
    unit = ",".join(map(str, found.unit))
    where = f"{axis_names(axes)[found.axis]}{f', unit {unit}' if unit else ''}"
    return f"{where}: traced {_span(found.traced)}, measured {_span(found.measured)}"


def _span(span: Sequence[int]) -> str:
    return "nothing" if span[1] < 0 else f"{span[0]}..{span[1]}"


def _sentences(found: Verification) -> list[str]:
    compared = found.compared
    if not compared:
        return _as_sentences(f"nothing could be compared, so nothing is proved: {_why_nothing(found)}", *found.notes)
    units = f"{'a few units' if found.sampled else 'every unit'} of {_counted(len(compared), 'layer')}"
    sentences = [f"NaN in {_counted(found.images, 'image')} compared {units} on every axis, context included."]
    sloped = [layer for layer in compared if layer.gradients]
    full = sum(layer.gradients_equal for layer in sloped)
    if sloped:
        sentences.append(
            f"Independently, gradients of {_counted(found.gradients, 'unit')} of {_counted(len(sloped), 'layer')}: "
            f"{f'{full:,} fill' if full < found.gradients else 'all fill'} the traced field"
            f"{', the others stay inside' if full < found.gradients and not _outside(found) else ''}."
        )
    for stop in found.stops:
        where = f" in {stop.module}" if stop.module else ""
        sentences.append(f"NaN does not pass {stop.operator}{where}: it {stop.why}. What follows rests on gradients.")
    return [*sentences, *_as_sentences(*found.notes)]


def _as_sentences(*notes: str) -> list[str]:
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]


def _outside(found: Verification) -> bool:
    return any(layer.disagreement is not None and layer.disagreement.outside for layer in found)


def _to_send(found: Verification, width: int) -> list[str]:
    """What helps to find the mistake: it is in rfkit, not in the network."""
    layer = found.having(Verdict.WRONG)[0]
    lines = _wrapped(
        "The trace is wrong: the mistake is in rfkit, or in a rule of your own, not in the network; what follows from this "
        "layer inherits it. Please report it with these lines and, if you may, the code of the layer:",
        width,
    )
    lines.append(f"   {', '.join(f'{name} {version}' for name, version in found.versions.items())}")
    lines.append(f"   target {found.target}, input {text.area(found.input_shape)}")
    operators = f"; {', '.join(layer.operators)}" if layer.operators else ""
    lines.append(f"   layer {layer.label} ({layer.type}{operators})")
    if layer.disagreement is not None:
        element = ",".join(map(str, layer.disagreement.element))
        lines.append(f"   {_difference(layer.disagreement, len(found.spatial))}")
        lines.append(f"   element {element}, by {layer.disagreement.method.value}")
    return lines


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _wrapped(sentence: str, width: int, indent: int = 1) -> list[str]:
    space = " " * indent
    return textwrap.wrap(sentence, width, initial_indent=space, subsequent_indent=space, break_on_hyphens=False)


def _style(words: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{words}\x1b[0m" if color else words
