"""What a network is made of: parts required and forbidden, modules without use, layers that add nothing, the output's shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from fractions import Fraction

from rfkit.gate.checks.answers import Answer, Subject
from rfkit.gate.checks.graph import Graph, identity, is_convolution, is_linear, map_size
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.checks.wording import counted, gap, inside
from rfkit.gate.findings import Status
from rfkit.gate.limits import AT_LEAST_ONE
from rfkit.gate.requirements import Requirement
from rfkit.render.text import area, listing, percent, sizes
from rfkit.report import Layer

NEAR_MISSES = 3
ALIASES = {
    "max_pool": "max_pooling",
    "maxpool": "max_pooling",
    "maxpooling": "max_pooling",
    "gap": "global_average_pooling",
    "skip": "skip_connection",
    "residual": "skip_connection",
}


def find(name: str, graph: Graph) -> list[str]:
    """Labels of the layers that a name means: a part, else an operator or a class in any case; ``*`` stands for anything."""
    plain = name.strip().lower().replace("-", "_")
    part = PARTS.get(ALIASES.get(plain, plain))
    if part is not None:
        return part.find(graph)
    return [layer.label for layer in graph if any(_same(plain, word) for word in (layer.type, *layer.operators))]


def _same(name: str, word: str) -> bool:
    """Whether a name means a class or an operator, with or without its number of dimensions: ``conv``, ``MaxPool2d``."""
    asked, given = (text.lower().replace("_", "") for text in (name, word))
    if "*" in asked or "?" in asked:
        return fnmatchcase(given, asked) or fnmatchcase(word.lower(), name)
    return asked == given or (given[-1:] == "d" and given[:-2] == asked) or (asked[-1:] == "d" and asked[:-2] == given)


def require(requirement: Requirement, subject: Subject) -> Answer:
    """Whether a part is there as often as asked; a shared module counts once, each functional call for itself."""
    name = str(requirement.subject)
    part = PARTS.get(ALIASES.get(name, name))
    title = part.title if part is not None else name
    allowed = {layer.label for layer in subject.layers(requirement)}
    labels = _distinct([label for label in find(name, subject.graph) if label in allowed], subject.graph)
    limit = requirement.limits[0] if requirement.limits else AT_LEAST_ONE
    number = Fraction(len(labels))
    if limit.holds(number):
        said = f"{title}: {listing(labels)}" if labels else f"no {title}"
        return Answer("RF201", Status.HELD, said, len(labels), limit.text)
    missed = int(gap(number, limit, whole=True))
    unknown = next((layer for layer in subject.graph if layer.unknown), None)
    if unknown is not None and limit.too_small(number):
        said = f"{_number(labels, title)}, but the operator {unknown.unknown} in {unknown.label} has no rule and hides others"
        return Answer("RF201", Status.UNDECIDED, said, len(labels), limit.text, missed, unknown.label)
    where = f" in {requirement.layers}" if requirement.layers else ""
    if limit.text == AT_LEAST_ONE.text:
        said = f"no {title}{where}"
    else:
        side = "short" if limit.too_small(number) else "too many"
        verb = "is" if len(labels) < 2 else "are"
        said = f"{_number(labels, title)}{where} {verb} not {inside(limit)} ({missed} {side})"
    help_, near = _how_to_add(name, subject.graph) if limit.too_small(number) else ((), None)
    return Answer(
        "RF201", Status.BROKEN, said, len(labels), limit.text, missed, labels[-1] if labels else near, help_,
        tuple(labels) if limit.too_large(number) else (),
    )  # fmt: skip


def _number(labels: Sequence[str], title: str) -> str:
    return f"{counted(len(labels), title)} ({listing(labels)})" if labels else f"no {title}"


def _how_to_add(name: str, graph: Graph) -> tuple[tuple[str, ...], str | None]:
    """Near misses, then the code that adds the part; and the layer that the first near miss is about."""
    part = PARTS.get(ALIASES.get(name, name))
    if part is None:
        return (), None
    near = list(dict.fromkeys(part.near(graph)))
    first = next((label for label in graph.layers if near and label in near[0].replace(",", " ").split()), None)
    sentences = near[:NEAR_MISSES]
    if len(near) > NEAR_MISSES:
        sentences.append(f"and {len(near) - NEAR_MISSES} more like these")
    unused = graph.report.totals.unused_modules
    if unused:
        sentences.append(f"defined but never called, so it does not count: {listing(unused, 60)}")
    return (*sentences, f"what counts: {part.description}; e.g. {part.recipe}"), first


def _distinct(labels: Sequence[str], graph: Graph) -> list[str]:
    """Labels without the second and later calls of one module; functional calls are told apart."""
    kept: dict[str, str] = {}
    for label in labels:
        kept.setdefault(identity(graph.layers[label]), label)
    return list(kept.values())


def forbid(requirement: Requirement, subject: Subject) -> Answer:
    """Whether a part, an operator or a class is used nowhere."""
    name = str(requirement.subject)
    allowed = {layer.label: layer for layer in subject.layers(requirement)}
    labels = [label for label in find(name, subject.graph) if label in allowed]
    where = f" in {requirement.layers}" if requirement.layers else ""
    if not labels:
        return Answer("RF202", Status.HELD, f"no {name}{where}", 0, "== 0")
    used = [_described(allowed[label]) for label in labels]
    help_: tuple[str, ...] = ()
    if set(labels) <= set(PARTS["max_pooling"].find(subject.graph)):
        help_ = _instead_of_pooling(allowed[labels[0]], subject.graph)
    said = f"{name} is used{where}: {listing(used, 90)}"
    return Answer("RF202", Status.BROKEN, said, len(labels), "== 0", len(labels), labels[0], help_, tuple(labels))


def _described(layer: Layer) -> str:
    """A layer with the class or operator it is, where its name does not say so."""
    return layer.label if layer.type in layer.label else f"{layer.label} ({layer.type})"


def _instead_of_pooling(pooling: Layer, graph: Graph) -> tuple[str, ...]:
    """A stride in the convolution before a max pooling, where the map it makes has the pooling's size."""
    before: Layer | None = pooling
    while before is not None and not (is_convolution(before) and before is not pooling):
        sources = graph.sources(before)
        before = sources[0] if len(sources) == 1 and graph.readers[sources[0].label] == [before.label] else None
    if before is None or not pooling.stride or before.transposed or max(before.stride or (2,)) > 1:
        return ("a convolution with stride 2 halves a map too, and its weights are learnt",)
    given = [map_size(source) for source in graph.sources(before)] or [graph.report.spatial]
    window = zip(
        given[0], before.kernel_size or (), before.padding or (), before.dilation or (), pooling.stride, strict=False
    )
    made = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, p, d, s in window)
    if made != map_size(pooling):
        return ("a convolution with stride 2 halves a map too, and its weights are learnt",)
    return (
        f"stride {sizes(pooling.stride)} in {before.label} instead of {pooling.label} makes a map of the same size, {area(made)}",
    )


