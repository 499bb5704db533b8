"""The entry of a spec as keywords of Python, for a network that a test has in its hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rfkit.errors import UsageError
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.spec.flags import from_keywords
from rfkit.gate.spec.merging import Source, exemptions_of
from rfkit.gate.spec.mistakes import dotted
from rfkit.gate.spec.tables import Rules


def model_of(target: str, asked: Mapping[str, object]) -> ModelSpec:
    """What keywords ask of a network: ``{"receptive_field": "> 44", "input_shape": (1, 3, 32, 32)}``.

    Args:
        target: the network's, or what the messages call it.
        asked: the keys that a network has in a spec, but its target; ``input_shape`` is another name of ``input``; what is
            None was not given.

    Raises:
        SpecError: all mistakes, a line each, with the keyword and what was given.
        UsageError: nothing is asked, or the input twice.
    """
    given = {key: value for key, value in asked.items() if value is not None}
    if "input_shape" in given:
        if "input" in given:
            raise UsageError("input and input_shape mean the same; leave one out")
        given["input"] = given.pop("input_shape")
    requirements = from_keywords(given)
    if not requirements:
        raise UsageError(f'nothing is asked of {target}; give a rule, e.g. params="< 200k"')
    rules = Rules.model_validate(given)
    return ModelSpec(
        name=target,
        target=target,
        arguments=rules.arguments or (),
        input_shape=rules.input,
        strict=bool(rules.strict),
        device=rules.device or "meta",
        requirements=tuple(replace(requirement, key=None) for requirement in requirements),
        exemptions=exemptions_of([Source(rules, (), dotted, dotted)]),
    )
