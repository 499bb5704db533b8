"""Numbers against their limits: of the network as a whole, or of the layers that a pattern matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rfkit.axes import axis_names
from rfkit.gate.checks import advice
from rfkit.gate.checks.answers import Answer, Subject
from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.measurable import MEASURES, Measure, Values
from rfkit.gate.checks.wording import MACS, counted, exactly, gap, inside, per_axis, plain, written
from rfkit.gate.findings import Status
from rfkit.gate.limits import Limit
from rfkit.gate.quantities import COUNT, SHARE, SIZE
from rfkit.gate.requirements import Requirement
from rfkit.report import Layer, Number

_OF_FEATURES = frozenset({"receptive_field_features", "jump", "max_hole"})


@dataclass(frozen=True, slots=True)
class Reading:
    """The values of one layer, or of the network; ``bound`` where they are upper bounds, ``unknown`` why they are not known."""

    values: Values
    layer: Layer | None
    of_network: bool
    bound: bool
    unknown: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One value against its limit."""

    reading: Reading
    axis: int
    limit: Limit
    status: Status
    missed: Fraction = Fraction(0)

    @property
    def value(self) -> Number | float:
        """The value compared."""
        value = self.reading.values[self.axis]
        assert value is not None
        return value

    @property
    def weight(self) -> tuple[int, Fraction]:
        """How bad it is: broken before undecided before held, then by the gap's share of the limit."""
        order = (Status.HELD, Status.UNDECIDED, Status.BROKEN).index(self.status)
        end = max((abs(end) for end in (self.limit.low, self.limit.high) if end is not None), default=Fraction(1))
        return order, self.missed / max(end, Fraction(1, 10**6))


def measure(requirement: Requirement, subject: Subject) -> Answer:
    """Compare a number with its limits, on every axis, for the network or for every layer of the requirement's pattern."""
    found = MEASURES[requirement.check]
    readings = list(_readings(found, requirement, subject))
    if not readings:
        return _nothing(found, requirement)
    compared: list[Compared] = []
    for reading in readings:
        axes, limits = len(reading.values), requirement.limits
        if len(limits) not in (1, axes):
            said = f"{counted(len(limits), 'limit')} for {counted(axes, 'axis', 'axes')}: give one for all, or one for each"
            return Answer(_code(found, limits[0]), Status.UNDECIDED, said, None, _text(limits))
        each = limits if len(limits) == axes else limits * axes
        known = [value is not None for value in reading.values]
        if not any(known) or (not all(known) and reading.unknown):
            compared.append(Compared(reading, known.index(False), each[0], Status.UNDECIDED))
            continue
        compared += [_compare(reading, axis, each[axis], found) for axis, has in enumerate(known) if has]
    return _answer(found, requirement, compared, subject)


def _readings(found: Measure, requirement: Requirement, subject: Subject) -> Iterable[Reading]:
    graph = subject.graph
    if requirement.layers is None and found.whole is not None:
        maker = graph.features() if requirement.check in _OF_FEATURES else graph.main_output()
        values = found.whole(graph)
        flagged = maker is not None and "bound" in maker.flags and found.quantity is SIZE
        yield Reading(values, maker, True, flagged, _unknown(maker, graph) if None in values else None)
        return
    for layer in subject.layers(requirement):
        of_layer = found.layer(layer)
        if of_layer and (layer.unknown or any(value is not None for value in of_layer)):
            bound = "bound" in layer.flags and found.quantity is SIZE
            yield Reading(of_layer, layer, False, bound, layer.unknown)


def _unknown(maker: Layer | None, graph: Graph) -> str | None:
    """The operator without a rule that hides a value of the network."""
    if maker is not None and maker.unknown:
        return maker.unknown
    return next((layer.unknown for layer in graph if layer.unknown), None)


def _compare(reading: Reading, axis: int, limit: Limit, found: Measure) -> Compared:
    value = reading.values[axis]
    assert value is not None
    exact = exactly(value)
    missed = gap(exact, limit, found.quantity is not SHARE and exact.denominator == 1)
    if limit.holds(exact):
        certain = not reading.bound or limit.low is None or _sees_enough(reading, axis, limit)
        status = Status.HELD if certain else Status.UNDECIDED
    else:
        status = Status.UNDECIDED if reading.bound and limit.too_large(exact) else Status.BROKEN
    return Compared(reading, axis, limit, status, missed)


def _sees_enough(reading: Reading, axis: int, limit: Limit) -> bool:
    """Whether the exact extent on this image, which no field falls short of, meets a lower limit already."""
    seen = reading.layer.extent[axis] if reading.layer is not None else None
    return seen is not None and not limit.too_small(seen)


