"""``rfkit init TARGET``: a spec of what a network is now, with some headroom.

Every rule is tried on the network before it is written, so the spec passes on it; what would not hold, or is not known, is
written as a comment with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Any

from rfkit.errors import UsageError
from rfkit.gate.checks.answers import Subject
from rfkit.gate.checks.blocks import count
from rfkit.gate.checks.check import check
from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.findings import Status
from rfkit.gate.spec import readers
from rfkit.gate.spec.flags import from_keywords
from rfkit.gate.spec.mistakes import dotted
from rfkit.gate.spec.tables import toml
from rfkit.render.text import area
from rfkit.report import Number, Report

_COLUMN = 44
_IMPLIED = {"depthwise_separable": ("depthwise", "pointwise", "grouped"), "depthwise": ("grouped",)}
"""Parts that are there wherever another is."""


@dataclass(frozen=True, slots=True)
class Line:
    """A key of the spec to be.

    Attributes:
        key: its name.
        value: what it asks.
        now: what the network has.
    """

    key: str
    value: Any
    now: str = ""


def parse_headroom(text: str) -> Fraction:
    """A share from ``5%`` or ``0.05``.

    Raises:
        UsageError: if it is none.
    """
    try:
        return readers.share(text)
    except ValueError as error:
        raise UsageError(f"--headroom {error}; expected e.g. --headroom 5%") from None


def spec_from_report(
    report: Report, target: str, name: str = "net", headroom: Fraction = Fraction(0), arguments: Sequence[str] = ()
) -> str:
    """A commented spec with limits around what a network is now, which holds for that network.

    Args:
        report: of the network.
        target: what was traced, relative to the folder the spec is for.
        name: of its entry.
        headroom: by what share each number may get worse.
        arguments: of the constructor, as ``--arg`` was given them.
    """
    graph = Graph.of(report)
    share = f" with {_percent(headroom)} of headroom" if headroom else ""
    lines = [
        f"# What {target} is now{share}, measured by rfkit. Keep the rules that you mean; delete the others.",
        "",
        f"[models.{dotted((name,))}]",
        f"target = {toml(target)}",
        *_run(report, arguments),
        "",
        *[_tried(line, graph) for line in _numbers(report, headroom)],
        "",
        *[_tried(line, graph) for line in _structure(report, graph)],
        *_parts(graph),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _run(report: Report, arguments: Sequence[str]) -> Iterator[str]:
    """How the network is run."""
    yield f"input = {toml('x'.join(map(str, report.input_shape[1:])))}"
    if arguments:
        written = _written_arguments(arguments)
        yield f"arguments = {written}" if written else f"# No TOML can say: --arg {' --arg '.join(arguments)}"
    if report.strict:
        yield "strict = true"
    if report.device == "cpu":
        yield 'device = "cpu"'


def _written_arguments(arguments: Sequence[str]) -> str | None:
    """The arguments as a table or a list; None where TOML cannot say them."""
    found = [re.fullmatch(r"\s*([^\W\d]\w*)\s*=(.*)", text, re.DOTALL) for text in arguments]
    values = [_value(match[2] if match else text) for match, text in zip(found, arguments, strict=True)]
    if not all(map(_has_toml, values)) or len({match is None for match in found}) > 1:
        return None
    if found[0] is None:
        return toml(values)
    return toml({match[1]: value for match, value in zip(found, values, strict=True) if match})


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _has_toml(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_has_toml, value))
    return isinstance(value, (bool, int, float, str))


def _numbers(report: Report, headroom: Fraction) -> Iterator[Line]:
    totals = report.totals
    fields = [("receptive_field", totals.receptive_field)]
    if totals.receptive_field_features != totals.receptive_field:
        fields.append(("receptive_field_features", totals.receptive_field_features))
    for key, sizes in fields:
        yield Line(key, _each([_at_least(size, headroom) for size in sizes]), area(sizes))
    yield Line("jump", _each([_at_most(jump, headroom) for jump in totals.jump_features]), area(totals.jump_features))
    for key, figure in (("params", totals.params), ("macs", totals.macs)):
        yield Line(key, f"<= {ceil(figure * (1 + headroom)):_}", f"{figure:,}")
    memory = Fraction(totals.activation_bytes, 2**10) * (1 + headroom)
    yield Line("activation_memory", f"<= {ceil(memory)} KiB", f"{totals.activation_bytes:,} bytes")


def _structure(report: Report, graph: Graph) -> Iterator[Line]:
    if len(report.totals.output_shapes) == 1:
        yield Line("output_shape", list(report.totals.output_shapes[0]))
    blocks, what = count(graph)
    if blocks:
        yield Line("conv_blocks", f">= {len(blocks)}", f"{len(blocks)} {what}")
    yield from (Line(key, True) for key in ("no_unused_modules", "no_unproductive_layers", "aligned"))


def _parts(graph: Graph) -> Iterator[str]:
    """The parts that the network has, as requirements."""
    found = {name: part.find(graph) for name, part in PARTS.items() if name != "max_pooling"}
    implied = {other for name, labels in found.items() if labels for other in _IMPLIED.get(name, ())}
    lines = [
        (_tried(Line("require", [name]), graph), name)
        for name, labels in found.items()
        if labels and name not in implied
    ]
    held = [name for line, name in lines if not line.startswith("#")]
    if held:
        yield "require = ["
        yield from (f"  {toml(name)}," for name in held)
        yield "]"
    if not PARTS["max_pooling"].find(graph):
        yield _tried(Line("forbid", ["max_pooling"]), graph)


def _tried(line: Line, graph: Graph) -> str:
    """The line if what it asks holds for the network, else a comment that says why it does not."""
    written = f"{line.key} = {toml(line.value)}"
    if line.value is None:
        return f"# {line.key}: not known"
    for requirement in from_keywords({line.key: line.value}):
        answer = check(requirement, Subject(graph))
        if answer.status is not Status.HELD:
            return f"# {written}: {answer.message}"
    return f"{written:<{_COLUMN}} # now {line.now}" if line.now else written


def _at_least(size: Number | None, headroom: Fraction) -> str | None:
    return None if size is None else f">= {max(floor(size * (1 - headroom)), 0)}"


def _at_most(size: Number | None, headroom: Fraction) -> str | None:
    if size is None:
        return None
    limit = Fraction(size) * (1 + headroom)
    return f"<= {floor(limit) if size >= 1 else limit}"


def _each(limits: Sequence[str | None]) -> str | list[str | None] | None:
    """One limit where all axes have the same, else one for each; None where one is not known."""
    if None in limits or not limits:
        return None
    return limits[0] if len(set(limits)) == 1 else list(limits)


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):g}%"
