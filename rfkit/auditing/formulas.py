"""Two formulas that the documents give, against PyTorch's, on the documents' own examples.

The sizes come from the first document (a 3x3 kernel with dilation 2 on a map of jump 2), the output sizes from the
second (a figure of a 7x7 input, a 3x3 kernel with dilation 2, a 3x3 output). Each formula is also shown on a case in
which it gives the right number, which is why it goes unnoticed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rfkit.auditing.network import State, Step, units
from rfkit.auditing.size_mistakes import SIZES
from rfkit.auditing.terms import Case, Size, Units, size_terms
from rfkit.auditing.unit_mistakes import UNITS
from rfkit.report import Number

SCHEMA = "rfkit.formulas/1"


@dataclass(frozen=True, slots=True)
class Example:
    """One case: what it is, the arithmetic and number of the document's formula, and those of the right one."""

    case: str
    stated: str
    stated_value: Number
    right: str
    right_value: Number

    @property
    def agrees(self) -> bool:
        """Whether the document's formula gives the right number here."""
        return self.stated_value == self.right_value


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula of a document beside the right one, with examples: where they differ, and where they do not."""

    about: str
    stated: str
    right: str
    leaves_out: str
    examples: tuple[Example, ...]


def formulas() -> tuple[Formula, ...]:
    """The documents' formulas, every number worked out."""
    return (
        Formula(
            about="Receptive field behind a convolution (first document)",
            stated="r' = r + (k-1)*d",
            right="r' = r + (k-1)*d*j",
            leaves_out="It leaves out the jump j, the distance in pixels between neighbouring units: right as long as "
            "no stride came before, too small behind one.",
            examples=(
                _size("conv2.0 of the first document's network: r 3, k 3, d 2, and j 2 behind a stride", 3, 3, 2, 2),
                _size("the second document's figure, on the image itself: r 1, k 3, d 2, j 1", 1, 3, 2, 1),
            ),
        ),
        Formula(
            about="Number of units behind a dilated convolution (second document)",
            stated="n' = (n - (k-1)*(d-1) - 1)/s + 1",
            right="n' = floor((n + 2*p - d*(k-1) - 1)/s) + 1",
            leaves_out="It takes 1 + (k-1)*(d-1) off where a dilated kernel spans k + (k-1)*(d-1) units, has no "
            "padding p, and does not round down: right only where k-1 = 2*p, as for 3x3 with padding 1, at stride 1.",
            examples=(
                _units("the second document's figure, which shows 3x3: n 7, k 3, d 2, s 1, p 0", 7, 3, 1, 0, 2),
                _units("the same kernel with padding 1: n 7, k 3, d 2, s 1, p 1", 7, 3, 1, 1, 2),
            ),
        ),
    )


def _size(case: str, r: int, k: int, d: int, j: int) -> Example:
    after = State(r + (k - 1) * d * j, j, None)
    found = Case(Step(k, 1, 0, d, State(r, j, None), after, (k - 1) * d, 1), "conv", State(r, j, None))
    right = size_terms(found) or Size(r, k, d, j)
    slip = SIZES["jump_left_out"].make(right, found)
    stated = Size(r, k, d, None) if slip is None else slip.terms
    return Example(case, stated.words, stated.value, right.words, right.value)


def _units(case: str, n: int, k: int, s: int, p: int, d: int) -> Example:
    step = Step(k, s, p, d, State(1, 1, n), State(None, s, units(n, k, s, p, d)), None, s)
    right = Units(n, k, s, p, d)
    slip = UNITS["lone_one"].make(right, Case(step, "conv", State(1, 1, n)))
    stated = replace(right if slip is None else slip.terms, rounding="")
    return Example(case, stated.words, stated.value, right.words, right.value)


def render(width: int = 120) -> str:
    """The page, ending in a newline; no line exceeds ``width`` columns (at least 40)."""
    lines: list[str] = []
    for formula in formulas():
        lines += [*_wrapped(formula.about, width, 0), f"  written: {formula.stated}", f"  right:   {formula.right}"]
        lines += _wrapped(formula.leaves_out, width, 2)
        for example in formula.examples:
            mark = "=" if example.agrees else "✗"
            lines += ["", *_wrapped(f"{mark} {example.case}", width, 2, 4)]
            lines += _aligned(example)
        lines.append("")
    return (
        "\n".join([*lines, *_wrapped("✗ the written formula is wrong here; = it gives the right number.", width, 0)])
        + "\n"
    )


def _aligned(example: Example) -> list[str]:
    pairs = (("written", example.stated, example.stated_value), ("right", example.right, example.right_value))
    column = max(len(words) for _, words, _ in pairs)
    return [f"    {name + ':':<8} {words:<{column}} = {value}" for name, words, value in pairs]


def _wrapped(words: str, width: int, indent: int, hanging: int | None = None) -> list[str]:
    later = " " * (indent if hanging is None else hanging)
    return textwrap.wrap(
        words, max(width, 40), initial_indent=" " * indent, subsequent_indent=later, break_on_hyphens=False
    )


def to_dict(found: Sequence[Formula] | None = None) -> dict[str, Any]:
    """The page as JSON values, schema ``rfkit.formulas/1``."""
    shown = formulas() if found is None else found
    return {"schema": SCHEMA, "formulas": [_entry(formula) for formula in shown]}


def _entry(formula: Formula) -> dict[str, Any]:
    return {
        "about": formula.about,
        "stated": formula.stated,
        "right": formula.right,
        "leaves_out": formula.leaves_out,
        "examples": [
            {
                "case": example.case,
                "stated": example.stated,
                "stated_value": str(example.stated_value),
                "right": example.right,
                "right_value": str(example.right_value),
                "agrees": example.agrees,
            }
            for example in formula.examples
        ],
    }
