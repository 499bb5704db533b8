"""One step of a hand calculation: from what a layer's source sees to what the layer sees, along one axis.

A step is tried against the textbook's formulas, in the order below; the first that gives the report's own size and jump
is written out, every other is dropped. So nothing is printed as an equation that is not one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from rfkit.report import Layer, Number, Report

INTERPOLATIONS = ("upsampl", "interpolat", "resize")
FIRST_CENTRE = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class State:
    """Field size r, jump j and number of units n along one axis, in input pixels; None where there is none to tell."""

    r: Number | None
    j: Number | None
    n: int | None

    @classmethod
    def of(cls, report: Report, layer: Layer | None, axis: int) -> State:
        """What a layer sees; without a layer, the input itself."""
        if layer is None:
            return cls(1, 1, report.spatial[axis])
        positions = units(report, layer)
        return cls(layer.receptive_field[axis], layer.jump[axis] or None, positions[axis] if positions else None)

    def __str__(self) -> str:
        named = (("r", self.r), ("j", self.j), ("n", self.n))
        return ", ".join(f"{name} = {value}" for name, value in named if value is not None)


def units(report: Report, layer: Layer) -> tuple[int, ...] | None:
    """Units per spatial axis, in a tensor that has one dimension for each; None for any other.

    A report does not say whether channels come first or last: whichever way round units times jump is nearer to the
    image is taken.
    """
    size, shape = report.spatial, layer.output_shape
    if len(shape) != len(size) + 2:
        return None
    first, last = shape[2:], shape[1:-1]
    return first if _misfit(first, layer, size) <= _misfit(last, layer, size) else last


def _misfit(counts: Sequence[int], layer: Layer, size: Sequence[int]) -> float:
    ratios = [n * Fraction(j) / whole for n, j, whole in zip(counts, layer.jump, size, strict=True) if j and n]
    return float(sum(max(ratio, 1 / ratio) for ratio in ratios))


@dataclass(frozen=True, slots=True)
class Path:
    """One source of a step: what the source sees along the axis, and the layer that gave it that size."""

    origin: str
    state: State
    start: Number | None


def describe(layer: Layer, paths: Sequence[Path], before: State, after: State, axis: int) -> str:
    """The step in words and equations; empty where it changes neither r, j nor n.

    Args:
        layer: the layer that the step is about.
        paths: its sources that carry the local field; more than one is a join.
        before: what the deciding source sees.
        after: what the layer sees, by the report.
        axis: the spatial axis.
    """
    if after.r is None:
        return f"not known: {layer.unknown or 'an operator'} has no rule"
    if len(layer.kernel_size or ()) == len(layer.receptive_field) and before.j is not None:
        worked = _window(layer, before, after, axis)
    elif len(paths) > 1:
        worked = _join(layer, paths, after, axis)
    elif not differs(before, after):
        return ""
    else:
        worked = next(filter(None, (form(layer, before, after) for form in FORMS)), "")
    return worked or _measured(layer, after)


def differs(before: State, after: State) -> bool:
    """Whether r, j or n changes, as far as both are known."""
    return after.r != before.r or any(
        new is not None and old is not None and new != old for old, new in ((before.j, after.j), (before.n, after.n))
    )


def _measured(layer: Layer, after: State) -> str:
    how = "an upper bound" if "bound" in layer.flags else "measured"
    return f"{after} ({how}: no textbook formula)"


def _window(layer: Layer, before: State, after: State, axis: int) -> str:
    """A kernel that slides, or a transposed convolution."""
    r, j = before.r, before.j
    if r is None or j is None:
        return ""
    k, s, p, d = (
        values[axis] if values else usual
        for values, usual in ((layer.kernel_size, 1), (layer.stride, 1), (layer.padding, 0), (layer.dilation, 1))
    )
    if layer.transposed:
        size = equation(
            "r", f"{r} + (ceil(({d}*({k}-1) + 1)/{s}) - 1)*{_n(j)}", r + (ceil((d * (k - 1) + 1) / s) - 1) * j
        )
        jump = equation("j", f"{_n(j)}/{s}", Fraction(j) / s)
    else:
        size = equation("r", f"{r} + ({k}-1)*{d}*{_n(j)}", r + (k - 1) * d * j)
        jump = equation("j", f"{_n(j)}*{s}", j * s)
    count = _transposed_units if layer.transposed else _units
    return _said(after, size, jump, count(before.n, after.n, k, s, p, d))


def _said(after: State, size: Equation, jump: Equation, count: str) -> str:
    """The equations of a step, provided that size and jump are the report's own."""
    if size.value != after.r or (after.j is not None and jump.value != after.j):
        return ""
    parts = [str(size), str(jump) if after.j is not None else "", count]
    return ", ".join(part for part in parts if part)


