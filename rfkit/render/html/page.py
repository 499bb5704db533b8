"""Fill the page's template: the table in HTML, everything else for the script that comes with it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from rfkit.render import summary, text
from rfkit.render.html import data, words
from rfkit.render.html.picture import Picture, sample
from rfkit.render.rows import changes, select
from rfkit.report import Report

SCRIPTS = ("ranges.js", "graph.js", "chart.js", "field.js", "table.js", "page.js")

COLUMNS: Sequence[tuple[str, str, str]] = (
    ("order", "#", "Order in which the layers ran"),
    ("label", "layer", "Layer"),
    ("type", "type", "Type"),
    ("output", "output", "Output, by its number of elements"),
    ("window", "k s d", "Kernel, stride and dilation, by the size of the kernel"),
    ("field", "RF", "Receptive field"),
    ("jump", "jump", "Pixels between neighbouring units"),
    ("sees", "sees", "Share of the input seen"),
    ("params", "params", "Parameters"),
    ("macs", "MACs", "Multiply-accumulates"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What became of one rule, as plain data.

    Attributes:
        word: ``held``, ``broken``, ``undecided``, ``excepted``, ``warning`` or ``info``.
        code: of the rule, e.g. ``RF101``.
        message: what was found, one line.
        layer: label of the layer responsible, None where it is the network as a whole.
        asides: ways out, the reason of an exception, the team's own message: one sentence each.
    """

    word: str
    code: str
    message: str
    layer: str | None = None
    asides: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate found: the whole in one line (``2 of 11 rules broken``), the file that asks for it, its rules."""

    standing: str
    spec: str
    rules: Sequence[Rule]


def render(report: Report, *, picture: Picture | None = None, verdict: Verdict | None = None) -> str:
    """The report as one HTML page that loads nothing.

    Args:
        report: what a trace found; with ``units``, fields are drawn.
        picture: what fields are drawn on where the input has rows and columns; None: a drawn landscape.
        verdict: what a gate found, to be shown.
    """
    by_label = {layer.label: layer for layer in report.layers}
    rows = select(report, all_rows=True).rows
    shown = [changes(layer, by_label) for layer in report.layers]
    if not any(shown):
        shown = [True] * len(shown)
    page = data.page_data(report, rows, shown)
    if picture is None and page["plane"]:
        picture = _sample(report, page["plane"])
    style, script = _resource("style.css"), _script()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {"human": text.human, "one_line": text.one_line, "path_of": _path, "percent": text.percent}
    template = environment.from_string(re.sub("^ +", "", _resource("page.html"), flags=re.MULTILINE))
    target, _, how = summary.head(report)
    return template.render(
        target=target,
        under=f"{words.inputs(report)}, {how}",
        headline=headline(report),
        sentences=[summary.cost(report), *summary.seen(report)],
        remarks=_remarks(report),
        verdict=verdict,
        columns=COLUMNS,
        rows=[(row, change) for row, change in zip(rows, shown, strict=True)],
        left_out=shown.count(False),
        picture=picture if page["plane"] else None,
        axes=len(report.spatial),
        script=Markup(script),
        style=Markup(style),
        policy=_policy(style, script),
        data=Markup(data.embedded(page)),
    )


def headline(report: Report) -> list[tuple[str, str]]:
    """The figures that one looks for first, each with its name."""
    totals = report.totals
    size, features = text.known(totals.receptive_field), text.known(totals.receptive_field_features)
    found = [
        ("layers", f"{len(report.layers):,}"),
        ("parameters", f"{totals.params:,}"),
        ("MACs", text.human(totals.macs)),
    ]
    found.append(("receptive field", "not known" if size is None else text.area(size)))
    if features is not None and features != size:
        found.append(("before pooling", text.area(features)))
    if totals.coverage is not None:
        found.append(("of the input seen", text.percent(totals.coverage)))
    return found


def _remarks(report: Report) -> list[str]:
    found = summary.legend(report.layers)
    idle = summary.unused(report)
    if idle:
        found.append(f"Never called: {text.listing(idle, 60)}.")
    return found + [summary.sentence(note) for note in report.notes]


def _path(label: str) -> str:
    """A layer's name without its last component, which is shown whole where the rest is cut."""
    return label[: label.rfind(".", 0, -1) + 1]


def _sample(report: Report, plane: Sequence[int]) -> Picture:
    height, width = (report.spatial[axis] for axis in plane)
    return sample(height, width, report.input_shape[1])


def _resource(name: str) -> str:
    return (files("rfkit.render.html") / name).read_text(encoding="utf-8")


def _script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_resource(name) for name in SCRIPTS) + "})();\n"


def _policy(style: str, script: str) -> str:
    """What a browser may load and run for the page: its own style and script, pictures inside it, nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(source: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
