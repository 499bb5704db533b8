"""The tables of a spec, as pydantic models: which keys there are, and what each may hold.

``examples`` of a key are what messages and the JSON schema offer, as TOML writes them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rfkit.gate.findings import Severity
from rfkit.gate.limits import AT_LEAST_ONE, quoted
from rfkit.gate.spec.mistakes import dotted
from rfkit.gate.spec.short_forms import Named, Short
from rfkit.gate.spec.values import (
    Arguments,
    Blocks,
    Bytes,
    Code,
    Codes,
    Count,
    Day,
    Device,
    Forbidden,
    Hole,
    Length,
    Level,
    Memory,
    Part,
    Seconds,
    Share,
    Sizes,
    Switch,
    Text,
    Tolerance,
    Window,
)


def key(description: str, *examples: Any, default: Any = None) -> Any:
    """A key that may be left out."""
    return Field(default, description=description, examples=list(examples) or None)


class Table(BaseModel):
    """A table in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Rule(Table):
    """What any rule may add."""

    severity: Level = key("How much it matters: only an error makes the check fail.", "warning", default=Severity.ERROR)
    message: Text | None = key("The team's own message, shown when the rule is broken.", "The course's limit")


class LengthRule(Rule):
    """A limit on a length in pixels of the input, for all axes or one per axis."""

    limit: Length


class HoleRule(Rule):
    """A limit on a number of neighbouring pixels, for all axes or one per axis."""

    limit: Hole


class WindowRule(Rule):
    """A limit on a convolution's geometry, for all axes or one per axis."""

    limit: Window


class CountRule(Rule):
    """A limit on a count."""

    limit: Count


class MemoryRule(Rule):
    """A limit on an amount of memory."""

    limit: Memory


class ShareRule(Rule):
    """A limit on a share of the image."""

    limit: Share


class BlocksRule(Rule):
    """A limit on the number of convolution blocks, or the assignment's synonym."""

    limit: Blocks


class ShapeRule(Rule):
    """The shape of an output."""

    shape: Sizes


class SwitchRule(Rule):
    """A rule that is on or off."""


class PartRule(Rule):
    """How often a part must occur."""

    count: Count = key("How often; without it, at least once.", ">= 2", default=(AT_LEAST_ONE,))


class ForbidRule(Rule):
    """A part, operator or class that must not occur."""


class ExceptionTable(Table):
    """Findings that do not count: one that matches nothing, or is past its day, is an error itself."""

    rule: Code = Field(description="The code of the rule; `rfkit rule` lists them.", examples=["RF301"])
    layer: Text | None = key("Pattern of layers; without it, any layer and the network as a whole.", "conv5.*")
    reason: Text = Field(description="Why.", examples=["kept for the pretrained weights"])
    until: Day | None = key("The last day on which it holds.", "2027-01-01")


class LayerRules(Table):
    """What can be asked of single layers."""

    receptive_field: Annotated[LengthRule | None, Short("limit")] = key(
        "Receptive field, in pixels of the input; of the network: that of its output, pooling included.", "> 44"
    )
    jump: Annotated[LengthRule | None, Short("limit")] = key(
        "Distance in pixels between neighbouring units; of the network: where positions are last told apart.", "<= 8"
    )
    coverage: Annotated[ShareRule | None, Short("limit")] = key("Share of the image that is seen.", ">= 90%")
    max_hole: Annotated[HoleRule | None, Short("limit")] = key(
        "Longest run of pixels skipped between those that the centre unit reaches; of the network: of its features.",
        "<= 1",
    )
    params: Annotated[CountRule | None, Short("limit")] = key("Parameters.", "< 200k")
    macs: Annotated[CountRule | None, Short("limit")] = key("Multiply-accumulates for one input.", "< 60M")
    activation_memory: Annotated[MemoryRule | None, Short("limit")] = key(
        "Memory that the results of the layers take, for one input.", "< 2 MiB"
    )
    kernel_size: Annotated[WindowRule | None, Short("limit")] = key("Kernel of every convolution.", "<= 7")
    stride: Annotated[WindowRule | None, Short("limit")] = key("Stride of every convolution.", "<= 2")
    dilation: Annotated[WindowRule | None, Short("limit")] = key("Dilation of every convolution.", "<= 4")
    require: Annotated[dict[Part, Annotated[PartRule | None, Short("count")]] | None, Named()] = key(
        "Parts that must occur.", ["depthwise_separable", "dilated"]
    )
    forbid: Annotated[dict[Forbidden, Annotated[ForbidRule | None, Short()]] | None, Named()] = key(
        "Parts, operators and classes of layers that must not occur.", ["MaxPool2d", "max_pool"]
    )


class Rules(LayerRules):
    """How a network is run, and what is asked of it."""

    input: Sizes | None = key("Channels and positions; without it, what the network states, else the usual.", "3x32x32")
    arguments: Arguments | None = key(
        "Arguments of the constructor: a table by name, a list by position.", {"dropout": 0.1}
    )
    strict: Switch | None = key("Whether context (gates, norms over positions) counts as part of the field.", True)
    device: Device | None = key("`meta`, or `cpu` for a forward that needs real numbers.", "cpu")
    receptive_field_features: Annotated[LengthRule | None, Short("limit")] = key(
        "Receptive field of the last feature map, before the positions are pooled away.", ">= 32"
    )
    output_shape: Annotated[ShapeRule | None, Short("shape")] = key("Shape of the output, the batch included.", [1, 10])
    conv_blocks: Annotated[BlocksRule | None, Short("limit")] = key(
        "Blocks of convolutions; `C1C2C3C40` is at least 4, and no max pooling.", ">= 4"
    )
    no_unused_modules: Annotated[SwitchRule | None, Short()] = key("No module that the forward never calls.", True)
    no_unproductive_layers: Annotated[SwitchRule | None, Short()] = key(
        "No convolution whose input already sees more than the image.", True
    )
    aligned: Annotated[SwitchRule | None, Short()] = key("No join of paths that disagree in jump or centre.", True)
    layers: dict[Text, LayerRules] | None = key("Rules for the layers that match a pattern.")
    exceptions: list[ExceptionTable] | None = key("Findings that do not count.")


class ModelTable(Rules):
    """One network."""

    target: Text = Field(
        description="`model.py:Net`, relative to the folder of the spec; may be a glob.", examples=["model.py:Net"]
    )


class SpecTable(Table):
    """A whole spec."""

    baseline: Text | None = key(
        "File that `rfkit baseline` keeps, relative to the folder of the spec.", "rfkit-baseline.json"
    )
    tolerance: Tolerance | None = key("By how much a figure may be worse than in the baseline.", "2%")
    timeout: Seconds | None = key("Seconds that each network may take.", 60)
    memory: Bytes | None = key("Memory that each network may take.", "4 GiB")
    stub_missing: Switch | None = key("Whether imports of missing packages become inert stand-ins.", True)
    select: Codes | None = key("Only these rules: codes, or what several of them start with.", ["RF1", "RF201"])
    ignore: Codes | None = key("All rules but these.", ["RF301"])
    defaults: Rules | None = key("What is asked of every model, and of targets named on the command line.")
    models: dict[Text, ModelTable] | None = key("The networks, by name.")


def examples() -> dict[str, Any]:
    """By key, a right value."""
    tables = (Rule, PartRule, ExceptionTable, ModelTable, SpecTable)
    return {name: field.examples[0] for each in tables for name, field in each.model_fields.items() if field.examples}


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{dotted((name,))} = {toml(item)}" for name, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)