def no_unused_modules(requirement: Requirement, subject: Subject) -> Answer:
    """Whether every module without children is called, or a weight of it read."""
    unused = [
        name
        for name in subject.graph.report.totals.unused_modules
        if name not in subject.hidden and (requirement.layers is None or fnmatchcase(name, requirement.layers))
    ]
    if not unused:
        return Answer("RF204", Status.HELD, "every module is called", 0)
    verb = "is" if len(unused) == 1 else "are"
    said = f"{listing(unused, 60)} {verb} defined but never called"
    help_ = ("call it in the forward, or delete it: its parameters are counted and never trained",)
    return Answer("RF204", Status.BROKEN, said, len(unused), None, len(unused), unused[0], help_, tuple(unused))


def no_unproductive_layers(requirement: Requirement, subject: Subject) -> Answer:
    """Whether every convolution's input still sees less than the image."""
    convolutions = [layer for layer in subject.layers(requirement) if is_convolution(layer)]
    image = area(subject.graph.report.spatial)

    def said(layer: Layer) -> str:
        seen = [sizes(source.receptive_field_min) for source in subject.graph.sources(layer)]
        return f"its input already sees {seen[0] if seen else image} pixels of the {image} image"

    answer = _flagged("RF301", "unproductive", convolutions, said, "every convolution adds context")
    if answer.status is Status.BROKEN:
        params = sum(layer.params for layer in convolutions if layer.label in answer.culprits)
        share = percent(params / max(subject.graph.report.totals.params, 1))
        return replace(answer, help=(*answer.help, f"it would save {params:,} parameters ({share})"))
    return answer


