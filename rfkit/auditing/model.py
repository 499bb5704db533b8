"""What an audit reads and what it finds, as plain frozen data.

A quantity is one of ``k s p d`` (the layer's window) or ``n r j`` before (``_in``) and behind (``_out``) the layer:
number of units, receptive field and jump, the latter two in input pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rfkit.report import Number

GEOMETRY = ("k", "s", "p", "d")
INPUTS = ("n_in", "r_in", "j_in")
OUTPUTS = ("r_out", "n_out", "j_out")
QUANTITIES = (*GEOMETRY, *INPUTS, *OUTPUTS)

Numbers = tuple[Number, ...]
"""One number for all axes, or one per axis."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        heading: as it was written.
        meanings: quantities its cells state, in order; or ``name``, ``type``, ``block``; empty where it is not read.
        certain: whether the heading says before or behind the layer (``j_out``), or leaves it open (``jump``).
    """

    heading: str
    meanings: tuple[str, ...]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its number in the file, its cells as written, and the block that it stands under."""

    number: int
    cells: tuple[str, ...]
    block: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as a person wrote it; ``header`` is the line number of its headings, 0 where there is none."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    source: str = "the table"
    header: int = 0
    decimal_comma: bool = False

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings as they were written."""
        return tuple(column.heading for column in self.columns)


class Verdict(StrEnum):
    """What is said of one number."""

    RIGHT = "right"
    WRONG = "wrong"
    INHERITED = "inherited"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A way to arrive at exactly the wrong number.

    Attributes:
        mistakes: names of the mistakes it takes, one or two.
        working: the arithmetic that gives the number, e.g. ``3 + (3-1)*2``.
        remark: what it does differently, e.g. ``the dilation 2 left out``.
    """

    mistakes: tuple[str, ...]
    working: str
    remark: str


@dataclass(frozen=True, slots=True)
class Check:
    """One stated number against the right one.

    Attributes:
        quantity: which number, see ``QUANTITIES``.
        stated: what the table says.
        right: what the network has; None where there is nothing to compare with.
        verdict: ``inherited``: worked out correctly, from a number that was already wrong.
        diagnoses: every way to arrive at the stated number; empty unless it is wrong, and where no mistake gives it.
        correction: the arithmetic of the right number, e.g. ``3 + (3-1)*2*2 = 11``.
    """

    quantity: str
    stated: Numbers
    right: Numbers | None
    verdict: Verdict
    diagnoses: tuple[Diagnosis, ...] = ()
    correction: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, the layer it was aligned with (None: it fits no layer), and what its numbers are worth.

    ``table`` counts the tables, or the branches of one table, from 0. ``fits`` is False where the row was expected to
    be a layer and is none.
    """

    table: int
    line: int
    name: str
    layer: str | None
    checks: tuple[Check, ...] = ()
    fits: bool = True

    def __getitem__(self, quantity: str) -> Check:
        """The check of a quantity. Raises KeyError where the row does not state it."""
        for check in self.checks:
            if check.quantity == quantity:
                return check
        raise KeyError(quantity)

    @property
    def wrong(self) -> tuple[Check, ...]:
        """The checks that failed in this row, inherited ones left out."""
        return tuple(check for check in self.checks if check.verdict is Verdict.WRONG)


@dataclass(frozen=True, slots=True)
class Claim:
    """One number stated for the whole network, before or after pooling.

    Attributes:
        line: its line in the file; 0 for a claim that was made alone.
        stated: what was claimed.
        right: the receptive field of the output, pooling included.
        right_features: that of the last map before pooling.
        verdict: ``right`` where it is either of the two.
        means: ``after pooling`` or ``before pooling``, where it is right; both may hold.
        diagnoses: every way to arrive at the number.
    """

    line: int
    stated: Numbers
    right: Numbers | None
    right_features: Numbers | None
    verdict: Verdict
    means: tuple[str, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A mistake that the table makes, and how far it goes.

    Attributes:
        mistake: its name.
        explanation: what it is, in a sentence.
        formula: the formula it amounts to, where there is one.
        quantity: which numbers it concerns.
        lines: where it gives exactly the wrong number.
        reproduced: stated numbers it would give if it were made in every row, of ``stated`` in all.
        stated: how many rows state such a number.
    """

    mistake: str
    explanation: str
    formula: str
    quantity: str
    lines: tuple[int, ...]
    reproduced: int
    stated: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        target: the network.
        input_shape: of the trace, the batch included.
        source: name of the file, or what was audited.
        rows: every row of every table, in order.
        claims: totals, of the table or claimed alone.
        patterns: the mistakes that were found, the most frequent first.
        missing: layers that change field, jump or number of units and have no row in any table.
        unread: headings that were not understood; their columns are kept as they are.
        notes: what a reader has to know, e.g. cells that are no numbers.
        verdict: the result in one sentence.
        tables: what was read, for the corrected table.
    """

    target: str
    input_shape: tuple[int, ...]
    source: str
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]
    patterns: tuple[Pattern, ...]
    missing: tuple[str, ...]
    unread: tuple[str, ...]
    notes: tuple[str, ...]
    verdict: str
    tables: tuple[Table, ...] = field(default=(), repr=False)

    @property
    def exit_status(self) -> int:
        """0 where nothing is wrong, 1 where something is."""
        wrong = any(row.wrong or not row.fits for row in self.rows)
        return int(wrong or any(claim.verdict is Verdict.WRONG for claim in self.claims))

    @property
    def unfitting(self) -> tuple[Row, ...]:
        """The rows that fit no layer."""
        return tuple(row for row in self.rows if not row.fits)

    def __str__(self) -> str:
        from rfkit.auditing.text import render

        return render(self)
