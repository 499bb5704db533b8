"""Every check by its key in a spec: a requirement and a network in, an answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rfkit.gate.checks.answers import Answer, NoLayerError, Subject
from rfkit.gate.checks.blocks import conv_blocks
from rfkit.gate.checks.graph import Graph
from rfkit.gate.checks.measurable import MEASURES
from rfkit.gate.checks.measures import measure
from rfkit.gate.checks.structure import (
    aligned,
    forbid,
    no_unproductive_layers,
    no_unused_modules,
    output_shape,
    require,
)
from rfkit.gate.checks.wording import counted
from rfkit.gate.findings import Status
from rfkit.gate.requirements import Requirement
from rfkit.render.text import listing

Check = Callable[[Requirement, Subject], Answer]

CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(MEASURES, measure),
    "output_shape": output_shape,
    "require": require,
    "forbid": forbid,
    "conv_blocks": conv_blocks,
    "no_unused_modules": no_unused_modules,
    "no_unproductive_layers": no_unproductive_layers,
    "aligned": aligned,
}

_CODES = {
    "output_shape": "RF107",
    "require": "RF201",
    "forbid": "RF202",
    "conv_blocks": "RF203",
    "no_unused_modules": "RF204",
    "no_unproductive_layers": "RF301",
    "aligned": "RF302",
}


def check(requirement: Requirement, subject: Subject) -> Answer:
    """Answer a requirement; one whose pattern matches no layer is undecided.

    Raises:
        ValueError: if there is no such check.
    """
    if requirement.check not in CHECKS:
        raise ValueError(f"there is no check {requirement.check!r}; there are {', '.join(CHECKS)}")
    try:
        return CHECKS[requirement.check](requirement, subject)
    except NoLayerError as nothing:
        text = " x ".join(limit.text for limit in requirement.limits) or None
        return Answer(code_of(requirement), Status.UNDECIDED, str(nothing), None, text)


def code_of(requirement: Requirement) -> str:
    """The code a requirement has where it holds: that of the lower side where its limit has two."""
    if requirement.check in _CODES:
        return _CODES[requirement.check]
    low = not requirement.limits or requirement.limits[0].low is not None
    return MEASURES[requirement.check].codes[0 if low else 1]


def unknown_operators(graph: Graph) -> Answer | None:
    """The operators without a rule that ran, and what cannot be decided because of them; None where there are none."""
    first = {layer.unknown: layer for layer in reversed(list(graph)) if layer.unknown}
    if not first:
        return None
    start = next(layer for layer in graph if layer.unknown)
    behind = sum(layer.unknown is not None for layer in graph)
    names = listing(sorted(first), 60)
    lost = f"the fields of {counted(behind, 'layer')} from {start.label} on are not known"
    if None in graph.report.totals.receptive_field:
        lost += ", nor is the network's"
    return Answer(
        "RF401",
        Status.BROKEN,
        f"{names}: no rule for {'this operator' if len(first) == 1 else 'these operators'}; {lost}",
        listing(sorted(first), 60),
        layer=start.label,
        help=(
            "teach rfkit the operator with @rfkit.rule, or replace it; until then limits on what follows are undecided",
        ),
        culprits=(start.label,),
    )
