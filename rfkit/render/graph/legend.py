"""What stands around the boxes: what the network is, what colours and signs mean, what is left out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from rfkit.render import text
from rfkit.render.graph.label import MUTED, bold, colored, plain
from rfkit.render.graph.model import Graph
from rfkit.render.graph.scales import STEPS, Scale
from rfkit.render.graph.words import SIGNS, WARNINGS
from rfkit.render.rows import MARKS, causes
from rfkit.render.summary import MEANINGS, head, nouns

COLUMNS = 84


def heading(graph: Graph, scale: Scale, columns: int) -> str:
    """The label above the picture: the target, its input and totals, the scale of the colours, what signs mean."""
    report = graph.report
    target, size, _ = head(report)
    totals = f"{report.totals.params:,} parameters, {text.human(report.totals.macs)} MACs"
    strict = ", strict fields" if report.strict else ""
    width = 14 + 6 * max(map(len, scale.classes))
    swatches = "".join(
        f'<TD BGCOLOR="{color}" BORDER="1" COLOR="#9a9a9a" WIDTH="{width}">{plain(words)}</TD>'
        for color, words in zip(STEPS, scale.classes, strict=True)
    )
    lines = [
        f'<FONT POINT-SIZE="14">{bold(text.shorten(target, COLUMNS))}</FONT>',
        colored(f"{size}, {totals}{strict}", MUTED),
        plain(scale.title),
    ]
    lines += [f"{_TABLE}<TR>{swatches}</TR></TABLE>", _notes(graph, columns)]
    return f"{_TABLE}{''.join(f'<TR><TD>{line}</TD></TR>' for line in lines)}</TABLE>"


_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">'


def _notes(graph: Graph, columns: int) -> str:
    """What signs mean and what is left out, wrapped."""
    lines = [
        part for line in _sentences(graph, columns) for part in textwrap.wrap(line, COLUMNS, break_on_hyphens=False)
    ]
    return "".join(f'{colored(line, MUTED)}<BR ALIGN="LEFT"/>' for line in lines)


def _sentences(graph: Graph, columns: int) -> list[str]:
    windows = {word.rstrip("0123456789x") for node in graph.nodes for word in node.row.window_words.split()}
    letters = [f"{letter}\xa0{meaning}" for letter, meaning in _LETTERS.items() if letter in windows]
    unit = nouns(graph.report)
    found = [
        "; ".join([f"RF: receptive field in input {unit}", "jump: distance of neighbouring units", *letters]) + "."
    ]
    present = _present(graph)
    found += [f"{MARKS[cause]} {_word(cause)}: {MEANINGS[cause][0]}." for cause in MARKS if cause in present]
    if any(edge.context for edge in graph.edges):
        found.append("Dashed lines: context of the whole map, which local fields leave out.")
    if columns > 1:
        found.append("Where a column ends, the network goes on at the same letter.")
    return [*found, *_left_out(graph)]


_LETTERS = {
    "k": "kernel",
    "s": "stride",
    "d": "dilation",
    "dw": "depthwise",
    "g": "groups",
    "T": "transposed",
    "all": "pools everything",
}


def _word(cause: str) -> str:
    return WARNINGS.get(cause, "upper bound" if cause == "bound" else cause)


def _present(graph: Graph) -> set[str]:
    """Causes whose sign is in the picture: warnings of any layer, the others of the layers whose output leaves a box."""
    found: set[str] = set()
    for node in graph.nodes:
        for layer in node.row.layers:
            found |= causes(layer) & WARNINGS.keys()
        for end in node.row.ends:
            found |= causes(end) & set(SIGNS)
    return found


def _left_out(graph: Graph) -> Iterable[str]:
    if graph.depth is not None:
        yield f"Modules are folded to {graph.depth} of the components of their names; --depth\xa0changes\xa0that."
    if graph.hidden == 1:
        yield "1 layer that passes its field on unchanged has no box; --all\xa0draws\xa0it."
    elif graph.hidden:
        params = f" ({graph.hidden_params:,} parameters)" if graph.hidden_params else ""
        yield f"{graph.hidden:,} layers{params} that pass their field on unchanged have no box; --all\xa0draws\xa0them."
