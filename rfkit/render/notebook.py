"""The report as an HTML fragment for notebooks: one style of its own, nothing loaded, light and dark as the page is."""

from __future__ import annotations

from html import escape

from rfkit.render import summary, text
from rfkit.render.rows import Row, select
from rfkit.report import Report

HEADINGS = ("layer", "type", "output", "window", "RF", "jump", "sees", "params", "MACs", "")
WORDS = frozenset({"layer", "type", "window", "sees", ""})

STYLE = """<style>
.rfkit { font-size: 0.9em; color: currentColor; overflow-x: auto; }
.rfkit { --rfkit-bar: #1a7f9c; --rfkit-warn: #9a6700; --rfkit-bad: #c0392b; }
@media (prefers-color-scheme: dark) { .rfkit { --rfkit-bar: #4fb3cf; --rfkit-warn: #d9a441; --rfkit-bad: #ff7b6b; } }
.rfkit table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5em 0; }
.rfkit th, .rfkit td { padding: 0.1em 0.6em; text-align: right; border: none; background: none; white-space: nowrap; }
.rfkit th { font-weight: normal; opacity: 0.6; border-bottom: 1px solid currentColor; }
.rfkit .l { text-align: left; }
.rfkit .bar { display: inline-block; position: relative; width: 5em; height: 0.7em; margin-right: 0.4em; }
.rfkit .bar::before { content: ""; position: absolute; inset: 0; background: currentColor; opacity: 0.12; }
.rfkit .bar i { position: absolute; inset: 0 auto 0 0; background: var(--rfkit-bar); }
.rfkit .warn { color: var(--rfkit-warn); }
.rfkit .bad { color: var(--rfkit-bad); }
.rfkit p { margin: 0.15em 0; }
</style>"""


def render(report: Report, *, all_rows: bool = False, layers: str | None = None, depth: int | None = None) -> str:
    """The report as HTML, ending in a newline. Arguments and errors as for the terminal's table."""
    selection = select(report, all_rows=all_rows, layers=layers, depth=depth)
    target, size, how = summary.head(report)
    head = "".join(f"<th{_class(name)}>{name}</th>" for name in HEADINGS)
    return "\n".join(
        [
            f'<div class="rfkit">{STYLE}',
            f"<p><b>{escape(target)}</b>, {escape(size)}, {escape(how)}</p>",
            f"<table><thead><tr>{head}</tr></thead><tbody>",
            *(_row(row) for row in selection.rows),
            "</tbody></table>",
            *(f"<p>{escape(line)}</p>" for line in summary.lines(report, selection, "iterating over the report")),
            "</div>\n",
        ]
    )


def _class(name: str) -> str:
    return ' class="l"' if name in WORDS else ""


def _row(row: Row) -> str:
    cells = (
        f"<code>{escape(row.label)}</code>",
        escape(row.type),
        escape(row.output),
        escape(row.window_words),
        f'<span class="bad">{row.field}</span>' if row.unknown else escape(row.field),
        escape(row.jump),
        _sees(row),
        f"{row.params:,}" if row.params else "",
        text.human(row.macs) if row.macs else "",
        f'<span class="warn">{escape(row.marks)}</span>' if row.marks else "",
    )
    return "<tr>" + "".join(f"<td{_class(n)}>{c}</td>" for n, c in zip(HEADINGS, cells, strict=True)) + "</tr>"


def _sees(row: Row) -> str:
    if row.coverage is None:
        return ""
    bar = f'<span class="bar"><i style="width:{row.coverage:.1%}"></i></span>'
    return bar + ("everything" if row.everything else escape(text.percent(row.coverage)))
