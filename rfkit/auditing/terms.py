"""The right calculation of a row as terms that a mistake can change: value and arithmetic follow from the terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from rfkit.auditing.network import State, Step
from rfkit.auditing.values import whole
from rfkit.report import Number


def shown(value: Number) -> str:
    """A number inside an expression: a fraction or a negative number in parentheses."""
    return str(value) if Fraction(value).denominator == 1 and value >= 0 else f"({value})"


@dataclass(frozen=True, slots=True)
class Size:
    """``base + (k-1)*d*j``. A dilation or a jump of None is left out; ``taps`` is what ``k`` is less 1, or whole."""

    base: Number
    k: Number
    d: Number | None
    j: Number | None
    minus: bool = True

    @property
    def value(self) -> Number:
        """What the terms come to."""
        taps = self.k - 1 if self.minus else self.k
        return whole(self.base + taps * (1 if self.d is None else self.d) * (1 if self.j is None else self.j))

    @property
    def words(self) -> str:
        """The arithmetic."""
        taps = f"({shown(self.k)}-1)" if self.minus else shown(self.k)
        factors = [taps, *(shown(value) for value in (self.d, self.j) if value is not None)]
        return f"{shown(self.base)} + {'*'.join(factors)}"


@dataclass(frozen=True, slots=True)
class Jump:
    """``j*s``; a stride of None is left out. ``sign`` is ``*``, ``+`` or, for a transposed convolution, ``/``."""

    j: Number | None
    s: Number | None
    sign: str = "*"
    extra: Number | None = None

    @property
    def value(self) -> Number:
        """What the terms come to."""
        j, s = Fraction(1 if self.j is None else self.j), Fraction(1 if self.s is None else self.s)
        found = {"*": j * s, "+": j + s, "/": j / s}[self.sign if self.j is not None and self.s is not None else "*"]
        return whole(found * Fraction(1 if self.extra is None else self.extra))

    @property
    def words(self) -> str:
        """The arithmetic."""
        first = self.sign.join(shown(value) for value in (self.j, self.s) if value is not None)
        return first + (f"*{shown(self.extra)}" if self.extra is not None else "")


@dataclass(frozen=True, slots=True)
class Units:
    """``floor((n + 2*p - d*(k-1) - 1)/s) + 1``; ``sides`` of the padding, ``ends`` with the last ``+ 1``.

    ``form``: ``right``; ``lone one`` for ``(n - (k-1)*(d-1) - 1)/s + 1``; ``kept`` for ``n/s``. ``rounding``: ``floor``,
    ``ceil``, or empty for none.
    """

    n: Number
    k: int
    s: int
    p: int
    d: int
    sides: int = 2
    ends: bool = True
    rounding: str = "floor"
    form: str = "right"

    @property
    def value(self) -> Number:
        """What the terms come to."""
        share = Fraction(self._top()) / self.s
        rounded = floor(share) if self.rounding == "floor" else ceil(share) if self.rounding == "ceil" else share
        return whole(Fraction(rounded + (1 if self.ends and self.form != "kept" else 0)))

    def _top(self) -> Number:
        if self.form == "kept":
            return self.n
        if self.form == "lone one":
            return self.n - (self.k - 1) * (self.d - 1) - 1
        return self.n + self.sides * self.p - self.d * (self.k - 1) - 1

    @property
    def words(self) -> str:
        """The arithmetic."""
        n = shown(self.n)
        if self.form == "kept":
            return f"{self.rounding}({n}/{self.s})"
        if self.form == "lone one":
            top = f"{n} - ({self.k}-1)*({self.d}-1) - 1"
        else:
            padding = {0: "", 1: f" + {self.p}", 2: f" + 2*{self.p}"}[self.sides]
            top = f"{n}{padding} - {self.d}*({self.k}-1) - 1"
        return f"{self.rounding}(({top})/{self.s})" + (" + 1" if self.ends else "")


@dataclass(frozen=True, slots=True)
class Case:
    """All that a mistake can draw on: the layer's true geometry on one axis, and the row's own inputs.

    Attributes:
        step: the layer.
        kind: ``conv``, ``pool``, ``up``, ...
        own: the numbers in front of the layer as the table has them.
        given: which numbers the row itself states.
        geometry: the row's own kernel, stride, padding, dilation, where they are not the layer's.
        first: whether no row comes before it.
        above: the layer of the row above, and the numbers behind it.
        skipped: layers between the row above and this one that have no row.
        branches: the paths that meet here, and their numbers.
        upstream: cases of the layers before it whose jump the table does not state, nearest first.
        label: the layer's label.
        beside: whether the layer of the row above does not lie before this one.
        other_jump: the jump in front of the layer if a slip above, which may be one about jumps, was one.
    """

    step: Step
    kind: str
    own: State
    given: frozenset[str] = frozenset()
    geometry: Mapping[str, int] | None = None
    first: bool = False
    above: tuple[str, State] | None = None
    skipped: tuple[str, ...] = ()
    branches: tuple[tuple[str, State], ...] = ()
    upstream: tuple[Case, ...] = ()
    label: str = ""
    beside: bool = False
    other_jump: Number | None = None

    @property
    def other(self) -> Case | None:
        """The case with the other jump."""
        if self.other_jump is None:
            return None
        return replace(self, own=replace(self.own, j=self.other_jump), other_jump=None)

    @property
    def jump_after(self) -> Number | None:
        """The jump behind the layer, worked out from the row's own inputs."""
        return self.step(self.own).j


def size_terms(case: Case) -> Size | None:
    """The right calculation of the field, from the row's own inputs; None where no formula with a window gives it."""
    step, own = case.step, case.own
    if step.k is None or step.d is None or own.r is None or own.j is None or step.growth is None:
        return None
    k, d = (whole(step.growth + 1), None) if step.transposed else (step.k, step.d)
    found = Size(own.r, k, d, own.j)
    return found if found.value == step(own).r else None


def jump_terms(case: Case) -> Jump | None:
    """The right calculation of the jump, from the row's own inputs."""
    step, own = case.step, case.own
    if step.s is None or own.j is None:
        return None
    found = Jump(own.j, step.s, "/" if step.transposed else "*")
    return found if found.value == step(own).j else None


def units_terms(case: Case) -> Units | None:
    """The right calculation of the number of units, from the row's own inputs."""
    step, own = case.step, case.own
    if own.n is None or step.k is None or step.s is None or step.p is None or step.d is None or step.transposed:
        return None
    right = step(own).n
    found = Units(own.n, step.k, step.s, step.p, step.d)
    return next((form for form in (found, replace(found, rounding="ceil")) if form.value == right), None)
