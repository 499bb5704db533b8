"""Rules written short: ``params = "< 200k"`` for ``params = { limit = "< 200k" }``, a list of parts for a table of them.

Short forms are written out before validation, so that every rule is a table afterwards, or None where ``false`` switches
off what the defaults ask. The JSON schema offers both.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from rfkit.gate.limits import shown

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Short:
    """The short form of one rule.

    Attributes:
        key: where it goes: ``"limit"`` makes ``"< 200k"`` into ``{limit = "< 200k"}``; None: ``true`` is the only one.
    """

    key: str | None = None

    def write_out(self, value: Any) -> Any:
        """The table that a short form stands for; None for ``false``."""
        if value is False:
            return None
        if isinstance(value, Mapping):
            return value
        if self.key is not None and not (value is True and self.key == "count"):
            return {self.key: value}
        if value is True:
            return {}
        raise ValueError(f"{shown(value)} is neither true nor false nor a table")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.write_out, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        (table,) = _alternatives(handler(core))
        short: list[Json] = [{"type": "boolean"}] if self.key in (None, "count") else [{"const": False}]
        if self.key is not None:
            properties = handler.resolve_ref_schema(table)["properties"]
            short = [*_alternatives(_plain(properties[self.key])), *short]
        return {"anyOf": [*short, table]}


@dataclass(frozen=True, slots=True)
class Named:
    """A list of parts for a table of rules by part: ``["dilated"]`` for ``{dilated = true}``.

    An item of the list may be a table with its name under ``part``.
    """

    def write_out(self, value: Any) -> Any:
        """The table that a list or a single name stands for; None for ``false``."""
        if value is False:
            return None
        if isinstance(value, Mapping):
            return value
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)):
            raise ValueError(f"{shown(value)} is neither a list nor a table of parts")
        table: dict[str, Any] = {}
        for item in items:
            name, rule = self._item(item)
            if name in table:
                raise ValueError(f"{shown(name)} is named twice")
            table[name] = rule
        return table

    def _item(self, item: Any) -> tuple[str, Any]:
        if isinstance(item, Mapping) and isinstance(item.get("part"), str):
            return item["part"], {key: rest for key, rest in item.items() if key != "part"}
        if isinstance(item, str):
            return item, True
        raise ValueError(f"{shown(item)} names no part: expected a name, or a table with one, e.g. {{ part = ... }}")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.write_out, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        (table,) = _alternatives(handler(core))
        name = table.get("propertyNames", {"type": "string", "minLength": 1})
        rule = next(each for each in table["additionalProperties"]["anyOf"] if "$ref" in each)
        item = copy.deepcopy(handler.resolve_ref_schema(rule))
        item["properties"] = {"part": name, **item["properties"]}
        item["required"] = ["part"]
        items = {"type": "array", "items": {"anyOf": [name, item]}}
        return {"anyOf": [items, name, {"const": False}, table]}


def _alternatives(schema: Json) -> list[Json]:
    """The alternatives of a schema but ``null``, which TOML does not have."""
    return [each for each in schema.get("anyOf", [schema]) if each != {"type": "null"}]


def _plain(schema: Json) -> Json:
    return {key: value for key, value in schema.items() if key not in ("title", "description", "examples", "default")}
