"""Footprint: what every unit of one tensor sees of the input, and the primitives that operators are made of.

``slide`` (convolution, pooling, resampling, and with one tap slices, rolls, flips, pads), ``reduce`` (mean, softmax, matmul,
norms), ``reshape`` with ``permute`` and ``expand``, ``union`` (everything pointwise or joining) and ``concat``. All are pure.
Dimensions are those of the tensor; a footprint knows no operator and no module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Self

from rfkit.footprint import layout as layouts
from rfkit.footprint.axis import AxisField
from rfkit.footprint.layout import Layout
from rfkit.footprint.taps import Taps, fan


@dataclass(frozen=True, eq=False)
class Footprint:
    """What the units of a tensor see.

    Attributes:
        layout: how the tensor's dimensions are made of factors.
        axes: one field per input axis; None where the tensor sees nothing along it.
        context: identifiers of the operators through which whole-image context reached this tensor.
        misaligned: whether the operator that made this tensor joined paths that disagree in jump or centre.
        strided: whether a strided slice made it: such slices side by side (space to depth) differ in centre on purpose.
    """

    layout: Layout
    axes: tuple[AxisField | None, ...]
    context: frozenset[int] = frozenset()
    misaligned: bool = False
    strided: bool = False

    @classmethod
    def of_input(cls, shape: Sequence[int], spatial: Sequence[int], axes: Sequence[int], count: int) -> Self:
        """The footprint of an input tensor: its dimension ``spatial[i]`` is the input axis number ``axes[i]`` of ``count``."""
        fields: list[AxisField | None] = [None] * count
        for dim, axis in zip(spatial, axes, strict=True):
            fields[axis] = AxisField.of_input(shape, dim)
        return cls(layouts.plain(shape), tuple(fields))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return layouts.shape(self.layout)

    def position_dims(self, axis: int) -> tuple[int, ...]:
        """The tensor's dimensions that count positions of an input axis, those of size 1 included."""
        field = self.axes[axis]
        if field is None:
            return ()
        return tuple(d for d, span in enumerate(layouts.spans(self.layout)) if any(field.positions[f] for f in span))

    def outside(self, dims: Collection[int]) -> tuple[int, ...]:
        """Factors of all dimensions but these."""
        return tuple(f for d, span in enumerate(layouts.spans(self.layout)) if d not in dims for f in span)

    @cached_property
    def moving(self) -> tuple[bool, ...]:
        """Per axis, whether units at different positions are left (not after global pooling)."""
        sizes = layouts.factors(self.layout)
        return tuple(
            field is not None and any([p and n > 1 for p, n in zip(field.positions, sizes, strict=True)])
            for field in self.axes
        )

    def has_positions(self, axis: int) -> bool:
        """Whether units at different positions of an axis are left."""
        return self.moving[axis]

    def varies(self, dim: int) -> bool:
        """Whether units differ along a dimension, on any axis."""
        span = layouts.spans(self.layout)[dim]
        return any(field is not None and field.varies(f) for field in self.axes for f in span)

    def _each(self, change: Callable[[AxisField], AxisField], layout: Layout) -> Self:
        return type(self)(layout, tuple(None if f is None else change(f) for f in self.axes), self.context)

    def _reshaped(self, plan: tuple[layouts.Segment, ...], layout: Layout) -> Self:
        present = [f for f in self.axes if f is not None]
        axes: list[AxisField | None] = []
        for field in self.axes:
            if field is None:
                axes.append(None)
                continue
            others = [f.positions for f in present if f is not field]
            axes.append(field.reshape(plan, [any(p) for p in zip(*others, strict=True)] or [False] * len(field.jump)))
        return type(self)(layout, tuple(axes), self.context)

    def slide(self, dim: int, taps: Taps) -> Self | None:
        """Read a dimension through a window. Returns None where no unit sees anything any more."""
        dim %= len(self.layout)
        at = self if len(self.layout[dim]) == 1 else self.merge(dim)
        factor = layouts.spans(at.layout)[dim][0]
        layout = (*at.layout[:dim], (len(taps.index),), *at.layout[dim + 1 :])
        lines = any(f is not None and f.positions[factor] for f in at.axes)
        result = at._each(lambda f: f.slide(factor, taps, not lines), layout)
        shrunk = taps.dead is not None or len(taps.index) < at.layout[dim][0]
        return result._without_unseen() if shrunk else result

    def _without_unseen(self) -> Self | None:
        """Units left with nothing but padding along one axis see nothing along the others either; None if that is all."""
        unseen = None
        for field in self.axes:
            if field is None:
                continue
            empty = field.extent.reduce([f for f, p in enumerate(field.positions) if p]).unseen()
            if empty.any():
                unseen = empty if unseen is None else unseen | empty
        if unseen is None:
            return self
        if unseen.all():
            return None
        mask = unseen
        return self._each(lambda f: replace(f, extent=f.extent.without(mask)), self.layout)

    def gather(self, dim: int, taps: Taps) -> Self | None:
        """As ``slide``, but a dimension along which nothing varies is only resized."""
        if not self.varies(dim % len(self.layout)) and taps.dead is None:
            return self.relabel(dim % len(self.layout), len(taps.index))
        return self.slide(dim, taps)

    def fan(
        self, dim: int, units: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> Self | None:
        """Lay out the windows of a dimension as two dimensions, ``units`` windows by ``kernel`` taps."""
        at = self if len(self.layout[dim]) == 1 else self.merge(dim)
        before = layouts.spans(at.layout)[dim][0]
        slid = at.slide(dim, fan(at.layout[dim][0], units, kernel, stride, padding, dilation))
        if slid is None:
            return None
        wide = slid.reshape((*slid.shape[:dim], units, kernel, *slid.shape[dim + 1 :]))
        spans = layouts.spans(wide.layout)
        steps = {spans[dim][0]: stride, spans[dim + 1][0]: dilation}
        axes = []
        for old, new in zip(at.axes, wide.axes, strict=True):
            if old is None or new is None or not old.positions[before]:
                axes.append(new)
                continue
            slope = old.jump[before] * (new.den // old.den)
            jump = tuple(slope * steps[f] if f in steps else j for f, j in enumerate(new.jump))
            positions = tuple(f in steps or p for f, p in enumerate(new.positions))
            axes.append(replace(new, jump=jump, positions=positions))
        return replace(wide, axes=tuple(axes))

    def relabel(self, dim: int, size: int) -> Self:
        """Give a dimension along which nothing varies another size."""
        span = layouts.spans(self.layout)[dim]
        layout = (*self.layout[:dim], (size,), *self.layout[dim + 1 :])
        if layout == self.layout:
            return self
        extra = list(span)[1:]
        return self._each(lambda f: f.drop(extra) if extra else f, layout)

    def with_lines_of(self, other: Footprint) -> Self:
        """The same exact fields with another's closed form (a change at the border does not alter the interior's)."""
        plain = layouts.plain(self.shape)
        pairs = zip(self.aligned_to(plain).axes, other.aligned_to(plain).axes, strict=True)
        axes = tuple(a if a is None or b is None else replace(b, extent=a.extent) for a, b in pairs)
        return type(self)(plain, axes, self.context)

    def aligned_to(self, layout: Layout) -> Self:
        """The same with every dimension merged into one factor where ``layout`` has one."""
        result = self
        for dim, group in enumerate(layout):
            if len(group) == 1 and len(result.layout[dim]) > 1:
                result = result.merge(dim)
        return result

    def merge(self, dim: int) -> Self:
        """Merge the factors of one dimension into one."""
        segments = []
        for d, group in enumerate(self.layout):
            if d == dim:
                segments.append(layouts.Segment(group, (prod(group),), None))
            else:
                segments.append(layouts.Segment(group, group, tuple((n,) for n in group)))
        layout = (*self.layout[:dim], (prod(self.layout[dim]),), *self.layout[dim + 1 :])
        plan = tuple(segments)
        return self._reshaped(plan, layout)

    def reduce(self, dims: Collection[int], keepdim: bool = False) -> Self:
        """Join all units along some dimensions (mean, max, a contraction)."""
        rank = len(self.layout)
        dims = {d % rank for d in dims}
        spans, sizes = layouts.spans(self.layout), layouts.factors(self.layout)
        over = [f for d in sorted(dims) for f in spans[d] if sizes[f] > 1]
        surplus = [f for d in dims for f in (list(spans[d])[1:] if keepdim else spans[d])]
        layout = tuple((1,) if d in dims else group for d, group in enumerate(self.layout) if keepdim or d not in dims)

        def change(field: AxisField) -> AxisField:
            field = field.reduce(over, [sizes[f] for f in over]) if over else field
            return field.drop(surplus) if surplus else field

        return self._each(change, layout)

    def spread(self, dims: Collection[int], local: bool, cause: int) -> Self:
        """Join all units along some dimensions and give the result back to each (norms, softmax).

        ``local``: positions are not mixed, the operator ``cause`` is noted as context instead; what does not count
        positions (channels) is mixed all the same.
        """
        rank = len(self.layout)
        dims = {d % rank for d in dims}
        spans, sizes = layouts.spans(self.layout), layouts.factors(self.layout)
        over = [f for d in sorted(dims) for f in spans[d] if sizes[f] > 1]
        context = self.context

        def change(field: AxisField) -> AxisField:
            nonlocal context
            positions = [f for f in over if field.positions[f]]
            if not local and positions:
                kept = field.jump
                mixed = field.reduce(over, [sizes[f] for f in over])
                jump = tuple(0 if f in positions else j for f, j in enumerate(kept))
                return replace(mixed, jump=jump, regular=mixed.regular or not any(jump))
            if positions and any(field.jump[f] for f in positions):
                context = context | {cause}
            here = [f for f in over if not field.positions[f] and field.varies(f)]
            return field.reduce(here, [sizes[f] for f in here]) if here else field

        axes = tuple(None if f is None else change(f) for f in self.axes)
        if all(a is b for a, b in zip(axes, self.axes, strict=True)) and context == self.context:
            return self
        return type(self)(self.layout, axes, context)

    def reshape(self, shape: Sequence[int]) -> Self:
        """View as another shape of as many elements."""
        segments, layout = layouts.plan_reshape(self.layout, tuple(shape))
        if layout == self.layout:
            return self
        field = self._reshaped(segments, layout)
        lengths = [len(group) for group in layout]
        return field._pad_unit_dims(lengths)

    def _pad_unit_dims(self, lengths: Sequence[int]) -> Self:
        """Give dimensions of size 1, which a plan leaves without a factor, their factor back."""
        where, f = [], 0
        for group, length in zip(self.layout, lengths, strict=True):
            if group == (1,):
                where.append(f)
            f += length
        return self._each(lambda field: field.insert(where), self.layout) if where else self

    def permute(self, dims: Sequence[int]) -> Self:
        """Reorder the dimensions."""
        rank = len(self.layout)
        spans = layouts.spans(self.layout)
        order = [f for d in dims for f in spans[d % rank]]
        return self._each(lambda f: f.permute(order), tuple(self.layout[d % rank] for d in dims))

    def unsqueeze(self, dim: int) -> Self:
        """A new dimension of size 1."""
        dim %= len(self.layout) + 1
        at = sum(len(group) for group in self.layout[:dim])
        return self._each(lambda f: f.insert([at]), (*self.layout[:dim], (1,), *self.layout[dim:]))

    def squeeze(self, dims: Collection[int]) -> Self:
        """Drop those of the given dimensions that have size 1."""
        drop = {d % len(self.layout) for d in dims}
        drop = {d for d in drop if self.layout[d] == (1,)}
        factors = [layouts.spans(self.layout)[d][0] for d in drop]
        layout = tuple(group for d, group in enumerate(self.layout) if d not in drop)
        return self._each(lambda f: f.drop(factors), layout) if drop else self

    def expand(self, shape: Sequence[int]) -> Self:
        """Broadcast to a shape: new dimensions in front, and dimensions of size 1 repeated."""
        if tuple(shape) == self.shape:
            return self
        extra = len(shape) - len(self.layout)
        old = ((1,),) * extra + self.layout
        layout = tuple(group if prod(group) == n else (n,) for group, n in zip(old, shape, strict=True))
        grown = [span[0] for span, a, b in zip(layouts.spans(old), old, layout, strict=True) if a != b]

        def change(field: AxisField) -> AxisField:
            field = field.insert(range(extra)) if extra else field
            for factor in grown:
                field = field.forget(factor)
            return field

        return self._each(change, layout)

    def mix(self, dim: int, groups: int, out: int) -> Self:
        """Make each unit along a dimension from all units of its group (the channels of a convolution)."""
        if not self.varies(dim):
            return self.relabel(dim, out)
        if groups == 1:
            whole = self.reduce([dim], keepdim=True)
            factor = layouts.spans(whole.layout)[dim][0]
            return whole._each(lambda f: f.forget(factor), whole.layout).relabel(dim, out)
        shape = self.shape
        split = self.reshape((*shape[:dim], groups, shape[dim] // groups, *shape[dim + 1 :]))
        mixed = split.reduce([dim + 1], keepdim=True)
        mixed = mixed._each(lambda f: f.forget(layouts.spans(mixed.layout)[dim + 1][0]), mixed.layout)
        wide = mixed.expand((*shape[:dim], groups, out // groups, *shape[dim + 1 :]))
        return wide.reshape((*shape[:dim], out, *shape[dim + 1 :]))

    def aligned(self, layout: Layout) -> Self:
        """The same in a finer layout of a shape this one broadcasts to."""
        wide = self.expand(layouts.shape(layout))
        if wide.layout == layout:
            return wide
        segments: list[layouts.Segment] = []
        for old, new in zip(wide.layout, layout, strict=True):
            if old == new:
                segments.append(layouts.Segment(old, new, tuple((n,) for n in old)))
            else:
                segments.extend(_regroup(old, new))
        plan = tuple(segments)
        return wide._reshaped(plan, layout)


def _regroup(old: tuple[int, ...], new: tuple[int, ...]) -> list[layouts.Segment]:
    """Segments that turn one dimension's factors into finer ones, or merge them where they do not fit."""
    if layouts.refine((old, new)) != new:
        return [layouts.Segment(old, new, None)]
    segments, rest = [], list(new)
    for n in old:
        piece: list[int] = []
        while prod(piece) < n:
            piece.append(rest.pop(0))
        segments.append(layouts.Segment((n,), tuple(piece), (tuple(piece),)))
    return segments
