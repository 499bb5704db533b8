"""Which moves may mend which broken rule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rfkit.gate.checks.structure import ALIASES
from rfkit.gate.findings import Finding
from rfkit.gate.requirements import Requirement
from rfkit.suggesting import moves
from rfkit.suggesting.moves import Move

_SEES_MORE: tuple[Move, ...] = (moves.dilate, moves.enlarge, moves.stride, moves.add)
_SEES_LESS: tuple[Move, ...] = (moves.undilate, moves.reduce, moves.unstride, moves.leave_out)
_CHEAPER: tuple[Move, ...] = (moves.separate, moves.narrow, moves.reduce, moves.leave_out)
_DEARER: tuple[Move, ...] = (moves.widen, moves.enlarge, moves.add)

_MEASURES: Mapping[str, tuple[tuple[Move, ...], tuple[Move, ...]]] = {
    "receptive_field": (_SEES_MORE, _SEES_LESS),
    "receptive_field_features": (_SEES_MORE, _SEES_LESS),
    "coverage": (_SEES_MORE, _SEES_LESS),
    "jump": ((moves.stride,), (moves.unstride,)),
    "params": (_DEARER, _CHEAPER),
    "macs": (_DEARER, (*_CHEAPER, moves.stride)),
    "activation_memory": (_DEARER, (moves.narrow, moves.stride, moves.leave_out)),
    "kernel_size": ((moves.enlarge,), (moves.reduce,)),
    "stride": ((moves.stride,), (moves.unstride,)),
    "dilation": ((moves.dilate,), (moves.undilate,)),
    "max_hole": ((), (moves.undilate, moves.dilate, moves.enlarge)),
}
"""By the key of a measure, what makes it larger and what makes it smaller."""

_PARTS: Mapping[str, tuple[tuple[Move, ...], tuple[Move, ...]]] = {
    "depthwise_separable": ((moves.separate,), ()),
    "depthwise": ((moves.separate,), ()),
    "pointwise": ((moves.separate, moves.reduce, moves.add_scores), ()),
    "grouped": ((moves.separate,), ()),
    "dilated": ((moves.dilate,), (moves.undilate,)),
    "strided_convolution": ((moves.stride, moves.replace_maxima), (moves.unstride,)),
    "global_average_pooling": ((moves.average_all,), ()),
    "linear_after_pooling": ((moves.add_scores, moves.average_all), ()),
    "normalization": ((moves.add,), ()),
    "max_pooling": ((), (moves.replace_maxima, moves.average_all)),
}
"""By the name of a part, what adds one and what takes one away."""

_STRUCTURE: Mapping[str, tuple[Move, ...]] = {
    "aligned": (moves.align,),
    "no_unproductive_layers": (moves.leave_out, moves.unstride, moves.reduce),
}


def moves_for(requirement: Requirement, finding: Finding) -> tuple[Move, ...]:
    """The moves that may mend a broken requirement, those that change least first; none where nothing is known to help."""
    check = requirement.check
    if check in _MEASURES:
        larger, smaller = _MEASURES[check]
        return larger if _too_small(requirement, finding) else smaller
    if check in ("require", "forbid"):
        name = str(requirement.subject)
        more, less = _PARTS.get(ALIASES.get(name, name), ((), (moves.replace_maxima,)))
        if check == "require" and _too_small(requirement, finding):
            return more
        return (*less, moves.leave_out)
    if check == "output_shape":
        asked = requirement.subject if isinstance(requirement.subject, tuple) else ()
        return (moves.average_all, *(partial(moves.scores, size=size) for size in asked[-1:]))
    return _STRUCTURE.get(check, ())


def _too_small(requirement: Requirement, finding: Finding) -> bool:
    """Whether a value lies below its limit; of values per axis, whether the first that misses it does."""
    values = [_number(word) for word in str(finding.value).split("x")]
    limits = requirement.limits
    each = limits if len(limits) == len(values) else limits[:1] * len(values)
    missed = ((value, limit) for value, limit in zip(values, each, strict=True) if value is not None)
    return next((limit.too_small(value) for value, limit in missed if not limit.holds(value)), True)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
