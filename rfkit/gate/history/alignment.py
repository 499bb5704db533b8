"""Which layer of one report is which layer of another.

Layers are aligned in execution order by what makes two of them the same one: their name, their structure, best both.
Where a layer is inserted into a ``Sequential``, all later ones get other names and keep their structure; where a layer is
made wider, it keeps its name. The alignment with the largest sum of likenesses is found by dynamic programming
(Needleman and Wunsch 1970, gaps cost nothing), and is the same seen from either side. Layers that changed places are
paired by their names afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rfkit.report import Layer

Pair = tuple[Layer | None, Layer | None]
"""A layer of the old report and its equal in the new one; None where there is none."""

OWN, NUMBERED, BUT_NUMBERS = 3, 2, 1
"""How alike two names are: equal, equal with a number in them, equal but for numbers. A name of its own says more of a
layer than its place in a list (``features.3``), which an insertion shifts."""

SAME = 1_000_000
RESIZED = {OWN: 800_000, NUMBERED: 700_000, BUT_NUMBERS: 600_000}
CHANGED = {OWN: 650_000, NUMBERED: 550_000, BUT_NUMBERS: 300_000}
RETYPED = {OWN: 500_000, NUMBERED: 100_000}
"""Likenesses: of one structure, to which the names add what decides between equals; of one type and window, with other
channels; of one type; of another type. Layers that only keep their names outweigh half as many that only keep their
structure, as where every layer is made wider."""

LARGEST = 4_000_000
"""Pairs of layers beyond which only names are compared: that many take some seconds."""

_NUMBER = re.compile(r"(?<![A-Za-z_])\d+|#\d+$")


def align(old: Sequence[Layer], new: Sequence[Layer]) -> list[Pair]:
    """Every layer of both once, in execution order; what was removed stands before what was added in its place."""
    if [_identity(layer) for layer in old] > [_identity(layer) for layer in new]:
        pairs = [(left, right) for right, left in _aligned(new, old)]
    else:
        pairs = _aligned(old, new)
    return _ordered(old, new, pairs)


def structure(layer: Layer) -> tuple[object, ...]:
    """What a layer is, whatever it is called and wherever it stands."""
    geometry = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, layer.transposed)
    return (layer.type, *geometry, layer.channels, layer.params)


@dataclass(frozen=True, slots=True)
class _Look:
    """What likeness looks at, worked out once for each layer."""

    label: str
    plain: str
    numbered: bool
    kind: str
    window: tuple[object, ...]
    structure: tuple[object, ...]

    @classmethod
    def of(cls, layer: Layer) -> _Look:
        plain = _NUMBER.sub("", layer.label)
        window = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.transposed)
        return cls(layer.label, plain, plain != layer.label, layer.type, window, structure(layer))


def likeness(old: Layer, new: Layer) -> int:
    """How much speaks for two layers being the same one; 0: nothing."""
    return _likeness(_Look.of(old), _Look.of(new))


def _likeness(old: _Look, new: _Look) -> int:
    named = BUT_NUMBERS if old.plain == new.plain else 0
    if old.label == new.label:
        named = NUMBERED if old.numbered else OWN
    if old.structure == new.structure:
        return SAME + named
    if old.kind != new.kind:
        return RETYPED.get(named, 0)
    return (RESIZED if old.window == new.window else CHANGED).get(named, 0)


def _identity(layer: Layer) -> tuple[str, ...]:
    return (layer.label, repr(structure(layer)))


def _aligned(old: Sequence[Layer], new: Sequence[Layer]) -> list[tuple[Layer, Layer]]:
    """Pairs of equal layers; ends that are alike are taken first."""
    identities = [_identity(layer) for layer in old], [_identity(layer) for layer in new]
    head = _common(*identities)
    tail = _common(identities[0][head:][::-1], identities[1][head:][::-1])
    ends = len(old) - tail, len(new) - tail
    inner = _matched(old[head : ends[0]], new[head : ends[1]])
    outer = [*zip(old[:head], new[:head], strict=True), *zip(old[ends[0] :], new[ends[1] :], strict=True)]
    return _with_moved(old, new, [*outer, *inner])


def _common(old: Sequence[object], new: Sequence[object]) -> int:
    """How many items two sequences begin with alike."""
    count = 0
    for left, right in zip(old, new, strict=False):
        if left != right:
            break
        count += 1
    return count


def _matched(old: Sequence[Layer], new: Sequence[Layer]) -> list[tuple[Layer, Layer]]:
    """The pairs of the alignment with the largest sum of likenesses."""
    if len(old) * len(new) > LARGEST:
        return []
    looks = [_Look.of(layer) for layer in new]
    likenesses = [[_likeness(left, right) for right in looks] for left in map(_Look.of, old)]
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        below, row, own = best[i + 1], best[i], likenesses[i]
        for j in range(len(new) - 1, -1, -1):
            row[j] = max(below[j], row[j + 1], below[j + 1] + own[j])
    pairs, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if likenesses[i][j] and best[i][j] == best[i + 1][j + 1] + likenesses[i][j]:
            pairs.append((old[i], new[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _with_moved(
    old: Sequence[Layer], new: Sequence[Layer], pairs: list[tuple[Layer, Layer]]
) -> list[tuple[Layer, Layer]]:
    """The pairs, and those layers of one name and type that stand elsewhere now."""
    taken = {left.label for left, _ in pairs}, {right.label for _, right in pairs}
    left_over = {layer.label: layer for layer in old if layer.label not in taken[0]}
    moved = [
        (left_over[layer.label], layer)
        for layer in new
        if layer.label not in taken[1] and layer.label in left_over and left_over[layer.label].type == layer.type
    ]
    return [*pairs, *moved]


def _ordered(old: Sequence[Layer], new: Sequence[Layer], pairs: Sequence[tuple[Layer, Layer]]) -> list[Pair]:
    """All layers in the order of the new report, what was removed right after what it followed in the old one."""
    partners = {right.label: left for left, right in pairs}
    kept = {left.label for left, _ in pairs}
    gone: dict[str | None, list[Pair]] = {}
    before = None
    for layer in old:
        if layer.label in kept:
            before = layer.label
        else:
            gone.setdefault(before, []).append((layer, None))
    found = gone.pop(None, [])
    for layer in new:
        left = partners.get(layer.label)
        found.append((left, layer))
        found += gone.get(left.label, []) if left is not None else []
    return found