def _answer(found: Measure, requirement: Requirement, compared: list[Compared], subject: Subject) -> Answer:
    worst = max(compared, key=lambda one: one.weight)
    reading, limits = worst.reading, _text(requirement.limits)
    culprits = tuple(
        dict.fromkeys(
            one.reading.layer.label
            for one in compared
            if one.status is not Status.HELD and one.reading.layer is not None and not one.reading.of_network
        )
    )
    label = None if reading.of_network or reading.layer is None else reading.layer.label
    if worst.status is Status.HELD:
        code = _code(found, worst.limit)
        return Answer(code, Status.HELD, _held(found, compared, requirement), _value(compared), limits)
    if worst.status is Status.UNDECIDED:
        maker = reading.layer.label if reading.layer is not None else None
        code = _code(found, worst.limit)
        return Answer(code, worst.status, _undecided(found, worst), None, limits, None, maker, (), culprits)
    low = worst.limit.too_small(exactly(worst.value))
    code, more = found.codes[0 if low else 1], len(culprits) - 1
    message = _broken(found, worst, low) + (f"; so {_be(more)} {counted(more, 'other layer')}" if more > 0 else "")
    responsible, helps = advice.way_out(
        requirement.check, subject.graph, reading.layer, label is None, worst.axis, worst.limit
    )
    return Answer(
        code,
        worst.status,
        message,
        per_axis(reading.values),
        limits,
        _plain_gap(worst),
        label or responsible,
        helps,
        culprits,
    )


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _broken(found: Measure, worst: Compared, low: bool) -> str:
    values, limit = worst.reading.values, worst.limit
    miss = written(worst.missed, found.quantity, limit if found.quantity is SHARE else None)
    said = written(worst.value, found.quantity, limit)
    if said == written(worst.value, COUNT) and found.quantity is MACS:
        miss = f"{int(worst.missed):,}"
    head, verb = _phrase(found, worst.reading, said), f"{found.verb} not {inside(limit)}"
    if len(set(values)) > 1 and len(values) > 1:
        head = _phrase(found, worst.reading, str(per_axis(values)))
        head = f"{head}: {axis_names(len(values))[worst.axis]} {said}"
    return f"{head} {verb} ({miss} {found.short if low else found.over})"


def _phrase(found: Measure, reading: Reading, said: str) -> str:
    one = "1 parameter" if found.quantity is COUNT and said == "1" else found.phrase.format(said)
    return one if reading.of_network or reading.layer is None else f"{one} of {reading.layer.label}"


def _held(found: Measure, compared: list[Compared], requirement: Requirement) -> str:
    limits = requirement.limits
    said = " x ".join(inside(limit) for limit in limits)
    layers = {id(one.reading) for one in compared}
    if len(layers) > 1:
        noun = found.phrase.replace("{}", "").strip()
        return f"{noun} of all {counted(len(layers), 'layer')} {found.verb} {said}"
    reading = compared[0].reading
    value = written(compared[0].value, found.quantity, limits[0]) if len(set(reading.values)) == 1 else None
    return f"{_phrase(found, reading, value or str(per_axis(reading.values)))} {found.verb} {said}"


def _undecided(found: Measure, worst: Compared) -> str:
    reading = worst.reading
    noun = " ".join(found.phrase.replace("{}", "").split())
    where = "" if reading.of_network or reading.layer is None else f" of {reading.layer.label}"
    if reading.unknown:
        return f"{noun}{where} {found.verb} not known: the operator {reading.unknown} has no rule"
    if reading.values[worst.axis] is None:
        return f"{noun}{where} {found.verb} undefined: {found.undefined}"
    said = written(worst.value, found.quantity, worst.limit)
    return f"{noun}{where} {found.verb} at most {said}, an upper bound: that does not decide {worst.limit.text}"


def _nothing(found: Measure, requirement: Requirement) -> Answer:
    code, limits = _code(found, requirement.limits[0]), _text(requirement.limits)
    if requirement.layers is None:
        return Answer(code, Status.HELD, f"no convolution has {found.missing}", None, limits)
    said = f"none of the layers {requirement.layers} has {found.missing}"
    return Answer(code, Status.UNDECIDED, said, None, limits)


def _code(found: Measure, limit: Limit) -> str:
    """The code of the only side a limit has; of the lower one where it has both."""
    return found.codes[0 if limit.low is not None else 1]


def _text(limits: Sequence[Limit]) -> str:
    return " x ".join(limit.text for limit in limits)


def _value(compared: list[Compared]) -> int | float | str | None:
    layers = {id(one.reading) for one in compared}
    return per_axis(compared[0].reading.values) if len(layers) == 1 else None


def _plain_gap(worst: Compared) -> int | float | None:
    missed = plain(worst.missed)
    return float(worst.missed) if isinstance(missed, str) else missed
