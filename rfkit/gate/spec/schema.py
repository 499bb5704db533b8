"""The JSON schema of a spec, for editors; the models of ``tables`` are the truth, and a spec it accepts may still be wrong."""

from __future__ import annotations

from typing import Any

from rfkit.gate.spec.tables import SpecTable

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of ``rfkit.toml``, and of ``[tool.rfkit]`` in a pyproject.toml."""
    schema = _without_null(SpecTable.model_json_schema())
    about = "What every network of a project must be: how large, how wide a view, of which parts."
    return {"$schema": DRAFT, **schema, "title": "rfkit.toml", "description": about}


def _without_null(schema: Any) -> Any:
    """The schema without ``null``, which TOML does not have, and without the titles that only repeat the keys."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _without_null(value)
        for key, value in schema.items()
        if not (key == "default" and value is None) and not (key == "title" and isinstance(value, str))
    }
    only = kept.get("anyOf", ())
    return {**only[0], **{key: value for key, value in kept.items() if key != "anyOf"}} if len(only) == 1 else kept