def _units(n: int | None, units: int | None, k: int, s: int, p: int, d: int) -> str:
    """The equation for the number of units: the usual one, rounded up, or with one more unit of padding behind."""
    if n is None or units is None:
        return f"n = {units}" if units is not None else ""
    for q, rounded in ((p, floor), (p, ceil), (p + 1, floor)):
        if rounded(Fraction(n + p + q - d * (k - 1) - 1, s)) + 1 == units:
            padded = f"2*{p}" if q == p else f"{p} + {q}"
            return f"n = {rounded.__name__}(({n} + {padded} - {d}*({k}-1) - 1)/{s}) + 1 = {units}"
    return f"n = {units}"


def _transposed_units(n: int | None, units: int | None, k: int, s: int, p: int, d: int) -> str:
    if n is None or units is None:
        return f"n = {units}" if units is not None else ""
    extra = units - ((n - 1) * s - 2 * p + d * (k - 1) + 1)
    if not 0 <= extra < max(s, d):
        return f"n = {units}"
    output_padding = f" + {extra}" if extra else ""
    return f"n = ({n}-1)*{s} - 2*{p} + {d}*({k}-1) + 1{output_padding} = {units}"


def _join(layer: Layer, paths: Sequence[Path], after: State, axis: int) -> str:
    """Paths that meet: the largest where they share a centre, else from the first left edge to the last right edge."""
    sizes = [path.state.r for path in paths if path.state.r is not None]
    if len(sizes) < len(paths):
        return ""
    if max(sizes) == after.r:
        text = f"{equation('r', f'max({_listed(sizes)})', max(sizes))}, largest of {_paths(paths)}"
    else:
        text = _hull(paths, after)
    smallest = layer.receptive_field_min[axis]
    if text and smallest is not None and smallest != after.r:
        text += f"; the shortest path sees {smallest}"
    rest = str(State(None, after.j, after.n))
    return f"{text}; {rest}" if text and rest else text


def _listed(sizes: Sequence[Number]) -> str:
    shown = sizes if len(sizes) <= 4 else [max(sizes), *sorted(set(sizes) - {max(sizes)})[:1]]
    return ", ".join(str(size) for size in (shown if len(shown) > 1 else [*shown, *shown]))


def _paths(paths: Sequence[Path]) -> str:
    named = [f"{path.state.r} ({path.origin})" for path in paths]
    if len(paths) <= 4:
        return ", ".join(named)
    order = sorted(range(len(paths)), key=lambda i: paths[i].state.r or 0)
    return f"{len(paths)} paths: {named[order[-1]]}, the smallest {named[order[0]]}"


def _hull(paths: Sequence[Path], after: State) -> str:
    edges = [
        (path.start - Fraction(path.state.r) / 2, path.start + Fraction(path.state.r) / 2)
        for path in paths
        if path.start is not None and path.state.r is not None
    ]
    if len(edges) < len(paths) or len(edges) > 4:
        return ""
    left, right = [edge for edge, _ in edges], [edge for _, edge in edges]
    size = equation("r", f"max({', '.join(map(_n, right))}) - min({', '.join(map(_n, left))})", max(right) - min(left))
    where = ", ".join(f"{path.state.r} ({path.origin})" for path in paths)
    return f"{size}, from the first left edge to the last right edge of {where}" if size.value == after.r else ""


def _moved(_: Layer, before: State, after: State) -> str:
    """A crop, a pad: other positions, seen as before."""
    return f"n = {after.n}; r and j stay" if (after.r, after.j) == (before.r, before.j) else ""


