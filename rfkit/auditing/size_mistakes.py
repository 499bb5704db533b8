"""Mistakes about the receptive field, ``r' = r + (k-1)*d*j``."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from rfkit.auditing.jump_mistakes import JUMPS
from rfkit.auditing.mistakes import Mistake, Slip, mistake, worked_with
from rfkit.auditing.terms import Case, Size, jump_terms
from rfkit.auditing.values import whole
from rfkit.render.text import listing

SIZES: dict[str, Mistake[Size]] = {}


@mistake(SIZES, "r + (k-1)*j")
def dilation_left_out(terms: Size, _: Case) -> Slip[Size] | None:
    """The dilation is left out: the taps are counted as neighbours."""
    if terms.d in (None, 1):
        return None
    return Slip(replace(terms, d=None), f"the dilation {terms.d} left out")


@mistake(SIZES, "r + (k-1)*d")
def jump_left_out(terms: Size, _: Case) -> Slip[Size] | None:
    """The jump is left out: the taps are counted in pixels of the image, not in units of the map."""
    if terms.j in (None, 1):
        return None
    d = None if terms.d == 1 else terms.d
    return Slip(replace(terms, d=d, j=None), f"the jump {terms.j} left out")


@mistake(SIZES, "r + (k-1)*d*j'")
def stride_in_own_row(terms: Size, case: Case) -> Slip[Size] | None:
    """The layer's own stride is counted in its own row: the field grows with the jump behind it."""
    after = case.jump_after
    if terms.j is None or after is None or after == terms.j or case.step.free:
        return None
    return Slip(replace(terms, j=after), f"the jump {after} behind the layer taken for the jump {terms.j} before it")


@mistake(SIZES)
def kernel_taken_for_3(terms: Size, case: Case) -> Slip[Size] | None:
    """A 1x1 or 2x2 kernel is counted as 3x3."""
    if terms.k not in (1, 2) or case.step.transposed:
        return None
    return Slip(replace(terms, k=3), f"the {terms.k}x{terms.k} kernel counted as 3x3")


@mistake(SIZES, "r + k*d*j")
def whole_kernel_added(terms: Size, case: Case) -> Slip[Size] | None:
    """The kernel's whole size is added, not one less."""
    if not terms.minus or (terms.k == 1 and case.step.k != 1):
        return None
    return Slip(replace(terms, minus=False), f"the whole kernel {terms.k} added, not {terms.k}-1")


@mistake(SIZES, "r + (d*(k-1) + 1)*j")
def whole_span_added(terms: Size, _: Case) -> Slip[Size] | None:
    """The span of the dilated kernel is added whole, not one less."""
    if not terms.minus or terms.d in (None, 1):
        return None
    span = terms.d * (terms.k - 1) + 1 if terms.d is not None else terms.k
    words = f"the whole span {span} of the dilated kernel added, not {span}-1"
    return Slip(replace(terms, k=span, d=None, minus=False), words)


@mistake(SIZES, "r + (k*d-1)*j")
def dilation_times_kernel(terms: Size, _: Case) -> Slip[Size] | None:
    """The dilation multiplies the kernel, not the gaps between its taps."""
    if not terms.minus or terms.d in (None, 1):
        return None
    return Slip(
        replace(terms, k=terms.k * (terms.d or 1), d=None),
        f"the dilation {terms.d} multiplied with the kernel {terms.k}",
    )


@mistake(SIZES, "r")
def layer_not_counted(terms: Size, case: Case) -> Slip[Size] | None:
    """The layer is passed over: nothing is added for it."""
    if terms.k == 1 or not terms.minus:
        return None
    what = "pooling" if case.kind == "pool" else "layer"
    return Slip(replace(terms, k=1), f"nothing added for the {what}")


@mistake(SIZES)
def start_from_3(terms: Size, case: Case) -> Slip[Size] | None:
    """The calculation starts from 3, not from 1: one pixel of the image sees itself."""
    return _start(terms, case, 3)


