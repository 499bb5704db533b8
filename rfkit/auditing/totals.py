"""One number claimed for a whole network: is it right, before or after pooling, and if not, what makes it.

The calculation is gone through along the path that decides the output's size, once for every mistake: made in every
row, in the dilated rows only, at a single layer. A mistake that reaches exactly the claim is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rfkit.auditing.diagnose import phrase
from rfkit.auditing.jump_mistakes import JUMPS
from rfkit.auditing.model import Claim, Diagnosis, Numbers, Verdict
from rfkit.auditing.network import IMAGE, Node, State, Step, nodes_of
from rfkit.auditing.size_mistakes import SIZES
from rfkit.auditing.terms import Case, jump_terms, size_terms
from rfkit.auditing.values import same, whole
from rfkit.render.text import listing
from rfkit.report import Number, PerAxis, Report

PLACES = ("after pooling", "before pooling")
SHOWN = 4

Choose = Callable[["Leg"], bool]


@dataclass(frozen=True, slots=True)
class Leg:
    """One layer on the way: its label, kind and step along the axis."""

    label: str
    kind: str
    step: Step


@dataclass(frozen=True, slots=True)
class Way:
    """The path that decides the output's size along one axis; ``features`` is where it is pooled away, else its end."""

    legs: tuple[Leg, ...]
    features: int
    axis: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A calculation along the way: the size behind every layer, and what every layer added."""

    sizes: tuple[Number, ...]
    added: tuple[Number, ...]

    def at(self, way: Way, place: str) -> Number:
        """The size after or before pooling."""
        if place == "after pooling":
            return self.sizes[-1]
        return self.sizes[way.features - 1] if way.features else 1


Hypothesis = tuple[str, str, Walk]


def claim(report: Report, stated: Numbers, line: int = 0) -> Claim:
    """What a claimed receptive field of the whole network is worth.

    Args:
        report: the network.
        stated: the claim, once or per axis, in input pixels.
        line: where it stands in a table; 0 for a claim made alone.
    """
    right, features = _once(report.totals.receptive_field), _once(report.totals.receptive_field_features)
    if right is None and features is None:
        return Claim(line, stated, None, None, Verdict.UNCHECKED)
    pairs = zip(PLACES, (right, features), strict=True)
    means = tuple(place for place, value in pairs if value is not None and same(stated, value))
    if means:
        return Claim(line, stated, right, features, Verdict.RIGHT, means)
    axis, value = _first_wrong(stated, right or features or ())
    way = way_through(report, axis)
    return Claim(line, stated, right, features, Verdict.WRONG, (), tuple(_diagnoses(report, way, value)))


def _once(values: PerAxis) -> Numbers | None:
    numbers = tuple(value for value in values if value is not None)
    if not numbers or len(numbers) < len(values):
        return None
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def _first_wrong(stated: Numbers, right: Numbers) -> tuple[int, Number]:
    axes = max(len(stated), len(right))
    for axis in range(axes):
        said, true = stated[axis % len(stated)], right[axis % len(right)]
        if said != true:
            return axis, said
    return 0, stated[0]


def way_through(report: Report, axis: int) -> Way:
    """The path from the image to the output that sees most, through the largest source wherever paths meet."""
    nodes = nodes_of(report)
    known = [i for i, node in enumerate(nodes) if node.steps[axis].after.r is not None]
    labels = {node.label: i for i, node in enumerate(nodes)}
    outputs = [labels[label] for label in report.totals.outputs if label in labels and labels[label] in known]
    at = max(outputs or known, key=lambda i: nodes[i].steps[axis].after.r or 0)
    route = []
    while at != IMAGE:
        route.append(at)
        at = max(nodes[at].sources, key=lambda u: nodes[u].steps[axis].after.r or 0)
    legs = [_leg(nodes[i], axis) for i in reversed(route)]
    names = [leg.label for leg in legs]
    features = report.totals.features
    before = legs[: names.index(features) + 1] if features in names else legs
    return Way(tuple(filter(_counts, legs)), len(list(filter(_counts, before))), axis)


def _counts(leg: Leg) -> bool:
    """Whether a hand calculation has something to do here: a window, or a change of size or jump."""
    return leg.step.k is not None or bool(leg.step.growth) or leg.step.factor not in (1, None)


def _leg(node: Node, axis: int) -> Leg:
    return Leg(node.label, node.kind, node.steps[axis])


def walk(
    way: Way,
    size: str = "",
    jump: str = "",
    where: Choose | None = None,
    start: Number = 1,
    without: Choose | None = None,
) -> Walk:
    """The calculation along the way with mistakes in it.

    Args:
        way: the path.
        size: name of a mistake about sizes, made wherever it can be.
        jump: name of one about jumps.
        where: the layers at which they are made; None: at all.
        start: what one pixel of the image is taken to see.
        without: layers that are not counted at all.
    """
    state, sizes, added = State(start, 1, None), [], []
    for leg in way.legs:
        before = state.r or 0
        if without is None or not without(leg):
            chosen = where is None or where(leg)
            state = _next(leg, state, size if chosen else "", jump if chosen else "")
        sizes.append(state.r or 0)
        added.append((state.r or 0) - before)
    return Walk(tuple(sizes), tuple(added))


def _next(leg: Leg, state: State, size: str, jump: str) -> State:
    case = Case(leg.step, leg.kind, state, label=leg.label)
    right = leg.step(state)
    r, j = right.r if right.r is not None else state.r, right.j if right.j is not None else state.j
    sizes, jumps = size_terms(case), jump_terms(case)
    if size and sizes is not None and (slip := SIZES[size].make(sizes, case)):
        r = slip.terms.value
    if jump and jumps is not None and (jumped := JUMPS[jump].make(jumps, case)):
        j = jumped.terms.value
    return State(r, j, None)


def _diagnoses(report: Report, way: Way, value: Number) -> Iterator[Diagnosis]:
    """All ways to the claim of the simplest sort: whole-network ones, then a slip at one layer, then two together."""
    truth = walk(way)
    special = tuple(_special(report, way, value))
    for sort in (_throughout(way), _at_one_layer(way), _two_throughout(way)):
        hits = [
            Diagnosis(tuple(names.split("+")), _working(way, truth, found, place), f"{words}, {place}")
            for names, words, found in sort
            for place in PLACES
            if found.at(way, place) == value != truth.at(way, place)
            and (place == PLACES[0] or way.features < len(way.legs))
        ]
        if hits or special:
            yield from _distinct(hits)
            yield from special
            return


def _distinct(hits: Sequence[Diagnosis]) -> Iterator[Diagnosis]:
    seen = set()
    for hit in hits:
        if (key := (hit.mistakes, hit.working)) not in seen:
            seen.add(key)
            yield hit


def _dilated(leg: Leg) -> bool:
    return (leg.step.d or 1) > 1


def _inner_pool(way: Way) -> Choose:
    inner = {leg.label for leg in way.legs[: way.features]}
    return lambda leg: leg.kind == "pool" and leg.label in inner


def _throughout(way: Way) -> Iterator[Hypothesis]:
    """A mistake made in every row, or in all the dilated ones."""
    truth = walk(way)
    some_dilated = any(_dilated(leg) for leg in way.legs)
    for name in SIZES:
        everywhere = walk(way, size=name)
        if everywhere != truth:
            yield name, phrase(name), everywhere
        dilated = walk(way, size=name, where=_dilated)
        if some_dilated and dilated not in (truth, everywhere):
            yield name, f"in the dilated layers only {phrase(name)}", dilated
    for name in JUMPS:
        found = walk(way, jump=name)
        if found != truth:
            yield name, phrase(name), found
    for start in (0, 3):
        yield f"start_from_{start}", phrase(f"start_from_{start}"), walk(way, start=start)
    pools = [leg.label for leg in way.legs if _inner_pool(way)(leg)]
    if pools:
        yield (
            "layers_left_out",
            f"the poolings inside ({listing(pools)}) are not counted",
            walk(way, without=_inner_pool(way)),
        )


def _at_one_layer(way: Way) -> Iterator[Hypothesis]:
    """A mistake made at a single layer, or a layer that is not counted."""
    state = State(1, 1, None)
    for leg in way.legs:

        def here(other: Leg, label: str = leg.label) -> bool:
            return other.label == label

        right = _next(leg, state, "", "")
        for name in SIZES:
            if _next(leg, state, name, "") != right:
                yield name, f"at {leg.label} only {phrase(name)}", walk(way, size=name, where=here)
        for name in JUMPS:
            if _next(leg, state, "", name) != right:
                yield name, f"at {leg.label} only {phrase(name)}", walk(way, jump=name, where=here)
        if leg.step.factor not in (1, None):
            yield "layers_left_out", f"{leg.label} is not counted", walk(way, without=here)
        state = right


def _two_throughout(way: Way) -> Iterator[Hypothesis]:
    """Two mistakes made in every row: one about sizes with one about jumps, or with the start."""
    for size in SIZES:
        for jump in JUMPS:
            yield f"{size}+{jump}", f"{phrase(size)} and {phrase(jump)}", walk(way, size=size, jump=jump)
        for start in (0, 3):
            words = f"{phrase(size)} and {phrase(f'start_from_{start}')}"
            yield f"{size}+start_from_{start}", words, walk(way, size=size, start=start)


def _special(report: Report, way: Way, value: Number) -> Iterator[Diagnosis]:
    """Numbers of the network that are not its receptive field."""
    smallest = report.totals.receptive_field_min[way.axis]
    if value == smallest:
        yield Diagnosis(("smaller_branch",), str(value), "the shortest path is taken, not the longest, after pooling")
    nodes = nodes_of(report)
    chain = Way(tuple(_leg(node, way.axis) for node in nodes[1:] if node.kind != "join"), 0, way.axis)
    if any(len(node.sources) > 1 for node in nodes) and value == (end := walk(chain).sizes[-1]):
        yield Diagnosis(
            ("branches_chained",),
            str(end),
            "branches that lie side by side are counted one after the other, after pooling",
        )
    if value == report.spatial[way.axis]:
        yield Diagnosis(
            ("size_of_the_image",), str(value), "the size of the image is given, where the field reaches beyond it"
        )


def _working(way: Way, truth: Walk, found: Walk, place: str) -> str:
    """From the right number to the claim, layer by layer: ``55 - 4 (conv2.0 adds 4, not 8) - 4 (...)``."""
    count = len(way.legs) if place == PLACES[0] else way.features
    first = truth.sizes[0] - truth.added[0]
    start = found.sizes[0] - found.added[0] - first
    words = [str(truth.at(way, place))] + ([_signed(start)] if start else [])
    changed = [i for i in range(count) if truth.added[i] != found.added[i]]
    words += [_part(way.legs[i].label, found.added[i], truth.added[i]) for i in changed[:SHOWN]]
    rest = sum((Fraction(found.added[i] - truth.added[i]) for i in changed[SHOWN:]), Fraction(0))
    if changed[SHOWN:]:
        words.append(f"{_signed(whole(rest))} ({len(changed) - SHOWN} more)")
    return " ".join(words)


def _signed(value: Number) -> str:
    return f"- {-value}" if value < 0 else f"+ {value}"


def _part(label: str, added: Number, right: Number) -> str:
    return f"{_signed(added - right)} ({label} adds {added}, not {right})"
