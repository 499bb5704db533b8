"""Mistakes about the number of units, ``n' = floor((n + 2*p - d*(k-1) - 1)/s) + 1``."""

from __future__ import annotations

from dataclasses import replace

from rfkit.auditing.mistakes import Mistake, Slip, mistake, worked_with
from rfkit.auditing.terms import Case, Units

UNITS: dict[str, Mistake[Units]] = {}


@mistake(UNITS, "floor((n + 2*p - (k-1) - 1)/s) + 1")
def dilation_left_out_of_n(terms: Units, _: Case) -> Slip[Units] | None:
    """The dilation is left out of the number of units."""
    if terms.d == 1 or terms.form != "right":
        return None
    return Slip(replace(terms, d=1), f"the dilation {terms.d} left out")


@mistake(UNITS, "(n - (k-1)*(d-1) - 1)/s + 1")
def lone_one(terms: Units, _: Case) -> Slip[Units] | None:
    """The formula with a lone 1 is used: what a dilated kernel takes off is its span k + (k-1)*(d-1), not 1 + (k-1)*(d-1)."""
    if terms.form != "right" or terms.sides != 2:
        return None
    return Slip(replace(terms, form="lone one"), "the formula with a lone 1 instead of k")


@mistake(UNITS, "floor((n - d*(k-1) - 1)/s) + 1")
def padding_left_out(terms: Units, _: Case) -> Slip[Units] | None:
    """The padding is left out of the number of units."""
    if not terms.p or terms.sides != 2 or terms.form != "right":
        return None
    return Slip(replace(terms, sides=0), f"the padding {terms.p} left out")


@mistake(UNITS, "floor((n + p - d*(k-1) - 1)/s) + 1")
def padding_on_one_side(terms: Units, _: Case) -> Slip[Units] | None:
    """The padding is counted on one side only."""
    if not terms.p or terms.sides != 2 or terms.form != "right":
        return None
    return Slip(replace(terms, sides=1), f"the padding {terms.p} counted on one side only")


@mistake(UNITS, "ceil((n + 2*p - d*(k-1) - 1)/s) + 1")
def rounded_up(terms: Units, _: Case) -> Slip[Units] | None:
    """The number of units is rounded up where PyTorch rounds down."""
    return Slip(replace(terms, rounding="ceil"), "rounded up, not down") if terms.rounding == "floor" else None


@mistake(UNITS)
def rounded_down(terms: Units, _: Case) -> Slip[Units] | None:
    """The number of units is rounded down where this layer rounds up (ceil_mode)."""
    return Slip(replace(terms, rounding="floor"), "rounded down, not up") if terms.rounding == "ceil" else None


@mistake(UNITS, "(n + 2*p - d*(k-1) - 1)/s + 1")
def not_rounded(terms: Units, _: Case) -> Slip[Units] | None:
    """The number of units is not rounded down."""
    return Slip(replace(terms, rounding=""), "not rounded down") if terms.rounding else None


@mistake(UNITS, "floor((n + 2*p - d*(k-1) - 1)/s)")
def last_one_left_out(terms: Units, _: Case) -> Slip[Units] | None:
    """The last + 1 is left out of the number of units."""
    return Slip(replace(terms, ends=False), "the last + 1 left out") if terms.ends and terms.form != "kept" else None


@mistake(UNITS, "n + 2*p - d*(k-1)")
def stride_left_out_of_n(terms: Units, case: Case) -> Slip[Units] | None:
    """The stride is left out of the number of units."""
    if terms.s == 1:
        return None
    what = "the pooling treated as stride 1" if case.kind == "pool" else f"the stride {terms.s} left out"
    return Slip(replace(terms, s=1), what)


@mistake(UNITS, "ceil(n/s)")
def taken_for_same(terms: Units, _: Case) -> Slip[Units] | None:
    """The layer is counted as if its padding kept the size."""
    if terms.form != "right" or terms.sides != 2 or terms.k == 1:
        return None
    return Slip(replace(terms, form="kept", rounding="ceil"), f"as if a padding of {terms.p} kept the size")


@mistake(UNITS)
def other_window(terms: Units, case: Case) -> Slip[Units] | None:
    """The row works with a kernel, stride, padding or dilation that is not the layer's."""
    changed = case.geometry or {}
    if not changed or terms.form != "right":
        return None
    found = replace(
        terms,
        k=changed.get("k", terms.k), s=changed.get("s", terms.s), p=changed.get("p", terms.p), d=changed.get("d", terms.d),
    )  # fmt: skip
    return Slip(found, worked_with(changed)) if found.s else None