@mistake(SIZES)
def start_from_0(terms: Size, case: Case) -> Slip[Size] | None:
    """The calculation starts from 0, not from 1: one pixel of the image sees itself."""
    return _start(terms, case, 0)


def _start(terms: Size, case: Case, value: int) -> Slip[Size] | None:
    if not case.first or "r_in" in case.given or terms.base != 1:
        return None
    return Slip(replace(terms, base=value), f"started from {value}, not from 1")


@mistake(SIZES)
def branches_chained(terms: Size, case: Case) -> Slip[Size] | None:
    """Branches that lie side by side are counted one after the other."""
    if case.above is None or not case.beside or "r_in" in case.given:
        return None
    label, above = case.above
    if above.r in (None, terms.base) or terms.base != case.own.r:
        return None
    jump = above.j if "j_in" not in case.given and above.j is not None else terms.j
    return Slip(replace(terms, base=above.r or 0, j=jump), f"counted on from {label}, which lies on another branch")


@mistake(SIZES)
def smaller_branch(terms: Size, case: Case) -> Slip[Size] | None:
    """Where paths meet, a smaller one is taken on instead of the largest."""
    found = [(label, state.r) for label, state in case.branches if state.r not in (None, case.own.r)]
    if not found or "r_in" in case.given or terms.base != case.own.r:
        return None
    label, size = found[0]
    return Slip(replace(terms, base=size or 0), f"taken on from {label}, not from the largest path {case.own.r}")


@mistake(SIZES)
def layers_left_out(terms: Size, case: Case) -> Slip[Size] | None:
    """Layers before this row are left out of the table, and nothing is counted for them."""
    if not case.skipped or case.above is None or "r_in" in case.given or terms.base != case.own.r:
        return None
    above = case.above[1]
    jump = above.j if "j_in" not in case.given and above.j is not None else terms.j
    if above.r is None or (above.r, jump) == (terms.base, terms.j):
        return None
    return Slip(replace(terms, base=above.r, j=jump), f"{listing(case.skipped)} not counted", lasting=True)


@mistake(SIZES)
def other_geometry(terms: Size, case: Case) -> Slip[Size] | None:
    """The row works with a kernel or a dilation that is not the layer's."""
    changed = {name: value for name, value in (case.geometry or {}).items() if name in "kd"}
    if not changed or case.step.transposed:
        return None
    found = replace(terms, k=changed.get("k", terms.k), d=changed.get("d", terms.d))
    return Slip(found, worked_with(changed))


@mistake(SIZES, "r + (k-1)*d*j")
def transposed_as_ordinary(terms: Size, case: Case) -> Slip[Size] | None:
    """A transposed convolution is counted like an ordinary one."""
    if not case.step.transposed or case.step.k is None:
        return None
    return Slip(replace(terms, k=case.step.k, d=case.step.d), "counted like an ordinary convolution")


def hidden_jumps(terms: Size, case: Case) -> list[tuple[str, Slip[Size]]]:
    """Slips in a jump that the table does not state: every mistake about jumps, made at the nearest layer that invites it."""
    if "j_in" in case.given or terms.j is None or terms.j != case.own.j:
        return []
    found: list[tuple[str, Slip[Size]]] = []
    for earlier in case.upstream:
        right = jump_terms(earlier)
        if right is None or not right.value:
            continue
        for known in JUMPS.values():
            slip = known.make(right, earlier)
            if slip is None or slip.terms.value == right.value or any(name == known.name for name, _ in found):
                continue
            jump = whole(Fraction(terms.j) * Fraction(slip.terms.value) / Fraction(right.value))
            words = f"a jump of {jump}, not {terms.j}: at {earlier.label} {slip.remark}"
            found.append((known.name, Slip(replace(terms, j=jump), words, lasting=True)))
    return found
