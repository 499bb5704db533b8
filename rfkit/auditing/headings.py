"""What a column heading means, however it is written: ``RF (in)``, ``r_in``, ``Rin``, ``Receptive Field In``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rfkit.auditing.model import GEOMETRY, INPUTS, OUTPUTS, Column

WORDS = {
    "r": "r, rf, receptive field, receptivefield, receptive fields, receptive field size, rf size, receptive, field, "
    "field size, field of view, fov, rfield, effective rf, global rf, global receptive field",
    "j": "j, jump, jumps, jump size, effective stride, cumulative stride, total stride, stride product",
    "n": "n, size, sizes, image size, img size, image, feature map, feature map size, fmap, map size, map, shape, "
    "resolution, spatial size, spatial, dim, dims, dimension, dimensions, units, number of units, width, height, "
    "channel size, featuremap, tensor size, tensor shape",
    "k": "k, kernel, kernels, kernel size, kernelsize, ks, ksize, filter, filter size, window, window size, kernal, "
    "kernal size, kernel dim",
    "s": "s, stride, strides",
    "p": "p, pad, pads, padding, paddings",
    "d": "d, dilation, dilations, dil, dilation rate, dilation factor, dilatation, rate, atrous rate, dilate, "
    "dilation d",
    "name": "layer, layers, layer name, name, module, operation, op, operator, step, layername, layer number, layer no",
    "type": "type, layer type, kind, conv type, description",
    "block": "block, blocks, block name, branch, stage, path, section",
}
_MEANING = {phrase.strip(): meaning for meaning, phrases in WORDS.items() for phrase in phrases.split(",")}
_BEFORE = frozenset({"in", "input", "before", "previous", "prev", "old"})
_BEHIND = frozenset({"out", "output", "after", "new", "current", "final"})
_UNITS = frozenset({"px", "pixel", "pixels", "value"})
_FUSED = re.compile(r"^(in|out)?(rf|r|j|n|jump|size)(in|out)?$")
_LETTERS = re.compile(r"^[kspd]{2,4}$")


def columns(cells: Sequence[str]) -> tuple[Column, ...]:
    """The columns under a row of headings; where two say the same, the first one counts.

    A heading that does not say before or behind (``j``) means before where another one states the number behind
    (``j_out``) and none the number before.
    """
    found = [_column(cell) for cell in cells]
    certain = Counter(meaning for column in found if column.certain for meaning in column.meanings)
    seen: set[str] = set()
    for i, column in enumerate(found):
        if not column.certain and certain[column.meanings[0]]:
            before = column.meanings[0].replace("_out", "_in")
            found[i] = column = Column(column.heading, (before,), True)
        if seen & set(column.meanings):
            found[i] = column = Column(column.heading, ("type",) if column.meanings == ("name",) else ())
        seen |= set(column.meanings)
    return tuple(found)


def is_header(found: Sequence[Column]) -> bool:
    """Whether a row of cells is one of headings: two of them are understood, and one is a number that can be checked."""
    meanings = {meaning for column in found for meaning in column.meanings}
    return len(meanings) >= 2 and bool(meanings & {*INPUTS, *OUTPUTS})


def _column(heading: str) -> Column:
    words = plain(heading).lower()
    words = re.sub(r"[{}$\\^]", "", words)
    tokens = [token for token in re.split(r"[^a-z0-9]+", words) if token and token not in _UNITS]
    together = _together(tokens)
    if together:
        return Column(heading, together)
    meaning, direction = _parse(tokens)
    if meaning in ("r", "j", "n"):
        return Column(heading, (f"{meaning}_{direction or 'out'}",), bool(direction))
    return Column(heading, (meaning,) if meaning else ())


def _together(tokens: Sequence[str]) -> tuple[str, ...]:
    """Several parameters of a window in one column: ``K,p,s``, ``kernel/stride/padding``, ``ksp``."""
    if len(tokens) == 1 and _LETTERS.match(tokens[0]) and len(set(tokens[0])) == len(tokens[0]):
        tokens = list(tokens[0])
    meanings = [_MEANING.get(token, "") for token in tokens]
    several = len(set(meanings)) > 1 and len(set(meanings)) == len(meanings)
    return tuple(meanings) if several and set(meanings) <= set(GEOMETRY) else ()


def _parse(tokens: Sequence[str]) -> tuple[str, str]:
    """Meaning and direction (``in``, ``out`` or empty) of a heading's words."""
    if " ".join(tokens) in _MEANING:
        return _MEANING[" ".join(tokens)], ""
    if len(tokens) == 1 and (fused := _FUSED.match(tokens[0])):
        first, word, last = fused.groups()
        return _MEANING[word], first or last or ""
    direction = next(("in" if token in _BEFORE else "out" for token in tokens if token in _BEFORE | _BEHIND), "")
    rest = " ".join(token for token in tokens if token not in _BEFORE | _BEHIND)
    if not rest and direction:
        return "n", direction
    if len(set(rest.split())) > 1 and len({_MEANING.get(token) for token in rest.split()}) == 1:
        return _MEANING.get(rest.split()[0], ""), direction
    return _MEANING.get(rest, ""), direction


def plain(cell: str) -> str:
    """A cell without the marks that make it bold, italic or code, and without spaces around it."""
    words = re.sub(r"<[^>]*>|(?<![\d\s])\*|\*(?!\s*\d)|`|~~|^_+|_+$", "", cell.replace("\u00a0", " "))
    return words.strip()