def _thinned(_: Layer, before: State, after: State) -> str:
    """A slice with a step: every second unit, every third."""
    if before.r is None or not before.j or not after.j or Fraction(after.j) / before.j < 2:
        return ""
    s = Fraction(after.j) / before.j
    jump = equation("j", f"{_n(before.j)}*{_n(s)}", before.j * s)
    said = _said(after, equation("r", str(before.r), before.r), jump, f"n = {after.n}" if after.n else "")
    return f"{said} (one of {s} units)" if said else ""


def _whole(_: Layer, before: State, after: State) -> str:
    """All positions at once: global pooling, attention, a linear layer on flattened positions."""
    if before.r is None or before.j is None or before.n is None:
        return ""
    size = equation("r", f"{before.r} + ({before.n}-1)*{_n(before.j)}", before.r + (before.n - 1) * before.j)
    if size.value != after.r or (after.j is not None and after.j != before.j):
        return ""
    rest = str(State(None, after.j, after.n))
    return f"{size}{', ' if rest else ''}{rest} (all {before.n} units at once)"


def _bins(_: Layer, before: State, after: State) -> str:
    """Adaptive pooling whose bins are all alike: a kernel as long as its stride."""
    if before.r is None or before.j is None or not before.n or not after.n or before.n % after.n:
        return ""
    k = before.n // after.n
    size = equation("r", f"{before.r} + ({k}-1)*{_n(before.j)}", before.r + (k - 1) * before.j)
    return _said(after, size, equation("j", f"{_n(before.j)}*{k}", before.j * k), f"n = {before.n}/{k} = {after.n}")


def _resampled(layer: Layer, before: State, after: State) -> str:
    """Interpolation from one, two or four neighbouring units."""
    if not any(word in layer.type.lower() for word in INTERPOLATIONS):
        return ""
    return _finer(before, after, "{t} neighbours per unit", (1, 2, 4))


def _shuffled(layer: Layer, before: State, after: State) -> str:
    """Channels laid out as positions: finer units that see the same."""
    return _finer(before, after, "", (1,)) if "shuffle" in layer.type.lower() else ""


def _finer(before: State, after: State, comment: str, taps: Sequence[int]) -> str:
    if before.r is None or before.j is None or not after.j:
        return ""
    scale = Fraction(before.j) / after.j
    for t in taps:
        size = equation("r", f"{before.r} + ({t}-1)*{_n(before.j)}", before.r + (t - 1) * before.j)
        jump = equation("j", f"{_n(before.j)}/{_n(scale)}", before.j / scale)
        if said := _said(after, size, jump, f"n = {after.n}" if after.n is not None else ""):
            return f"{said} ({comment.format(t=t)})" if comment and t > 1 else said
    return ""


def _gathered(layer: Layer, before: State, after: State) -> str:
    """Positions laid out as channels: as many units fewer as each sees more."""
    if "unshuffle" not in layer.type.lower() or before.r is None or not before.j or not after.j:
        return ""
    s = Fraction(after.j) / before.j
    size = equation("r", f"{before.r} + ({_n(s)}-1)*{_n(before.j)}", before.r + (s - 1) * before.j)
    return _said(
        after, size, equation("j", f"{_n(before.j)}*{_n(s)}", before.j * s), f"n = {after.n}" if after.n else ""
    )


FORMS: tuple[Callable[[Layer, State, State], str], ...] = (
    _moved,
    _gathered,
    _shuffled,
    _resampled,
    _whole,
    _bins,
    _thinned,
)


@dataclass(frozen=True, slots=True)
class Equation:
    """``r = 3 + (3-1)*2*2 = 11``: a name, an expression, and what the expression is worth."""

    name: str
    expression: str
    value: Number

    def __str__(self) -> str:
        result = str(self.value)
        return f"{self.name} = {result}" if self.expression == result else f"{self.name} = {self.expression} = {result}"


def equation(name: str, expression: str, value: Number) -> Equation:
    """An equation, its value a whole number where it is one."""
    exact = Fraction(value)
    return Equation(name, expression, int(exact) if exact.denominator == 1 else exact)


def _n(value: Number) -> str:
    """A number inside an expression: a fraction or a negative number in parentheses."""
    return str(value) if Fraction(value).denominator == 1 and value >= 0 else f"({value})"
