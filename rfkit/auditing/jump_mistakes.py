"""Mistakes about the jump, ``j' = j*s``."""

from __future__ import annotations

from dataclasses import replace

from rfkit.auditing.mistakes import Mistake, Slip, mistake
from rfkit.auditing.terms import Case, Jump

JUMPS: dict[str, Mistake[Jump]] = {}


@mistake(JUMPS, "j")
def pooling_stride_1(terms: Jump, case: Case) -> Slip[Jump] | None:
    """A pooling is treated as if its stride were 1; PyTorch's poolings stride by their kernel unless told otherwise."""
    if case.kind != "pool" or terms.s in (None, 1):
        return None
    return Slip(replace(terms, s=None), f"the pooling treated as stride 1, not {terms.s}")


@mistake(JUMPS, "j")
def stride_left_out(terms: Jump, case: Case) -> Slip[Jump] | None:
    """The jump is not multiplied by the stride."""
    if case.kind == "pool" or terms.s in (None, 1):
        return None
    return Slip(replace(terms, s=None), f"the stride {terms.s} left out")


@mistake(JUMPS, "j*s*s")
def stride_counted_twice(terms: Jump, _: Case) -> Slip[Jump] | None:
    """The stride is multiplied into the jump twice."""
    if terms.s in (None, 1) or terms.sign != "*":
        return None
    return Slip(replace(terms, extra=terms.s), f"the stride {terms.s} counted twice")


@mistake(JUMPS, "j + s")
def stride_added(terms: Jump, _: Case) -> Slip[Jump] | None:
    """The stride is added to the jump, not multiplied."""
    if terms.s is None or terms.j is None or terms.sign != "*":
        return None
    return Slip(replace(terms, sign="+"), f"the stride {terms.s} added, not multiplied")


@mistake(JUMPS, "s")
def earlier_jump_left_out(terms: Jump, _: Case) -> Slip[Jump] | None:
    """The stride itself is taken for the jump: the jump before the layer is left out."""
    if terms.j in (None, 1) or terms.s is None:
        return None
    return Slip(replace(terms, j=None), f"the jump {terms.j} before the layer left out")


@mistake(JUMPS, "j*s*d")
def dilation_in_the_jump(terms: Jump, case: Case) -> Slip[Jump] | None:
    """The dilation is multiplied into the jump; units behind a dilated layer are as close as before."""
    if case.step.d in (None, 1):
        return None
    return Slip(replace(terms, extra=case.step.d), f"the dilation {case.step.d} multiplied into the jump")


@mistake(JUMPS, "j*k")
def kernel_taken_for_stride(terms: Jump, case: Case) -> Slip[Jump] | None:
    """The jump is multiplied by the kernel, not by the stride."""
    if case.step.k in (None, 1) or case.step.k == case.step.s or case.step.transposed:
        return None
    return Slip(
        replace(terms, s=case.step.k), f"multiplied by the kernel {case.step.k}, not by the stride {case.step.s}"
    )


@mistake(JUMPS, "j*s")
def multiplied_not_divided(terms: Jump, _: Case) -> Slip[Jump] | None:
    """A transposed convolution makes units finer; its stride divides the jump."""
    if terms.sign != "/" or terms.s in (None, 1):
        return None
    return Slip(replace(terms, sign="*"), f"multiplied by the stride {terms.s}, not divided")
