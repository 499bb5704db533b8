"""What the keys of a spec hold: for every kind of value, how it is read and how the JSON schema describes it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import partial
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from rfkit.gate.findings import Severity
from rfkit.gate.limits import Limit, parse_limits
from rfkit.gate.quantities import COUNT, HOLE, MEMORY, SHARE, SIZE, WINDOW, Quantity
from rfkit.gate.spec import readers
from rfkit.gate.spec.vocabulary import known_codes, part_names

Json = dict[str, Any]

_NUMBER = r"(?=\.?[0-9])([0-9][0-9_,]*)?(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?(\s*/\s*[0-9]+)?"
_COMPARISON = "([<>]=?|==?|=[<>]|≤|≥)"
_TEXT: Json = {"type": "string", "minLength": 1}
_SIZES: Json = {
    "anyOf": [
        {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1},
        {"type": "string", "pattern": r"^\s*[(\[]?\s*[0-9]+(\s*[xX×,*]\s*[0-9]+)*\s*[)\]]?\s*$"},
    ]
}
_SYNONYM: Json = {"type": "string", "pattern": r"^\s*([Cc]\s*[0-9]+[\s,-]*)+[0oO]?\s*$"}


def limit_text(quantity: Quantity) -> str:
    """A regular expression that every limit on a quantity matches, and few other texts do."""
    number = f"{_NUMBER}\\s*({'|'.join(quantity.units) or 'px'})?"
    one = rf"{_COMPARISON}?\s*{number}"
    axes = rf"(\s*[xX×]\s*{number})*" if quantity.per_axis else ""
    more = rf"(\s*(,|&|and\b)\s*{_COMPARISON}\s*{number})*"
    return rf"^\s*({one}({axes}|{more})|{number}\s*\.\.+\s*{number})\s*$"


def _limit_schema(quantity: Quantity) -> Json:
    number: Json = {"type": "number", "minimum": 0}
    if quantity.most is not None:
        number["maximum"] = int(quantity.most)
    one = {"anyOf": [{"type": "string", "pattern": limit_text(quantity)}, number]}
    return {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]} if quantity.per_axis else one


Limits = tuple[Limit, ...]
Length = Annotated[Limits, PlainValidator(partial(parse_limits, quantity=SIZE)), WithJsonSchema(_limit_schema(SIZE))]
Hole = Annotated[Limits, PlainValidator(partial(parse_limits, quantity=HOLE)), WithJsonSchema(_limit_schema(HOLE))]
Window = Annotated[
    Limits, PlainValidator(partial(parse_limits, quantity=WINDOW)), WithJsonSchema(_limit_schema(WINDOW))
]
Count = Annotated[Limits, PlainValidator(partial(parse_limits, quantity=COUNT)), WithJsonSchema(_limit_schema(COUNT))]
Memory = Annotated[
    Limits, PlainValidator(partial(parse_limits, quantity=MEMORY)), WithJsonSchema(_limit_schema(MEMORY))
]
Share = Annotated[Limits, PlainValidator(partial(parse_limits, quantity=SHARE)), WithJsonSchema(_limit_schema(SHARE))]
Blocks = Annotated[
    readers.Blocks,
    PlainValidator(readers.conv_blocks),
    WithJsonSchema({"anyOf": [*_limit_schema(COUNT)["anyOf"], _SYNONYM]}),
]

Text = Annotated[str, PlainValidator(readers.text), WithJsonSchema(_TEXT)]
Switch = Annotated[bool, PlainValidator(readers.switch), WithJsonSchema({"type": "boolean"})]
Sizes = Annotated[tuple[int, ...], PlainValidator(readers.sizes), WithJsonSchema(_SIZES)]
Arguments = Annotated[
    tuple[str, ...],
    PlainValidator(readers.arguments),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "array"}]}),
]
Device = Annotated[
    str, PlainValidator(readers.device), WithJsonSchema({"type": "string", "enum": list(readers.DEVICES)})
]
Level = Annotated[
    Severity,
    PlainValidator(readers.severity),
    WithJsonSchema({"type": "string", "enum": [str(each) for each in Severity]}),
]
Part = Annotated[str, PlainValidator(readers.part), WithJsonSchema({"type": "string", "enum": part_names()})]
Forbidden = Annotated[str, PlainValidator(readers.forbidden), WithJsonSchema(_TEXT)]
Code = Annotated[str, PlainValidator(readers.code), WithJsonSchema({"type": "string", "enum": known_codes()})]
Codes = Annotated[
    tuple[str, ...],
    PlainValidator(readers.codes),
    WithJsonSchema({"type": "array", "items": {"type": "string", "pattern": "^[Rr][Ff]?[0-9]*$"}}),
]
Day = Annotated[
    date, PlainValidator(readers.day), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
]
Tolerance = Annotated[Fraction, PlainValidator(readers.share), WithJsonSchema({"anyOf": _limit_schema(SHARE)["anyOf"]})]
Seconds = Annotated[
    float,
    PlainValidator(readers.seconds),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": "^[0-9.]+ *[a-z]*$"}]}
    ),
]
Bytes = Annotated[
    int,
    PlainValidator(readers.memory),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": readers.LEAST_MEMORY}, {"type": "string", "pattern": "^[0-9]"}]}
    ),
]