def aligned(requirement: Requirement, subject: Subject) -> Answer:
    """Whether paths that are joined agree in jump and centre."""

    def said(layer: Layer) -> str:
        return f"{', '.join(layer.inputs)} disagree in jump or centre"

    return _flagged("RF302", "misaligned", subject.layers(requirement), said, "paths that join are aligned")


def _flagged(code: str, flag: str, layers: Sequence[Layer], said: Callable[[Layer], str], fine: str) -> Answer:
    found = [layer for layer in layers if flag in layer.flags]
    if found:
        first = found[0]
        rest = f"; so {'is' if len(found) == 2 else 'are'} {listing([x.label for x in found[1:]])}" if found[1:] else ""
        message = f"{first.label} is {flag}: {said(first)}{rest}"
        labels = tuple(layer.label for layer in found)
        help_ = _REMEDIES[flag]
        return Answer(code, Status.BROKEN, message, len(found), None, len(found), first.label, help_, labels)
    lost = next((layer for layer in layers if layer.unknown), None)
    if lost is not None:
        message = f"{lost.label} and what follows cannot be judged: the operator {lost.unknown} has no rule"
        return Answer(code, Status.UNDECIDED, message, None, None, None, lost.label)
    return Answer(code, Status.HELD, fine, 0)


_REMEDIES = {
    "unproductive": ("leave it out, stride less early on, or feed larger images",),
    "misaligned": ("give every path the same strides, and each convolution a padding of dilation*(kernel-1)/2",),
}


def output_shape(requirement: Requirement, subject: Subject) -> Answer:
    """Whether the first output has the sizes asked for, with or without the batch."""
    assert isinstance(requirement.subject, tuple)
    asked, totals = requirement.subject, subject.graph.report.totals
    shape = totals.output_shapes[0] if totals.output_shapes else ()
    limit = f"[{', '.join(map(str, asked))}]"
    value = f"[{', '.join(map(str, shape))}]"
    if asked in (shape, shape[1:]):
        return Answer("RF107", Status.HELD, f"output shape {value} is as asked", value, limit)
    maker = _shaper(subject.graph)
    return Answer(
        "RF107",
        Status.BROKEN,
        f"output shape {value} is not {limit}",
        value,
        limit,
        None,
        maker,
        _why_shape(subject.graph),
    )


def _shaper(graph: Graph) -> str | None:
    """The layer that gives the first output its sizes: what folds positions into the batch, else the last with weights."""
    folded = next((layer.label for layer in graph if "space_in_batch" in layer.flags), None)
    output = next(iter(graph.outputs()), None)
    path = graph.longest_path(output)
    weighted = [layer.label for layer in path if is_convolution(layer) or is_linear(layer)]
    last = weighted[-1] if weighted else None
    return folded or last or (output.label if output is not None else None)


def _why_shape(graph: Graph) -> tuple[str, ...]:
    folded = next((layer for layer in graph if "space_in_batch" in layer.flags), None)
    if folded is None:
        return ()
    near = tuple(PARTS["global_average_pooling"].near(graph))[:1]
    return (f"{folded.label} folds positions into the batch: it is not one row for each image any more", *near)
