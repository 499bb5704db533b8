"""Which mistakes give exactly a wrong number: one alone where one does, else two together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rfkit.auditing.jump_mistakes import JUMPS
from rfkit.auditing.mistakes import Mistake, Slip, T
from rfkit.auditing.model import Diagnosis
from rfkit.auditing.network import State
from rfkit.auditing.size_mistakes import SIZES, hidden_jumps
from rfkit.auditing.terms import Case, Size, jump_terms, size_terms, units_terms
from rfkit.auditing.unit_mistakes import UNITS
from rfkit.render.text import listing
from rfkit.report import Number

Option = tuple[str, Slip[T]]

RARE = frozenset({"kernel_taken_for_3", "start_from_3", "start_from_0", "layer_not_counted"})
"""Mistakes that explain almost anything together with another: combined only with common ones, never with each other."""


@dataclass(frozen=True, slots=True)
class Found:
    """Every diagnosis of a number, and the jump that stays in use if one of them holds (None: the right one)."""

    diagnoses: tuple[Diagnosis, ...]
    jump: Number | None = None


def behind(name: str, case: Case, value: Number) -> Found:
    """Every way in which the number ``r``, ``j`` or ``n`` behind a layer comes out as ``value``."""
    if name == "r":
        size = size_terms(case)
        if size is None:
            return Found(())
        return _found(size, case, value, SIZES, hidden_jumps)
    if name == "j":
        jump = jump_terms(case)
        return Found(()) if jump is None else _found(jump, case, value, JUMPS, _nothing)
    units = units_terms(case)
    return Found(()) if units is None else _found(units, case, value, UNITS, _nothing)


def _nothing(_: T, __: Case) -> list[Option[T]]:
    return []


def _found(
    right: T,
    case: Case,
    value: Number,
    registry: Mapping[str, Mistake[T]],
    more: Callable[[T, Case], list[Option[T]]],
) -> Found:
    singles = [*_slips(right, case, registry), *more(right, case)]
    hits: list[tuple[tuple[str, ...], Slip[T]]] = [
        ((name,), slip) for name, slip in singles if slip.terms.value == value
    ]
    if not hits:
        hits = list(_pairs(case, value, registry, singles, more))
    diagnoses = tuple(Diagnosis(names, slip.terms.words, slip.remark) for names, slip in hits)
    lasting = next((slip.terms.j for _, slip in hits if slip.lasting and isinstance(slip.terms, Size)), None)
    return Found(diagnoses, lasting)


def _slips(terms: T, case: Case, registry: Mapping[str, Mistake[T]]) -> Iterator[Option[T]]:
    for mistake in registry.values():
        slip = mistake.make(terms, case)
        if slip is not None and slip.terms.value != terms.value:
            yield mistake.name, slip


def _pairs(
    case: Case,
    value: Number,
    registry: Mapping[str, Mistake[T]],
    singles: list[Option[T]],
    more: Callable[[T, Case], list[Option[T]]],
) -> Iterator[tuple[tuple[str, ...], Slip[T]]]:
    """Two mistakes, one made after the other, each of which makes a difference; the order of the two does not count."""
    seen: set[frozenset[str]] = set()
    for first, slip in singles:
        for second, both in (*_slips(slip.terms, case, registry), *more(slip.terms, case)):
            names = frozenset((first, second))
            if len(names) < 2 or names in seen or names <= RARE or both.terms.value != value:
                continue
            seen.add(names)
            yield (
                (first, second),
                Slip(both.terms, f"{slip.remark}, and {both.remark}", slip.lasting or both.lasting),
            )


def before(name: str, case: Case, value: Number) -> tuple[Diagnosis, ...]:
    """Every way in which the number in front of a layer comes out as ``value``: slips made between the rows."""
    found: list[Diagnosis] = []
    for mistake, remark, other in _entrances(name, case):
        if other == value and all(mistake not in diagnosis.mistakes for diagnosis in found):
            found.append(Diagnosis((mistake,), str(value), remark))
    return tuple(found)


def _entrances(name: str, case: Case) -> Iterator[tuple[str, str, Number | None]]:
    def of(state: State) -> Number | None:
        number: Number | None = getattr(state, name)
        return number

    if case.first and name == "r":
        yield "start_from_3", "one pixel of the image sees 1; 3 is what a 3x3 kernel makes of it", 3
        yield "start_from_0", "one pixel of the image sees 1, not 0", 0
    if case.first and name == "n":
        yield "other_image", f"the network was traced on {case.step.before.n} positions", of(case.own)
    if case.above is not None and case.beside:
        label = case.above[0]
        yield "branches_chained", f"counted on from {label}, which lies on another branch", of(case.above[1])
    if case.above is not None and case.skipped and not case.beside:
        yield "layers_left_out", f"{listing(case.skipped)} not counted", of(case.above[1])
    for label, state in case.branches:
        yield "smaller_branch", f"taken on from {label}, not from the largest path", of(state)
    if name == "j":
        yield "stride_in_own_row", "the jump behind the layer, its own stride counted in", case.jump_after
    if name == "r" and case.own.r is not None:
        yield "number_behind", "the size behind the layer, not before it", case.step(case.own).r


def reproduced(name: str, mistake: str, case: Case) -> Number | None:
    """The number that a row gets if a mistake is made wherever it can be, else the right one from its own inputs."""
    if name == "r":
        return _made(size_terms(case), SIZES.get(mistake), case)
    if name == "j":
        return _made(jump_terms(case), JUMPS.get(mistake), case)
    return _made(units_terms(case), UNITS.get(mistake), case)


def _made(terms: T | None, mistake: Mistake[T] | None, case: Case) -> Number | None:
    if terms is None or mistake is None:
        return None
    slip = mistake.make(terms, case)
    return (terms if slip is None else slip.terms).value


def correction(name: str, case: Case) -> str:
    """The arithmetic of the right number, where a formula gives it: ``3 + (3-1)*2*2 = 11``."""
    terms = {"r": size_terms, "j": jump_terms, "n": units_terms}[name](case)
    return "" if terms is None else f"{terms.words} = {terms.value}"


ENTRANCES = {
    "other_image": "The calculation starts from an image of another size.",
    "number_behind": "The number behind the layer stands in front of it.",
    "other_stride": "The row has another stride than the layer.",
    "other_padding": "The row has another padding than the layer.",
    "other_kernel": "The row has another kernel than the layer.",
    "other_dilation": "The row has another dilation than the layer.",
    "size_of_the_image": "The size of the image is given, where the field reaches beyond it.",
}
"""Mistakes that are not about the arithmetic of a row."""


def phrase(mistake: str) -> str:
    """A mistake as a clause: ``the dilation is left out``."""
    words = re.split(r"[:;.]( |$)", meaning(mistake)[0], maxsplit=1)[0]
    return words[:1].lower() + words[1:]


def meaning(mistake: str) -> tuple[str, str]:
    """Explanation and formula of a mistake."""
    for registry in (SIZES, JUMPS, UNITS):
        if mistake in registry:
            found = registry[mistake]
            return found.explanation, found.formula
    return ENTRANCES.get(mistake, ""), ""
